"""A thread is its log, folded. `reduce` is the only place where state changes."""

from collections.abc import Iterable
from functools import reduce as fold
from typing import Any, TypeAlias, assert_never

from rpds import HashTrieMap

from state.events import (
    Aborted,
    Answered,
    Asked,
    BudgetExtended,
    Cancelled,
    CancelRequested,
    CheckpointTaken,
    ChildEnded,
    Compacted,
    Denied,
    Event,
    Failed,
    Finished,
    Interrupted,
    Launched,
    Resolved,
    Resumed,
    Rewound,
    Settled,
    Spawned,
    Started,
)
from state.family import Family, may_follow
from state.identity import identity
from state.spending import Budget, Spent, Thought
from state.thread import Checkpoint, Failure, Recorded, Thread, texts

_LAUNCHED = (
    *("agent", "session", "principal", "task", "workspace", "source", "untrusted"),
    *("code", "budget", "parent", "depth", "forked_from", "model"),
)


class InvalidTransition(ValueError):
    """The event cannot follow the thread's current state."""


def _draft(thread: Thread) -> Thread:
    """Copy: `dataclasses.replace` at a fifth of its cost, which is paid per event."""
    new: Thread = object.__new__(Thread)
    new.__dict__.update(thread.__dict__)
    return new


def _now(draft: Thread, **changes: Any) -> Thread:
    """Change a copy that nobody else has seen yet."""
    draft.__dict__.update(changes)
    return draft


def reduce(thread: Thread, event: Event) -> Thread:
    """Apply one event. Pure: same thread and event, same result.

    Raises:
        InvalidTransition: The event cannot follow; the log would contradict itself.
    """
    return _fold(_draft(thread), event)


def replay(thread_id: str, events: Iterable[Event]) -> Thread:
    """Fold a log into its thread.

    Raises:
        InvalidTransition: One of the events cannot follow those before it.
    """
    return catch_up(Thread(id=thread_id), events)


def catch_up(thread: Thread, events: Iterable[Event]) -> Thread:
    """Fold what came after `thread`: as if each event were reduced by itself, but with one copy for all.

    Raises:
        InvalidTransition: One of the events cannot follow those before it.
    """
    return fold(_fold, events, _draft(thread))


def _fold(draft: Thread, event: Event) -> Thread:
    _check(draft, event)
    now = _now(draft, version=draft.version + 1, trouble=None)
    match event:
        case Started() | Resolved() | Failed() | Settled():
            return _effect(now, event)
        case Launched() | CancelRequested() | Cancelled() | Interrupted() | Resumed() | Finished() | Aborted():
            return _turn(now, event)
        case Asked() | Answered() | Denied():
            return _question(now, event)
        case BudgetExtended():
            return _extended(now, event)
        case Compacted(through=through):
            return _now(now, compacted=max(now.compacted, through))
        case Spawned() | ChildEnded():
            return _family(now, event)
        case CheckpointTaken(trees=trees) if not trees:
            return now  # of the thread this one was forked from, and not this one's to restore
        case CheckpointTaken(label=label, trees=trees):
            return _now(now, checkpoints=(*now.checkpoints, Checkpoint(now.version, label, trees)))
        case Rewound():
            return _rewind(now, event)
    assert_never(event)


def _extended(now: Thread, event: BudgetExtended) -> Thread:
    had = now.budget
    budget = Budget(
        steps=had.steps + event.steps,
        seconds=had.seconds + event.seconds,
        tokens=had.tokens + event.tokens,
        money=had.money + event.money,
    )
    beyond = Spent(now.beyond.tokens + event.session_tokens, now.beyond.money + event.session_money)
    return _now(now, budget=budget, beyond=beyond)


def _paid(now: Thread, thought: Thought | None) -> Spent:
    """Return what was spent with one more call of a model, if it was one."""
    if thought is None:
        return now.spent
    tokens, money = thought.usage.spent
    return Spent(now.spent.tokens + tokens, now.spent.money + money)


def _check(thread: Thread, event: Event) -> None:
    over = thread.ended and not isinstance(event, CheckpointTaken | Rewound)
    if over or isinstance(event, Launched) is bool(thread.version) or not may_follow(thread.family, event):
        raise InvalidTransition(f"thread {thread.id!r} is {thread.status}, {event.kind!r} cannot follow")
    expected = True
    match event:
        case Resolved() | Failed() if thread.pending is None:
            expected = isinstance(event, Failed) or event.tool is not None
        case Started() | Finished() | Spawned():
            expected = thread.status == "running" and thread.pending is None
        case Resolved() | Failed() | Settled():
            expected = thread.pending is not None and thread.pending.key == event.key
        case Answered() | Denied():
            expected = thread.asked is not None and thread.asked.key == event.key
        case Cancelled():
            expected = thread.cancelling
        case Resumed():
            expected = thread.asked is None
        case Compacted(through=past) | Rewound(to=past):
            expected = thread.pending is None and past <= thread.version
        case _:
            return
    if not expected:
        raise InvalidTransition(f"thread {thread.id!r} at {thread.version}: {event.kind!r} contradicts the log")


