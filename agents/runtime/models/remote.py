"""A model behind an HTTP API: asks once and, where that may help, again, within the time a decision has."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

import anyio
from pydantic import BaseModel

from agents.runtime.model import Decision, ModelError, Prompt
from agents.runtime.models.answers import answer_in, fitting, unfit
from agents.runtime.models.loose import count, inner
from agents.runtime.models.schemas import Form, form_of
from agents.runtime.models.troubles import Place, Received, Unavailable, keyless, no_json, too_slow, trouble
from agents.runtime.models.ways import Ways, fewer
from agents.runtime.models.wire import Patience, Sdk
from state.spending import Usage

ModelT = TypeVar("ModelT", bound=BaseModel)
Stop: TypeAlias = Literal["end", "length", "filter", "refusal", "tool", "nothing"]
Price: TypeAlias = tuple[float, float, float]
"""Dollars for a million tokens: read, read from the cache, written."""
LONGEST_ANSWER = 16_384
"""Tokens. A decision is small; what a model thinks before it counts too."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What one call took."""

    read: int = 0
    cached: int = 0
    """Of those read."""
    written: int = 0


NONE = Tokens()


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model said, whichever API said it."""

    stop: Stop
    text: str = ""
    value: Any = None
    """The answer, where the API gives it parsed."""
    tokens: Tokens = NONE


class Dialect(Protocol):
    """One API: where it is, how it is asked, how its answers are read."""

    path: str
    first: Ways

    def body(self, name: str, prompt: Prompt, form: Form, ways: Ways, temperature: float | None) -> dict[str, Any]: ...

    def read(self, body: Mapping[str, Any]) -> Reply: ...


@dataclass
class Spent:
    """What the calls of one decision took together, also those that brought nothing."""

    usage: Usage
    price: Price

    def add(self, took: Tokens) -> None:
        cached = min(took.cached, took.read)
        fresh, known, written = self.price
        cost = ((took.read - cached) * fresh + cached * known + took.written * written) / 1e6
        one = Usage(input_tokens=took.read, cached_tokens=cached, output_tokens=took.written, cost=cost)
        self.usage = plus(self.usage, one)


def plus(one: Usage, other: Usage) -> Usage:
    """Return what both took; the model named is the last that is."""
    return Usage(
        model=other.model or one.model,
        input_tokens=one.input_tokens + other.input_tokens,
        cached_tokens=one.cached_tokens + other.cached_tokens,
        output_tokens=one.output_tokens + other.output_tokens,
        cost=one.cost + other.cost,
    )


@dataclass
class Remote:
    """One model of one provider. What it learns about the server it remembers as long as it lives."""

    name: str
    place: Place
    dialect: Dialect
    sdk: Sdk
    needs_key: bool = False
    temperature: float | None = None
    price: Price = (0.0, 0.0, 0.0)
    patience: Patience = field(default_factory=Patience)
    ways: Ways | None = None

    async def decide(self, prompt: Prompt, returns: type[ModelT]) -> Decision[ModelT]:
        """Return the decision.

        Raises:
            Unavailable: The provider gave no answer.
            ModelError: Its answer is none that can be taken.
        """
        spent = Spent(Usage(model=self.place.who), self.price)
        try:
            if self.needs_key and not self.place.key:
                raise keyless(self.place)
            with anyio.move_on_after(self.patience.total_s):
                return Decision(await self._patiently(prompt, returns, spent), spent.usage)
            raise too_slow(self.place, self.patience.total_s)
        except ModelError as error:
            error.usage = spent.usage
            raise

    async def _patiently(self, prompt: Prompt, returns: type[ModelT], spent: Spent) -> ModelT:
        """Ask again while the provider is busy for a moment."""
        left = self.patience.tries
        while True:
            left -= 1
            try:
                return await self._once(prompt, returns, spent)
            except Unavailable as error:
                if error.wait_s is None or not left:
                    raise
                if error.wait_s > self.patience.most_wait_s:
                    hint = f"It asks to be left alone for {error.wait_s:.0f} s."
                    raise Unavailable(error.problem.kind, error.problem.message, hint, then="ask") from error
                await self.patience.sleep(error.wait_s)

    async def _once(self, prompt: Prompt, returns: type[ModelT], spent: Spent) -> ModelT:
        form, ways = form_of(returns), self.ways or self.dialect.first
        while True:
            body = self.dialect.body(
                self.name, _whole(prompt), form, ways, self.temperature if ways.temperature else None
            )
            got = await self.sdk.post(self.place, self.dialect.path, body, self.patience)
            if got.status == 200:
                break
            if (other := fewer(ways, got)) is None:
                raise trouble(self.place, got)
            ways = self.ways = other
        reply = self._read(got)
        spent.add(reply.tokens)
        try:
            return self._answer(reply, returns)
        except ModelError as error:
            if error.problem.kind == "bad_input":
                self.ways = replace(ways, told=True)
            raise

    def _read(self, got: Received) -> Reply:
        if (body := got.json()) is None:
            raise no_json(self.place, got)
        if body.get("error"):
            code = count(inner(body, "error").get("code"))
            raise trouble(self.place, replace(got, status=code if code >= 400 else 500))
        return self.dialect.read(body)

    def _answer(self, reply: Reply, returns: type[ModelT]) -> ModelT:
        who = self.place.who
        match reply.stop:
            case "nothing":
                raise Unavailable("busy", f"{who} answered with nothing.", "Try later.", wait_s=0.0)
            case "length":
                raise unfit(f"The answer was cut off after {reply.tokens.written} tokens. Answer shorter.")
            case "tool":
                raise unfit("The answer was a call of a tool, and there are none.")
            case "refusal":
                said = self.place.say(reply.text)
                raise ModelError(
                    "refused", f"{who} refuses: {said}", "Say it otherwise, or decide yourself.", then="ask"
                )
            case "filter":
                message = f"A content filter of {who} held the answer back."
                raise ModelError("refused", message, "Say it otherwise, or name another model.", then="ask")
            case _ if reply.value is not None:
                return fitting(reply.value, returns)
            case _:
                return answer_in(reply.text, returns)


def _whole(prompt: Prompt) -> Prompt:
    """Return the prompt without halves of characters, which no request can hold."""
    blocks = tuple(block.encode("utf-8", "replace").decode() for block in prompt.blocks)
    return replace(prompt, system=prompt.system.encode("utf-8", "replace").decode(), blocks=blocks)
