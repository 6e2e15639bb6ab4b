"""Tell whether an agent whose code has changed would have decided what its log has (R3)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from agents.runtime.deciding import Unavailable, decide
from agents.runtime.definition import Agent
from agents.runtime.divergence import decided, identity_of
from state.events import Event, Rewound
from state.fold import reduce
from state.problem import Problem, ProblemError
from state.steps import Call, Spawn, Think
from state.thread import Thread


class Departure(NamedTuple):
    """Where an agent goes another way than its log."""

    version: int
    """The last one up to which it goes the same way."""
    key: str


async def departure(agent: Agent[Any, Any], thread_id: str, events: Sequence[Event]) -> Departure | None:
    """Return where the agent first decides another effect than the events have, if anywhere.

    What a restore has forgotten does not count.

    Raises:
        Unavailable: The agent is not there.
    """
    thread, found = Thread(id=thread_id), None
    for event in events:
        if isinstance(event, Rewound) and found is not None and event.to <= found.version:
            found = None
        wanted = None if found is not None else decided(thread, event)
        if wanted is not None and await _wanted(agent, thread, events) != wanted:
            found = Departure(thread.version, wanted[0])
        thread = reduce(thread, event)
    return found


def departed(found: Departure) -> Problem:
    """Say why the thread cannot go on."""
    message = f"Its agent changed, and now decides something else for {found.key!r} than the log has"
    hint = "`factor12 replay` shows what; `thread_fork` goes on from there, or launch it anew."
    return Problem(kind="diverged", message=f"{message} after version {found.version}.", hint=hint)


async def _wanted(agent: Agent[Any, Any], thread: Thread, events: Sequence[Event]) -> tuple[str, str] | None:
    try:
        step = await decide(agent, thread, lambda after: events[after : thread.version])
    except Unavailable:
        raise
    except ProblemError:
        return None
    return (step.key, identity_of(step)) if isinstance(step, Call | Think | Spawn) else None
