"""A thread is its log, folded. `reduce` is the only place where state changes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce as fold
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias, assert_never

from rpds import HashTrieMap

from state.events import (
    Aborted,
    Answered,
    Asked,
    Budget,
    BudgetExtended,
    Cancelled,
    CancelRequested,
    Denied,
    Event,
    Failed,
    Finished,
    Interrupted,
    Json,
    Launched,
    Question,
    RepositoryRef,
    Resolved,
    Resumed,
    Rewound,
    Risk,
    Settled,
    Started,
)
from state.identity import identity
from state.problem import Problem
from state.steps import Outcome

Status: TypeAlias = Literal["running", "waiting", "completed", "failed", "cancelled"]
ENDED: frozenset[str] = frozenset({"completed", "failed", "cancelled"})


class InvalidTransition(ValueError):
    """The event cannot follow the thread's current state."""


class Recorded(NamedTuple):
    """How an outcome is remembered: enough to know it again and to forget it on a rewind."""

    risk: Risk
    version: int
    stated: str = ""
    tool: str = ""
    args: Mapping[str, Json] = MappingProxyType({})

    @property
    def hash(self) -> str:
        """What was done, for comparison with what is decided now (R3)."""
        return self.stated or identity(self.tool, self.args)


class Failure(NamedTuple):
    problem: Problem
    version: int


def _results() -> "HashTrieMap[str, Json]":
    return HashTrieMap()


def _effects() -> "HashTrieMap[str, Recorded]":
    return HashTrieMap()


def _failures() -> "HashTrieMap[str, tuple[Failure, ...]]":
    return HashTrieMap()


def _texts() -> "HashTrieMap[str, str]":
    return HashTrieMap()


_BUDGET = Budget()


@dataclass(frozen=True)
class Thread:
    """One run of one agent. Without slots, so that `_now` copies it in one step."""

    id: str
    agent: str = ""
    session: str = ""
    principal: str = ""
    task: dict[str, Json] = field(default_factory=dict[str, Any])
    workspace: tuple[RepositoryRef, ...] = ()
    launched_at: float = 0.0
    code: str = ""
    parent: str | None = None
    depth: int = 0
    version: int = 0
    generation: int = 0
    status: Status = "running"
    pending: Started | None = None
    """An effect whose intent is in the log and whose outcome is not: in flight, or cut off."""
    asked: Asked | None = None
    results: "HashTrieMap[str, Json]" = field(default_factory=_results)
    effects: "HashTrieMap[str, Recorded]" = field(default_factory=_effects)
    failures: "HashTrieMap[str, tuple[Failure, ...]]" = field(default_factory=_failures)
    approvals: "HashTrieMap[str, str]" = field(default_factory=_texts)
    """Effect key → the binding a person approved; used up when the effect starts."""
    denials: "HashTrieMap[str, str]" = field(default_factory=_texts)
    answers: "HashTrieMap[str, str]" = field(default_factory=_texts)
    """What was answered to the agent's own questions; the next prompt contains it (R9)."""
    steps: int = 0
    seconds: float = 0.0
    budget: Budget = _BUDGET
    cancelling: bool = False
    trouble: Problem | None = None
    """Why the last driver let go; gone with the next event."""
    output: Json = None
    outcome: Outcome | None = None
    reason: Problem | None = None

    @property
    def question(self) -> Question | None:
        return self.asked.question if self.asked else None

    @property
    def waiting_on(self) -> Literal["question"] | None:
        return "question" if self.asked else None

    @property
    def ended(self) -> bool:
        return self.status in ENDED


def _now(thread: Thread, **changes: Any) -> Thread:
    """Copy with changes: `dataclasses.replace` at a fifth of its cost, which is paid per event."""
    new: Thread = object.__new__(Thread)
    new.__dict__.update(thread.__dict__)
    new.__dict__.update(changes)
    return new


def reduce(thread: Thread, event: Event) -> Thread:
    """Apply one event. Pure: same thread and event, same result.

    Raises:
        InvalidTransition: The event cannot follow; the log would contradict itself.
    """
    _check(thread, event)
    now = _now(thread, version=thread.version + 1, trouble=None)
    match event:
        case Launched() | CancelRequested() | Cancelled() | Interrupted() | Resumed() | Finished() | Aborted():
            return _turn(now, event)
        case Started() | Resolved() | Failed() | Settled():
            return _effect(now, event)
        case Asked() | Answered() | Denied():
            return _question(now, event)
        case BudgetExtended(steps=steps, seconds=seconds):
            budget = Budget(steps=thread.budget.steps + steps, seconds=thread.budget.seconds + seconds)
            return _now(now, budget=budget)
        case Rewound():
            return _rewind(now, event)
    assert_never(event)


def replay(thread_id: str, events: Iterable[Event]) -> Thread:
    """Fold a log into its thread."""
    return fold(reduce, events, Thread(id=thread_id))


