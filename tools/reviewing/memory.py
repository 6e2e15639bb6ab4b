"""Remember what earlier reviews of a repository found, and what a person dismissed: a fold over their threads."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from state.thread import Thread
from tools.errors import ToolError
from tools.reviewing.findings import Finding

PARTS, REVIEW = "parts:", "review:"
"""How a review names its effects, before a number: what it read, and what was found there."""
_DISMISSAL = re.compile(r"([0-9a-f]{12})(?:[ :,]+(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Known:
    """A finding of an earlier review."""

    finding: Finding
    subject: str
    """What was reviewed when it was last seen."""
    gone: bool = False
    """Whether it was told to be fixed."""
    dismissed: str | None = None
    """Why, if it is."""


@dataclass(slots=True)
class Memory:
    """What is known of a repository's reviews."""

    known: dict[str, Known] = field(default_factory=dict[str, Known])
    """By fingerprint."""
    reviewed: set[str] = field(default_factory=set[str])
    """Digests of the parts that a model has looked at."""
    runs: int = 0
    moved: dict[str, str] = field(default_factory=dict[str, str])
    """Former fingerprint → present one."""

    def dismiss(self, fingerprint: str, reason: str | None) -> bool:
        """Dismiss a finding or, without a reason, take it up again; False if there is none."""
        while fingerprint in self.moved:
            fingerprint = self.moved[fingerprint]
        if (known := self.known.get(fingerprint)) is None:
            return False
        self.known[fingerprint] = replace(known, dismissed=reason)
        return True


class _Output(BaseModel):
    model_config = ConfigDict(extra="ignore")

    subject: str = ""
    findings: list[Finding] = []


class _Task(BaseModel):
    model_config = ConfigDict(extra="ignore")

    dismiss: tuple[str, ...] = ()
    reopen: tuple[str, ...] = ()


def dismissal(text: str) -> tuple[str, str]:
    """Return fingerprint and reason of `FINGERPRINT reason`.

    Raises:
        ToolError: It does not begin with a fingerprint.
    """
    if (found := _DISMISSAL.fullmatch(text.strip())) is None:
        message = f"{text[:80]!r} does not begin with a fingerprint."
        raise ToolError("bad_input", message, "Give the 12 digits that a finding shows, then, if you like, why.")
    return found[1], " ".join((found[2] or "").split())[:200]


def remembered(threads: Iterable[Thread]) -> Memory:
    """Return what reviews, in the order they were launched, leave behind."""
    memory = Memory()
    for thread in sorted(threads, key=lambda one: (one.launched_at, one.id)):
        _wishes(memory, thread)
        _outcome(memory, thread)
    return memory


def _wishes(memory: Memory, thread: Thread) -> None:
    """What a person dismissed counts, whatever became of the run that they said it to."""
    wish = _Task.model_validate(thread.task)
    for text in wish.dismiss:
        if found := _DISMISSAL.fullmatch(text.strip()):
            memory.dismiss(found[1], found[2] or "")
    for fingerprint in wish.reopen:
        memory.dismiss(fingerprint, None)


def _outcome(memory: Memory, thread: Thread) -> None:
    """Of a review that did not end, nobody has seen what it found."""
    if thread.output is None:
        return
    try:
        output = _Output.model_validate(thread.output)
    except ValidationError:  # of another version
        return
    memory.runs += 1
    for one in output.findings:
        before = memory.known.pop(one.was or one.fingerprint, None)
        memory.moved.pop(one.fingerprint, None)
        if one.was and one.was != one.fingerprint:
            memory.moved[one.was] = one.fingerprint
        dismissed = one.reason if one.state == "dismissed" else before.dismissed if before else None
        memory.known[one.fingerprint] = Known(one, output.subject, one.state == "fixed", dismissed)
    memory.reviewed |= set(_looked_at(thread.results))


def _looked_at(results: Mapping[str, Any]) -> Iterable[str]:
    for key, value in results.items():
        if key.startswith(PARTS) and f"{REVIEW}{key.removeprefix(PARTS)}" in results and isinstance(value, list):
            for part in cast("list[Mapping[str, Any]]", value):
                yield str(part.get("digest", ""))
