"""What of a thread's past a model is told: a pure function of the log, within a number of tokens (F3).

New steps are added at the end, so that a prompt begins as the one before it did and providers' caches hit. When it
grows over a threshold, all but the newest steps shrink to a line each at once, and only then does the front change;
that they did is an event, and the log keeps all of it.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agents.runtime.model import Prompt
from agents.runtime.origins import Tools, origin
from prompts.framing import framed
from prompts.tokens import BYTES_PER_TOKEN, estimate
from state.artifacts import artifact_of
from state.events import Compacted
from state.problem import ProblemError
from state.thread import Failure, Recorded, Thread

SHARE_OF_STEP = 6
"""One step takes at most this part of the window; the middle of a longer one is left out."""
SHARE_OF_LINES = 8
"""The lines that older steps shrink to take at most this part; of still older ones only the number is told."""
LINE_CHARS = 120


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a prompt may be."""

    tokens: int = 100_000
    threshold: float = 0.8
    """The part of it at which older steps shrink, to half of that."""


@dataclass(frozen=True, slots=True)
class Past:
    """One thing that happened. Its words are made when a model is told them, which it is of the newest only."""

    version: int
    key: str
    outcome: Recorded | Failure
    answer: str | None = None
    """A person's, if it was a question."""

    @property
    def name(self) -> str:
        match self.outcome:
            case Failure():
                return f"{self.key} failed"
            case Recorded(tool=tool, args=args):
                return tool if self.answer is None else f"asked {args.get('question', self.key)!r}, was answered"

    def told(self, most: int, tools: Tools, first: str) -> str:
        """Tell it, framed by whose words came of it. `first` is the repository that is meant where none is named."""
        what, came = self._words()
        came, whose = _cut(came, most), self._whose(tools, first)
        return f"- {what} → {framed(came, whose) if whose else came}"

    def line(self) -> str:
        what, came = self._words()
        return _cut(f"- {what} → {came}".replace("\n", " "), LINE_CHARS)

    def _words(self) -> tuple[str, str]:
        match self.outcome:
            case Failure(problem=problem):
                return self.name, str(problem)
            case Recorded(args=args, value=value) if self.answer is None:
                return f"{self.name}({_json(dict(args))})", _value(value)
            case _:
                return self.name, self.answer or ""

    def _whose(self, tools: Tools, first: str) -> str:
        if isinstance(self.outcome, Failure):
            return f"failure of {self.key}"
        whose = origin(self.key, self.outcome, tools, first) if self.answer is None else None
        if whose is None:
            return ""
        return f"{whose.what} ({whose.detail})" if whose.detail else whose.what


def fit(thread: Thread, prompt: Prompt, last: Sequence[str], limits: Limits, tools: Tools | None) -> Prompt | Compacted:
    """Return the prompt with the thread's past, if there are tools that tell whose words it holds, and what comes last.

    If it does not fit, say instead up to where the past shrinks from now on.

    Raises:
        ProblemError: `limit`; what cannot be left out does not fit.
    """
    all_of_it = list(_all(thread)) if tools is not None else []
    past = [one for one in all_of_it if one.version > thread.compacted]
    most = limits.tokens // SHARE_OF_STEP * BYTES_PER_TOKEN
    first = thread.workspace[0].name if thread.workspace else "the repository"
    steps = [one.told(most, tools or {}, first) for one in past]
    shrunk = _shrunk(all_of_it[: len(all_of_it) - len(past)], limits)
    whole = replace(prompt, blocks=tuple(block for block in (*prompt.blocks, shrunk, *steps, *last) if block))
    size = size_of(whole)
    if size > limits.threshold * limits.tokens and len(past) > 1:
        kept = _kept(size - sum(map(estimate, steps)), steps, limits)
        return Compacted(through=past[-kept - 1].version, before=size, after=size - sum(map(estimate, steps[:-kept])))
    if size > limits.tokens:
        message = f"The prompt {prompt.template!r} takes about {size:,} tokens; {limits.tokens:,} are allowed."
        raise ProblemError("limit", message, "Ask for less at once, or raise MAX_CONTEXT_TOKENS.")
    return whole


def size_of(prompt: Prompt) -> int:
    """Return about how many tokens the whole prompt takes."""
    return estimate(prompt.system) + sum(map(estimate, prompt.blocks))


def _shrunk(past: Sequence[Past], limits: Limits) -> str:
    """Return the past that was shrunk, a line each, and how much is not even that. The same until it shrinks again."""
    room, lines = limits.tokens // SHARE_OF_LINES, list[str]()
    for one in reversed(past):
        if (room := room - estimate(line := one.line())) < 0:
            break
        lines.append(line)
    if not past:
        return ""
    gone = Counter(one.name for one in past[: len(past) - len(lines)])
    before = ", ".join(f"{count} {name}" for name, count in sorted(gone.items()))
    text = "\n".join(([f"- before that: {before}"] if before else []) + lines[::-1])
    return f"Done earlier, shortened:\n{framed(text, 'earlier steps')}"


def last_failure(thread: Thread) -> str:
    """Return the newest failure, which must stay in view however long ago it was (F9)."""
    failed = [(one.version, key, one) for key, several in thread.failures.items() for one in several]
    if not failed:
        return ""
    _, key, failure = max(failed)
    return f"The last failure, of {key!r}:\n{framed(str(failure.problem), 'failure')}"


def _kept(fixed: int, steps: Sequence[str], limits: Limits) -> int:
    """Return how many of the newest steps stay as they are: as many as half the threshold holds, and at least one."""
    room, kept = limits.threshold * limits.tokens / 2 - fixed, 0
    for step in reversed(steps[1:]):
        if kept and (room := room - estimate(step)) < 0:
            break
        kept += 1
    return kept


def _all(thread: Thread) -> Iterator[Past]:
    """Yield every outcome and failure in the order they came in; a decision is told by what came of it."""
    happened = [Past(one.version, key, one) for key, several in thread.failures.items() for one in several]
    for key, one in thread.effects.items():
        if key in thread.answers:
            happened.append(Past(one.version, key, one, thread.answers[key]))
        elif one.tool and not one.tool.startswith("prompt:"):
            happened.append(Past(one.version, key, one))
    yield from sorted(happened, key=lambda one: one.version)


def _value(value: Any) -> str:
    if (artifact := artifact_of(value)) is not None:
        return f"{artifact.size} bytes, too many to be shown: ask for less at once. They begin: {artifact.preview}"
    return value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _cut(text: str, most: int) -> str:
    """Return the text, or its beginning and end and how much is missing between them."""
    if len(text.encode("utf-8", "surrogatepass")) <= most:
        return text
    half = max(10, most // 2 - 40)
    data = text.encode("utf-8", "surrogatepass")
    begin, end = data[:half].decode("utf-8", "ignore"), data[-half:].decode("utf-8", "ignore")
    return f"{begin} … {len(data) - 2 * half} bytes left out … {end}"