def _check(thread: Thread, event: Event) -> None:
    if thread.ended or isinstance(event, Launched) is bool(thread.version):
        raise InvalidTransition(f"thread {thread.id!r} is {thread.status}, {event.kind!r} cannot follow")
    expected = True
    match event:
        case Started() | Finished():
            expected = thread.status == "running" and thread.pending is None
        case Resolved(tool=None):
            expected = thread.pending is not None and thread.pending.key == event.key
        case Resolved() | Failed():
            expected = thread.pending is None or thread.pending.key == event.key
        case Settled():
            expected = thread.pending is not None and thread.pending.key == event.key
        case Answered() | Denied():
            expected = thread.asked is not None and thread.asked.key == event.key
        case Cancelled():
            expected = thread.cancelling
        case Rewound():
            expected = thread.pending is None and event.to <= thread.version
        case _:
            return
    if not expected:
        raise InvalidTransition(f"thread {thread.id!r} at {thread.version}: {event.kind!r} contradicts the log")


_Turn: TypeAlias = Launched | CancelRequested | Cancelled | Interrupted | Resumed | Finished | Aborted


def _turn(now: Thread, event: _Turn) -> Thread:
    match event:
        case Launched():
            same = ("agent", "session", "principal", "task", "workspace", "code", "budget", "parent", "depth")
            return _now(now, launched_at=event.at, **{name: getattr(event, name) for name in same})
        case CancelRequested():
            return _now(now, cancelling=True, asked=None, status="running")
        case Cancelled():
            return _now(now, status="cancelled", pending=None)
        case Interrupted():
            return _now(now, trouble=event.problem)
        case Resumed():
            return now
        case Finished():
            status = "failed" if event.outcome in ("failed", "denied") else "completed"
            return _now(now, status=status, output=event.output, outcome=event.outcome)
        case Aborted():
            return _now(now, status="failed", outcome=event.outcome, reason=event.problem, asked=None, pending=None)
    assert_never(event)


def _effect(now: Thread, event: Started | Resolved | Failed | Settled) -> Thread:
    match event:
        case Started():
            return _now(now, pending=event, steps=now.steps + 1, approvals=now.approvals.discard(event.key))
        case Resolved():
            risk = now.pending.risk if now.pending else "read"
            steps = now.steps + (now.pending is None)
            known = Recorded(risk, now.version, event.hash, event.tool or "", event.args or {})
            return _record(now, event.key, event.value, known, event.seconds, steps)
        case Failed():
            failed = (*now.failures.get(event.key, ()), Failure(event.problem, now.version))
            steps, seconds = now.steps + (now.pending is None), now.seconds + event.seconds
            return _now(
                now, pending=None, failures=now.failures.insert(event.key, failed), steps=steps, seconds=seconds
            )
        case Settled(verdict="again"):
            return _now(now, pending=None)
        case Settled():
            assert now.pending is not None
            known = Recorded(now.pending.risk, now.version, now.pending.hash)
            return _record(now, event.key, event.value, known, 0.0, now.steps)
    assert_never(event)


def _record(now: Thread, key: str, value: Json, recorded: Recorded, seconds: float, steps: int) -> Thread:
    results, effects = now.results.insert(key, value), now.effects.insert(key, recorded)
    return _now(now, pending=None, results=results, effects=effects, seconds=now.seconds + seconds, steps=steps)


def _question(now: Thread, event: Asked | Answered | Denied) -> Thread:
    if isinstance(event, Asked):
        return _now(now, status="waiting", asked=event)
    asked = now.asked
    assert asked is not None
    now = _now(now, status="running", asked=None)
    if isinstance(event, Denied):
        return _now(now, denials=now.denials.insert(asked.about, event.reason))
    match asked.topic:
        case "agent" | "decision":
            if asked.topic == "agent":
                now = _now(now, answers=now.answers.insert(event.key, str(event.answer)))
            return _record(now, event.key, event.answer, Recorded("read", now.version, asked.binding), 0.0, now.steps)
        case "approval":
            return _now(now, approvals=now.approvals.insert(asked.about, asked.binding))
        case "failures":
            return _now(now, failures=now.failures.discard(asked.about))
        case "cut_off" | "budget":
            return now
    assert_never(asked.topic)


def _rewind(now: Thread, event: Rewound) -> Thread:
    gone = [key for key, known in now.effects.items() if known.version > event.to and known.risk != "danger"]
    results, effects = now.results, now.effects
    for key in gone:
        results, effects = results.remove(key), effects.remove(key)
    kept = {key: tuple(f for f in failed if f.version <= event.to) for key, failed in now.failures.items()}
    failures = HashTrieMap({key: failed for key, failed in kept.items() if failed})
    return _now(
        now,
        generation=now.generation + 1,
        results=results,
        effects=effects,
        failures=failures,
        approvals=_texts(),
        denials=_texts(),
        asked=None,
        status="waiting",
    )
