"""What a call of an agent means: its session, the repositories it names, and the task in the names they have there."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from anyio.to_thread import run_sync

from agents.runtime.definition import Agent
from agents.runtime.engine import Launch
from mcp_server.compose import Runtime
from mcp_server.enabling import require_enabled
from mcp_server.repositories import Isolation
from state.events import RepositoryRef, Source
from state.problem import ProblemError
from state.thread import Thread


@dataclass(frozen=True)
class Place:
    """Where an agent is called to work, as the caller named it."""

    repo: str = ""
    session: str = ""
    isolation: Isolation = "in_place"


async def wish(
    runtime: Runtime,
    agent: Agent[Any, Any],
    task: dict[str, Any],
    place: Place,
    *,
    client: str = "",
    source: Source = "",
    untrusted: tuple[str, ...] = (),
    idempotency_key: str = "",
) -> Launch:
    """Return the launch: the repository meant comes first, then those that the task names, for reading.

    Raises:
        ProblemError: As `Repositories.ref` and `require_enabled`; `not_found`, the session.
    """
    session = runtime.session(place.session)
    workspace, named = await _first(runtime, agent, place, session), dict[str, Any]()
    home = runtime.custom.home_of(agent.name)
    require_enabled(runtime.repositories, workspace, agent.name, home.root if home else None)
    for field in agent.reads:
        names = [
            _join(runtime, workspace, await runtime.repositories.ref(one, session, "read", runtime.principal))
            for one in _wanted(task, field)
        ]
        if names:
            named[field] = list(dict.fromkeys(names)) if isinstance(task[field], list) else names[0]
    return Launch(
        agent=agent.name,
        task={**task, **named},
        session=session,
        workspace=tuple(workspace),
        principal=runtime.principal,
        client=client,
        source=source,
        untrusted=untrusted,
        idempotency_key=idempotency_key,
        budget=runtime.settings.budget,
    )


async def _first(runtime: Runtime, agent: Agent[Any, Any], place: Place, session: str) -> list[RepositoryRef]:
    """Return the repository that is meant; none, if none is and the agent can do without."""
    try:
        return [await runtime.repositories.ref(place.repo, session, agent.mode, runtime.principal, place.isolation)]
    except ProblemError as error:
        if agent.anywhere and not place.repo and error.problem.kind == "bad_input":
            return []
        raise


def _wanted(task: dict[str, Any], field: str) -> list[str]:
    """Return the repositories that a field of the task names: one, or a list of them.

    Raises:
        ProblemError: `bad_input`; it is something else, which the agent's own type would only say later.
    """
    match task.get(field):
        case None | "":
            return []
        case str() as one:
            return [one]
        case list():
            several = cast(list[Any], task[field])
            if all(isinstance(one, str) and one for one in several):
                return several
        case _:
            pass
    raise ProblemError("bad_input", f"{field} is {str(task[field])[:80]!r}.", "Name repositories by name or path.")


def _join(runtime: Runtime, workspace: list[RepositoryRef], ref: RepositoryRef) -> str:
    """Add a repository unless it is there, under a name that is not taken; return the name."""
    for known in workspace:
        if known.root == ref.root:
            return known.name
    if any(known.name == ref.name for known in workspace):
        ref = ref.model_copy(update={"name": runtime.repositories.name_of(Path(ref.root))})
    workspace.append(ref)
    return ref.name


async def takeover(runtime: Runtime, thread: Thread) -> Launch:
    """Return the launch that takes the edits of a thread's own work tree over into the checkout.

    Raises:
        ProblemError: `bad_input` (it worked in place), `conflict` (it has not ended, or changed nothing), `not_found`
            (its work tree was removed); as `Repositories.ref` about the checkout.
    """
    if (own := thread.own_tree) is None:
        message = f"Thread {thread.id!r} worked in the checkout itself, so there is nothing to take over."
        raise ProblemError("bad_input", message, "`git diff` there shows its edits.")
    if not thread.ended:
        message = f"Thread {thread.id!r} has not ended."
        raise ProblemError("conflict", message, f"factor12 threads resume {thread.id}, or cancel it.")
    base = next((one.trees[own.name] for one in thread.checkpoints if own.name in one.trees), None)
    if base is None:
        raise ProblemError("conflict", f"Thread {thread.id!r} changed nothing.", "There is nothing to take over.")
    if not await run_sync(Path(own.root, ".git").exists):
        raise ProblemError("not_found", f"The work tree {own.root!r} was removed.", "Launch the agent again.")
    checkout = await runtime.repositories.ref(own.source, thread.session, "write", runtime.principal)
    tree = own.model_copy(update={"name": own.branch or own.root, "mode": "read"})
    return Launch(
        agent="take_over",
        task={"thread": thread.id, "tree": tree.name, "base": base},
        session=thread.session,
        workspace=(checkout, tree),
        principal=runtime.principal,
        client="factor12 threads apply",
        budget=runtime.settings.budget,
        source="cli",
    )
