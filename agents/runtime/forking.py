"""Begin a new thread with what another went through up to a version: nothing of that runs again (R3)."""

import secrets
from collections.abc import Iterator, Sequence
from typing import Any

from agents.runtime.accepting import accepted
from agents.runtime.agreement import departure
from agents.runtime.definition import Agent
from agents.runtime.engine import Engine
from agents.runtime.patience import patiently
from state.events import (
    CheckpointTaken,
    ChildEnded,
    Event,
    Launched,
    RepositoryRef,
    Resolved,
    Rewound,
    thought_of,
)
from state.fold import reduce
from state.problem import ProblemError
from state.store import Record
from state.thread import Thread


def fork_point(records: Sequence[Record], version: int) -> int:
    """Return the last version, not after `version`, at which the thread runs and nothing is under way.

    Raises:
        ProblemError: `bad_input`; the thread has no such version.
    """
    if not 1 <= version <= len(records):
        raise ProblemError("bad_input", f"There is no version {version}.", f"The last one is {len(records)}.")
    point = 1
    for thread in _steps(records[:version]):
        if thread.status == "running" and thread.pending is None and not thread.cancelling:
            point = thread.version
    return point


def before_decisions(records: Sequence[Record]) -> int:
    """Return the last version before a model was first asked; the last of all if none was."""
    for record in records:
        if thought_of(record.event) is not None:
            return record.version - 1
    return len(records)


def wrote_after(records: Sequence[Record], version: int) -> bool:
    """Whether the thread changed files after `version`."""
    later = (record.event for record in records[version:])
    return any(
        event.moves if isinstance(event, ChildEnded) else isinstance(event, Resolved | Rewound) and event.trees
        for event in later
    )


async def fork(
    engine: Engine,
    source: Thread,
    point: int,
    workspace: tuple[RepositoryRef, ...],
    task: dict[str, Any],
    model: str = "",
) -> Thread:
    """Open and wake a thread that begins with the first `point` events of `source`, in another workspace.

    `task` replaces fields of its task, and `model` who decides.

    Raises:
        ProblemError: `bad_input` (the task; or it would have decided something else before that version), `busy` (the
            work tree).
    """
    records = engine.store.read(source.id, limit=point)
    first, *rest = (record.event for record in records)
    assert isinstance(first, Launched)
    agent = engine.agent(first.agent)
    given = accepted(agent, {**first.task, **task}, "Correct `task`.")
    changed = {
        "parent": None,
        "task": given,
        "workspace": workspace,
        "forked_from": f"{source.id}@{point}",
        "code": agent.code,
        "model": model or first.model,
    }
    thread_id = secrets.token_hex(16)
    launched, then = first.model_copy(update=changed), [_without_trees(event) for event in rest]
    if given != first.task or agent.code != first.code:
        await _require_agreement(agent, thread_id, launched, then)
    created = await patiently(engine.store.create, thread_id, launched, *then)
    engine.wake(created.thread.id)
    return created.thread


def _steps(records: Sequence[Record]) -> Iterator[Thread]:
    thread = Thread(id="")
    for record in records:
        thread = reduce(thread, record.event)
        yield thread


def _without_trees(event: Event) -> Event:
    """Drop what names checkpoints of the other thread's work trees; versions stay as they are."""
    match event:
        case CheckpointTaken() | Resolved() | Rewound():
            return event.model_copy(update={"trees": {}})
        case ChildEnded():
            return event.model_copy(update={"moves": ()})
        case _:
            return event


async def _require_agreement(agent: Agent[Any, Any], thread_id: str, launched: Launched, then: Sequence[Event]) -> None:
    """Require that the agent as it is, with its new task, would have decided all that is kept.

    Raises:
        ProblemError: `bad_input`; names the last version at which it still does.
    """
    if (found := await departure(agent, thread_id, [launched, *then])) is not None:
        message = f"With this task the agent, as it is now, decides something else than {found.key!r}"
        hint = f"Fork at version {found.version} or before, or launch the agent anew."
        raise ProblemError("bad_input", f"{message} after version {found.version}.", hint)
