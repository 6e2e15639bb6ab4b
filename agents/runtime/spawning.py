"""Start children: in the parent's own transaction, once per parent, generation and key (R3)."""

from collections.abc import Sequence
from hashlib import sha256

from agents.runtime.accepting import accepted
from agents.runtime.divergence import identity_of
from agents.runtime.engine import Engine
from agents.runtime.pen import Pen
from state.events import Failed, Launched, RepositoryRef, Spawned
from state.offspring import ChildRef
from state.problem import ProblemError
from state.steps import Child, Spawn
from state.thread import Thread

DEEPEST = 3
"""A child of a child of a child starts no more."""
MOST = 20
"""Children of one step."""


async def spawn(engine: Engine, pen: Pen, step: Spawn, untrusted: Sequence[str]) -> None:
    """Open the children and rest until they have ended; what cannot be started is a failure the agent sees.

    `untrusted` is whose words the parent has read: its children are told them.

    Raises:
        Moved: A signal came first.
        Fenced: The lease was taken over.
    """
    thread, known = pen.thread, identity_of(step)
    try:
        launches = _launches(engine, thread, step, untrusted)
    except ProblemError as error:
        return await pen.record(Failed(key=step.key, hash=known, problem=error.problem))
    refs = tuple(
        ChildRef(key=child.key, thread=thread_id, agent=child.agent, lent=_written(launched.workspace))
        for child, (thread_id, launched) in zip(step.children, launches.items(), strict=True)
    )
    await pen.spawn(Spawned(key=step.key, hash=known, children=refs, join=step.join), launches)
    for thread_id in launches:
        engine.wake(thread_id)


def _launches(engine: Engine, thread: Thread, step: Spawn, untrusted: Sequence[str]) -> dict[str, Launched]:
    if thread.depth >= DEEPEST:
        message = f"{step.key!r} would be {thread.depth + 1} threads deep; {DEEPEST} is the most."
        raise ProblemError("limit", message, "Do it in this thread.")
    keys = [child.key for child in step.children]
    if not 1 <= len(keys) <= MOST or len(set(keys)) < len(keys):
        raise ProblemError("bad_input", f"{step.key!r} names {len(keys)} children.", f"1 to {MOST}, each by its key.")
    launches = {_id(thread, step, child): _launch(engine, thread, child, untrusted) for child in step.children}
    lent = [key for launched in launches.values() for key in _written(launched.workspace)]
    if len(set(lent)) < len(lent):
        message = f"Several children of {step.key!r} would write to one work tree at the same time."
        raise ProblemError("bad_input", message, "Start one after the other.")
    return launches


def _id(thread: Thread, step: Spawn, child: Child) -> str:
    """Return the child's id: the same for the same parent, generation and key, and known to nobody beforehand."""
    name = f"{thread.id}.{thread.generation}.{step.key}\0{child.key}"
    return sha256(name.encode()).hexdigest()[:32]


def _launch(engine: Engine, thread: Thread, child: Child, untrusted: Sequence[str]) -> Launched:
    """Return the child's launch: its parent's session, principal, budget, and repositories, never with more rights."""
    agent = engine.agent(child.agent)
    first = thread.workspace[0] if thread.workspace else None
    if agent.mode == "write" and first is not None and first.mode == "read":
        message = f"{agent.name} edits, and {first.name!r} was given to {thread.agent} for reading only."
        raise ProblemError("refused", message, "Only an agent that edits can start one that does.")
    reading = {} if agent.mode == "write" else {"mode": "read"}
    return Launched(
        agent=agent.name,
        session=thread.session,
        task=accepted(agent, child.task),
        at=engine.clock(),
        workspace=tuple(ref.model_copy(update=reading) for ref in thread.workspace),
        principal=thread.principal,
        code=agent.code,
        budget=thread.budget,
        client=f"thread {thread.id}",
        source="thread",
        untrusted=tuple(untrusted),
        parent=thread.id,
        depth=thread.depth + 1,
    )


def _written(workspace: tuple[RepositoryRef, ...]) -> tuple[str, ...]:
    return tuple(ref.key for ref in workspace if ref.mode == "write" and ref.key)
