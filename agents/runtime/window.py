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
    """One thing that happened, for a model to read."""

    version: int
    what: str
    came: str
    """What came of it."""
    origin: str = ""
    """Whose text `came` is, if somebody else's."""

    def told(self, most: int) -> str:
        came = _cut(self.came, most)
        return f"- {self.what} → {framed(came, self.origin) if self.origin else came}"

    def line(self) -> str:
        return _cut(f"- {self.what} → {self.came}".replace("\n", " "), LINE_CHARS)


def fit(
    thread: Thread, prompt: Prompt, last: Sequence[str], limits: Limits, past_of: Tools | None
) -> Prompt | Compacted:
    """Return the prompt with the thread's past, if there are tools that tell whose words it holds, and what comes last.

    If it does not fit, say instead up to where the past shrinks from now on.

    Raises:
        ProblemError: `limit`; what cannot be left out does not fit.
    """
    past = list(recent(thread, past_of)) if past_of is not None else []
    most = limits.tokens // SHARE_OF_STEP * BYTES_PER_TOKEN
    steps = [one.told(most) for one in past]
    shrunk = earlier(thread, limits, past_of) if past_of is not None else ""
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


def recent(thread: Thread, tools: Tools) -> Iterator[Past]:
    """Yield what happened since the past was shrunk, in its order."""
    return (one for one in _all(thread, tools) if one.version > thread.compacted)


def earlier(thread: Thread, limits: Limits, tools: Tools) -> str:
    """Return the past that was shrunk, a line each, and how much is not even that. The same until it shrinks again."""
    past = [one for one in _all(thread, tools) if one.version <= thread.compacted]
    room, lines = limits.tokens // SHARE_OF_LINES, list[str]()
    for one in reversed(past):
        if (room := room - estimate(one.line())) < 0:
            break
        lines.append(one.line())
    if not past:
        return ""
    gone = Counter(one.what.partition("(")[0] for one in past[: len(past) - len(lines)])
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


def _all(thread: Thread, tools: Tools) -> Iterator[Past]:
    """Yield every outcome and failure in the order they came in."""
    first = thread.workspace[0].name if thread.workspace else "the repository"
    happened: list[tuple[int, str, Recorded | Failure]] = []
    happened += [(known.version, key, known) for key, known in thread.effects.items()]
    happened += [(failed.version, key, failed) for key, several in thread.failures.items() for failed in several]
    for version, key, one in sorted(happened, key=lambda each: each[0]):
        match one:
            case Failure(problem=problem):
                yield Past(version, f"{key} failed", str(problem), f"failure of {key}")
            case Recorded() if key in thread.answers:
                yield Past(version, f"asked {one.args.get('question', key)!r}, was answered", thread.answers[key])
            case Recorded(tool=tool) if tool and not tool.startswith("prompt:"):
                whose = origin(key, one, tools, first)
                told = f"{whose.what} ({whose.detail})" if whose and whose.detail else whose.what if whose else ""
                yield Past(version, f"{tool}({_json(dict(one.args))})", _value(one.value), told)
            case _:
                pass  # a decision: what came of it tells what it was


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