_Turn: TypeAlias = Launched | CancelRequested | Cancelled | Interrupted | Resumed | Finished | Aborted


def _turn(now: Thread, event: _Turn) -> Thread:
    match event:
        case Launched():
            return _now(now, launched_at=event.at, **{name: getattr(event, name) for name in _LAUNCHED})
        case CancelRequested():
            return _now(now, cancelling=True, asked=None, status="waiting" if now.family else "running")
        case Cancelled():
            return _now(now, status="cancelled", pending=None)
        case Interrupted():
            return _now(now, trouble=event.problem)
        case Resumed():
            return now if now.family else _now(now, status="running")
        case Finished():
            status = "failed" if event.outcome in ("failed", "denied") else "completed"
            return _now(now, status=status, output=event.output, outcome=event.outcome)
        case Aborted():
            return _now(now, status="failed", outcome=event.outcome, reason=event.problem, asked=None, pending=None)
    assert_never(event)


def _effect(now: Thread, event: Started | Resolved | Failed | Settled) -> Thread:
    match event:
        case Resolved():
            risk = now.pending.risk if now.pending else "read"
            steps = now.steps + (now.pending is None)
            tool, args = (now.pending.tool, now.pending.args) if now.pending else (event.tool or "", event.args or {})
            known = Recorded(event.value, risk, now.version, event.hash, tool, args)
            if event.trees:
                _now(now, moves=(*now.moves, event.trees))
            return _record(_now(now, spent=_paid(now, event.thought)), event.key, known, event.seconds, steps)
        case Started():
            return _now(now, pending=event, steps=now.steps + 1, approvals=now.approvals.discard(event.key))
        case Failed():
            failed = (*now.failures.get(event.key, ()), Failure(event.problem, now.version))
            steps, seconds = now.steps + (now.pending is None), now.seconds + event.seconds
            failures, spent = now.failures.insert(event.key, failed), _paid(now, event.thought)
            return _now(now, pending=None, failures=failures, steps=steps, seconds=seconds, spent=spent)
        case Settled(verdict="again"):
            return _now(now, pending=None)
        case Settled():
            assert now.pending is not None
            cut = now.pending
            known = Recorded(event.value, cut.risk, now.version, cut.hash, cut.tool, cut.args)
            return _record(now, event.key, known, 0.0, now.steps)
    assert_never(event)


def _record(now: Thread, key: str, recorded: Recorded, seconds: float, steps: int) -> Thread:
    effects = now.effects.insert(key, recorded)
    return _now(now, pending=None, effects=effects, seconds=now.seconds + seconds, steps=steps)


def _family(now: Thread, event: Spawned | ChildEnded) -> Thread:
    if isinstance(event, Spawned):
        return _now(now, status="waiting", family=Family(event), steps=now.steps + 1)
    assert now.family is not None
    family = now.family.after(event)
    _now(now, family=family, moves=(*now.moves, *event.moves))
    if family.open:
        return now
    known = Recorded(family.results, "write", now.version, family.spawned.hash)
    return _record(_now(now, family=None, status="running"), family.spawned.key, known, 0.0, now.steps)


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
            words = {"question": asked.question.text} if asked.topic == "agent" else {}
            known = Recorded(event.answer, "read", now.version, asked.binding or identity("", {}), args=words)
            return _record(now, event.key, known, 0.0, now.steps)
        case "approval":
            return _now(now, approvals=now.approvals.insert(asked.about, asked.binding))
        case "failures":
            return _now(now, failures=now.failures.discard(asked.about))
        case "cut_off" | "budget":
            return now
    assert_never(asked.topic)


def _rewind(now: Thread, event: Rewound) -> Thread:
    gone = [key for key, known in now.effects.items() if known.version > event.to and known.risk != "danger"]
    effects = now.effects
    for key in gone:
        effects = effects.remove(key)
    kept = {key: tuple(f for f in failed if f.version <= event.to) for key, failed in now.failures.items()}
    failures = HashTrieMap({key: failed for key, failed in kept.items() if failed})
    return _now(
        now,
        generation=now.generation + 1,
        effects=effects,
        failures=failures,
        approvals=texts(),
        denials=texts(),
        asked=None,
        status="waiting",
        moves=(*now.moves, event.trees) if event.trees else now.moves,
        cancelling=False,
        output=None,
        outcome=None,
        reason=None,
    )
