"""Whatever can decide for an agent, as one thing to be parametrized over: each opens a model that solves an issue.

A provider's shape is the adapter of its API at a server on loopback that answers by script, as the broken repository's
own good model does. Another shape is one more entry.
"""

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import TypeAlias

from pydantic import BaseModel

from agents.runtime.model import Model, ScriptedModel
from state.events import thought_of
from state.spending import Usage
from state.store import Record
from tests.agents.broken import Broken
from tests.models.fake_provider import Answer, provider
from tests.models.minds import APIS, PRICE, Api, fitting, model

Mind: TypeAlias = Callable[[Broken, bool], AbstractAsyncContextManager[Model]]
"""Given the repository, and whether it answers well: the model, for as long as it can be asked."""


def said(broken: Broken, *, well: bool) -> list[BaseModel]:
    """Return what any model says about the repository, in the order it is asked; or a wrong patch, each time."""
    return broken.answers(*([broken.good()] if well else [broken.bad()] * 4))


def scripted_for(api: Api, broken: Broken, *, well: bool = True) -> list[Answer]:
    """Return what a provider sends for the same words, in the shape of its API."""
    return [fitting(api, answer) for answer in said(broken, well=well)]


@asynccontextmanager
async def scripted(broken: Broken, well: bool) -> AsyncGenerator[Model]:
    yield ScriptedModel(*said(broken, well=well))


@asynccontextmanager
async def remote(api: Api, broken: Broken, well: bool) -> AsyncGenerator[Model]:
    with provider(*scripted_for(api, broken, well=well)) as server:
        yield model(api, server.url)


MINDS: dict[str, Mind] = {"scripted": scripted, **{api: partial(remote, api) for api in APIS}}
"""The same issue in plain words, whoever decides: any model, or a client that answers; one rule of evidence."""

CALL = Usage(
    input_tokens=1000,
    cached_tokens=800,
    output_tokens=20,
    cost=(200 * PRICE[0] + 800 * PRICE[1] + 20 * PRICE[2]) / 1e6,
)
"""What each call of the fake provider takes, at the price of the models that ask it."""


def takes(mind: str) -> Usage:
    """Return what the log must say that one decision took."""
    if mind == "scripted":
        return Usage(model="scripted")
    return CALL.model_copy(update={"model": "anthropic:m" if mind == "messages" else "openai:m"})


def taken(records: Iterable[Record]) -> list[Usage]:
    """Return what the log says that each call of a model took, failed ones too."""
    return [asked.usage for record in records if (asked := thought_of(record.event)) is not None]
