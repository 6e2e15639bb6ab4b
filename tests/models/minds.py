"""Models as the tests ask them: of each API, at the fake provider, with waits that are counted and not waited for."""

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import anthropic as anthropic_sdk
import openai as openai_sdk
from pydantic import BaseModel, Field

from agents.runtime.model import Prompt
from agents.runtime.models import anthropic, openai
from agents.runtime.models.remote import Remote
from agents.runtime.models.troubles import Place
from agents.runtime.models.wire import Patience
from tests.models import fake_provider as fake
from tests.models.fake_provider import Answer

SDKS = (anthropic_sdk, openai_sdk)
"""Imported before anything is timed."""
Api: TypeAlias = Literal["chat", "responses", "messages"]
APIS: tuple[Api, ...] = ("chat", "responses", "messages")
KEY = "key-correct-horse-battery-staple"
PROMPT = Prompt("The rules.", ("Which colour?", "Not taken so far: mauve."))
PRICE = (2.0, 0.5, 10.0)


class Choice(BaseModel):
    """A decision as agents ask for it."""

    colour: Literal["red", "blue"]
    why: str = Field(description="In one sentence", max_length=200)
    count: int = 1


GOOD: dict[str, Any] = {"colour": "red", "why": "It is.", "count": 2}
GOOD_TEXT = '{"colour": "red", "why": "It is.", "count": 2}'


@dataclass
class Naps:
    """Waits, noted instead of waited for."""

    taken: list[float] = field(default_factory=list[float])

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


def model(api: Api, url: str, naps: Naps | None = None, *, key: str = KEY, **more: Any) -> Remote:
    """Return a model at `url` that speaks the API."""
    patience = more.pop("patience", None) or Patience(total_s=20, sleep=naps or Naps())
    if api == "messages":
        place = Place("anthropic:m", key, "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", url)
        return Remote("m", place, anthropic.Messages(), anthropic.SDK, price=PRICE, patience=patience, **more)
    place = Place("openai:m", key, "OPENAI_API_KEY", "OPENAI_BASE_URL", f"{url}/v1")
    dialect = openai.Chat(("max_tokens", "max_completion_tokens")) if api == "chat" else openai.Responses()
    return Remote("m", place, dialect, openai.SDK, price=PRICE, patience=patience, **more)


def answered(api: Api, text: str) -> Answer:
    """Return the answer with this text, in the shape of the API."""
    match api:
        case "chat":
            return fake.chat(text)
        case "responses":
            return fake.responses(text)
        case "messages":
            return fake.messages(fake.said(text), stop="end_turn")


def fitting(api: Api, answer: BaseModel) -> Answer:
    """Return the answer as models give it that are held to a schema: as JSON, or as the arguments of the one tool."""
    if api == "messages":
        return fake.messages(fake.decided(answer.model_dump(mode="json")))
    return answered(api, answer.model_dump_json())
