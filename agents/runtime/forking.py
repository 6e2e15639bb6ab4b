"""Begin a new thread with what another went through up to a version: nothing of that runs again (R3)."""

import secrets
from collections.abc import Iterator, Sequence
from typing import Any

from agents.runtime.accepting import accepted
from agents.runtime.divergence import decided, identity_of
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
from state.fold import reduce, replay
from state.problem import ProblemError
from state.steps import Call, Spawn, Think
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
    launched, then = first.model_copy(update=changed), [_without_trees(event) for event in rest]
    if given != first.task:
        _require_agreement(engine, launched, then)
    created = await patiently(engine.store.create, secrets.token_hex(16), launched, *then)
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


def _require_agreement(engine: Engine, launched: Launched, then: Sequence[Event]) -> None:
    """Require that with its new task the agent would have decided all that is kept.

    Raises:
        ProblemError: `bad_input`; names the last version at which it still does.
    """
    agent, thread = engine.agent(launched.agent), replay("", [launched])
    task = agent.task(thread)
    for event in then:
        after = reduce(thread, event)
        if (wanted := decided(thread, event)) is not None:
            step = agent.next_step(task, thread)
            if not isinstance(step, Call | Think | Spawn) or (step.key, identity_of(step)) != wanted:
                message = f"With this task the agent decides something else than {wanted[0]!r} after version"
                hint = f"Fork at version {thread.version} or before, or launch the agent anew."
                raise ProblemError("bad_input", f"{message} {thread.version}.", hint)
        thread = after
