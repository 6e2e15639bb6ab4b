"""What stood in the way of an answer, and what follows: again, a person, or the next model of the chain."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, cast

from agents.runtime.model import ModelError, Then
from state.problem import Kind

LONGEST_SAID = 200
SOON_S = 1.0
QUOTA = ("insufficient_quota", "billing", "credit balance", "quota exceeded")
TOO_LONG = (
    "context_length",
    "context length",
    "context window",
    "context size",
    "prompt is too long",
    "too many tokens",
)


class Unavailable(ModelError):
    """The provider did not decide; another may."""

    def __init__(
        self, kind: Kind, message: str, hint: str, *, then: Then = "again", wait_s: float | None = None
    ) -> None:
        """`wait_s` after which the same call may go better; `None` when it would not."""
        super().__init__(kind, message, hint, then=then)
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model is, and which variables a person sets about that."""

    who: str
    """Provider and name."""
    key: str
    key_variable: str
    url_variable: str
    base_url: str

    def say(self, text: str) -> str:
        """Return what a provider said: one line, short, without the key."""
        plain = text.replace(self.key, "[key]") if self.key else text
        line = " ".join(plain.encode("utf-8", "replace").decode().split())
        return line if len(line) <= LONGEST_SAID else f"{line[: LONGEST_SAID - 1]}…"


@dataclass(frozen=True, slots=True)
class Received:
    """One response, read to its end or to the bound."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> dict[str, Any] | None:
        """Return the JSON object that the body is, or nothing."""
        try:
            body = json.loads(self.content)
        except (ValueError, RecursionError):
            return None
        return cast(dict[str, Any], body) if isinstance(body, dict) else None

    @property
    def is_page(self) -> bool:
        """Whether it is for a browser: of a proxy, a portal or a sign-in."""
        return "html" in self.headers.get("content-type", "") or self.content.lstrip()[:1] == b"<"

    @property
    def said(self) -> str:
        """Return the provider's own words about an error: its code and its message, in whichever of the usual forms."""
        body: Any = self.json() or {}
        error: Any = body.get("error") or body.get("detail") or body.get("message") or ""
        if isinstance(error, dict):
            parts = cast(dict[str, Any], error)
            told = [parts.get("code") or parts.get("type"), parts.get("param"), parts.get("message")]
            return ": ".join(str(part) for part in told if part)
        return str(error)


def trouble(place: Place, got: Received) -> Unavailable:
    """Return what a response without an answer means."""
    who, said, status = place.who, got.said, got.status
    told = _ended(place.say(said) or f"HTTP {status}")
    if 300 <= status < 400:
        return _elsewhere(place, got)
    if status == 402 or any(word in said.lower() for word in QUOTA):
        return Unavailable("limit", f"{who} has no quota left: {told}", "See to the account, then retry.", then="ask")
    if status in (401, 403):
        hint = f"Set {place.key_variable} to a key that may use it."
        return Unavailable("refused", f"{who} does not take the key: {told}", hint, then="ask")
    if status == 413 or any(word in said.lower() for word in TOO_LONG):
        hint = "Give the agent less to read, or name a model with a larger window in FACTOR12_MODEL."
        return Unavailable("limit", f"{who} cannot read so much: {told}", hint, then="ask")
    if status == 404:
        hint = f"Name one that is there in FACTOR12_MODEL, and check {place.url_variable}."
        return Unavailable("not_found", f"{who} is not known there: {told}", hint, then="ask")
    if status in (408, 409, 425, 429) or status >= 500:
        wait = _retry_after(got.headers)
        return Unavailable(
            "busy",
            f"{who} is busy: {told}",
            "Try later.",
            wait_s=(2 * SOON_S if status == 429 else SOON_S) if wait is None else wait,
        )
    return Unavailable("refused", f"{who} does not take the request: {told}", "Name another model.", then="ask")


def _ended(said: str) -> str:
    """Return a provider's words as the end of a sentence: what to do follows them on the same line."""
    return said if said.endswith((".", "!", "?", "…")) else f"{said}."


def no_json(place: Place, got: Received) -> Unavailable:
    """Return what a body means that is not of the API."""
    if got.is_page:
        message = f"{place.who} answered with a web page: a proxy, a portal or a sign-in stands in between."
        return Unavailable("refused", message, f"Check {place.url_variable} and the network.", then="ask")
    return Unavailable("busy", f"{place.who} answered with what is no JSON.", "Try later.", wait_s=SOON_S)


def unreachable(place: Place, error: BaseException | None) -> Unavailable:
    """Return what it means that no connection was made, or that it broke."""
    why = place.say(str(error or "")) or "the connection broke"
    hint = f"Check {place.url_variable} and the network, and that the server runs."
    return Unavailable("busy", f"{place.who} cannot be reached at {place.base_url}: {why}.", hint, wait_s=SOON_S)


def keyless(place: Place) -> Unavailable:
    return Unavailable("refused", f"{place.who} has no key.", f"Set {place.key_variable}.", then="ask")


def too_slow(place: Place, seconds: float) -> Unavailable:
    return Unavailable("limit", f"{place.who} did not answer within {seconds:g} s.", "Try later, or name a faster one.")


def _elsewhere(place: Place, got: Received) -> Unavailable:
    where = place.say(got.headers.get("location", "elsewhere"))
    message = f"{place.who} points to {where}, and a key is sent nowhere but where a person said."
    return Unavailable("refused", message, f"Set {place.url_variable} to the right address.", then="ask")


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Read what a server asks for: milliseconds, seconds or a date."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) / unit
        except ValueError:
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    return _until(headers)


def _until(headers: Mapping[str, str]) -> float | None:
    try:
        then = parsedate_to_datetime(headers["retry-after"])
        now = parsedate_to_datetime(headers["date"])
        return max(0.0, (then - now).total_seconds())
    except (KeyError, ValueError, TypeError):
        return None
