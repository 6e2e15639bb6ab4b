"""Tell whether an agent still decides what its log has (R3)."""

from typing import assert_never

from pydantic_core import to_jsonable_python

from state.events import Asked, Event, Failed, Resolved, Spawned, Started
from state.identity import identity
from state.problem import Problem
from state.steps import Ask, Call, Effect, Spawn, Step, Think
from state.thread import Thread


def identity_of(effect: Effect | Spawn) -> str:
    """Hash what an effect does: its tool or prompt, with the arguments; the children it starts, with their tasks."""
    match effect:
        case Call(tool=tool, args=args):
            return identity(tool, args)
        case Think(prompt=prompt, context=context):
            return identity(f"prompt:{prompt}", to_jsonable_python(dict(context)))
        case Spawn(children=children, join=join):
            told = [[child.key, child.agent, dict(child.task)] for child in children]
            return identity("spawn", {"join": join, "children": to_jsonable_python(told)})
    assert_never(effect)


def decided(thread: Thread, event: Event) -> tuple[str, str] | None:
    """Return key and identity of the effect that the event shows to have been decided at this point, if it does."""
    match event:
        case Started(key=key, hash=known) | Spawned(key=key, hash=known):
            return key, known
        case Resolved(key=key) if thread.pending is None:
            return key, event.hash or identity(event.tool or "", event.args or {})
        case Failed(key=key, hash=known) if thread.pending is None:
            return key, known
        case Asked(key=key, topic="decision", binding=known) if thread.asked is None:
            return key, known
        case _:
            return None


def diverged(thread: Thread, step: Effect | Spawn | Ask) -> Problem:
    """Say why a step whose key has an outcome already cannot be taken (R3)."""
    recorded = thread.effects[step.key]
    if isinstance(step, Ask) or identity_of(step) == recorded.hash:
        return _stale(thread, f"The agent decided {step.key!r} again although its outcome is recorded.")
    return otherwise(thread, step.key)


def is_effect(step: Step, pending: Started) -> bool:
    return isinstance(step, Call | Think) and step.key == pending.key and identity_of(step) == pending.hash


def otherwise(thread: Thread, key: str) -> Problem:
    return _stale(thread, f"The agent now decides something else for {key!r} than the log has.")


def _stale(thread: Thread, message: str) -> Problem:
    return Problem(
        kind="diverged", message=message, hint=f"Its code changed since launch ({thread.code}), or it repeats a key."
    )
