"""The `repo_*` tools: which repositories there are, and which one a session means."""

import secrets

from mcp_types import ToolAnnotations

from agents.runtime.patience import patiently
from mcp_server.arguments import Nothing, Session, Switch
from mcp_server.asking import Ctx
from mcp_server.compose import Runtime
from mcp_server.context import execution_context
from mcp_server.envelope import Envelope, without_nulls
from mcp_server.schemas import Schema, result_schema
from mcp_server.survey import describe, surveyed
from mcp_server.toolbox import Entry
from state import sessions
from state.problem import ProblemError

_TEXT: Schema = {"type": "string"}
_REPOSITORY: Schema = {
    "session": _TEXT,
    "repo": _TEXT,
    "root": _TEXT,
    "branch": _TEXT,
    "head": _TEXT,
    "dirty": {"type": "array", "items": {"type": "object"}},
    "dirty_total": {"type": "integer"},
    "operation": _TEXT,
    "instructions": _TEXT,
    "runner": _TEXT,
    "trusted": {"type": "boolean"},
    "notice": _TEXT,
}
SESSION_ONLY = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False
)


async def find(runtime: Runtime, _: Ctx, args: Nothing) -> Envelope:
    found = await surveyed(runtime)
    step = "Call `repo_switch` with one of these names, or give it as `repo` to an agent."
    nothing = "There is no git repository in the base path; the person sets SISTER_REPO_BASE_PATH."
    roots = [str(root) for root in runtime.repositories.roots]
    return {"repositories": without_nulls(found), "roots": roots, "next": step if found else nothing}


async def switch(runtime: Runtime, _: Ctx, args: Switch) -> Envelope:
    """Push the repository on the session's stack, unless it is the current one already."""
    session = runtime.session(args.session) if args.session else f"s-{secrets.token_hex(4)}"
    root = runtime.repositories.resolve(args.repo)
    described = await describe(runtime, root)
    await patiently(sessions.push, runtime.database, runtime.principal, session, str(root))
    step = f'Launch an agent with session "{session}"; `repo_restore` with it goes back.'
    return {"session": session, **described, "next": step}


async def current(runtime: Runtime, _: Ctx, args: Session) -> Envelope:
    session = runtime.session(args.session)
    root = runtime.repositories.meant("", session, runtime.principal)
    described = await describe(runtime, root)
    context = without_nulls(await execution_context(runtime, session, root))
    return {"session": session, **described, "context": context, "next": "Agents launched in this session work here."}


async def restore(runtime: Runtime, _: Ctx, args: Session) -> Envelope:
    """Pop the session's stack."""
    session = runtime.session(args.session)
    if sessions.current(runtime.database, runtime.principal, session) is None:
        raise ProblemError("conflict", f"Session {session!r} has switched nowhere.", "`repo_switch` goes somewhere.")
    before = await patiently(sessions.pop, runtime.database, runtime.principal, session)
    if before is None and runtime.repositories.home is None:
        return {"session": session, "next": "The session has no repository now; give `repo` to each call."}
    root = runtime.repositories.meant("", session, runtime.principal)
    described = await describe(runtime, root)
    return {"session": session, **described, "next": "Agents launched in this session work here again."}


_LISTED: Schema = {"repositories": _REPOSITORY["dirty"], "roots": {"type": "array", "items": _TEXT}}
_HERE: Schema = result_schema(_REPOSITORY)
_CURRENT = result_schema({**_REPOSITORY, "context": {"type": "object"}})
_TABLE = [
    Entry(
        "repo_list",
        "List repositories",
        "List the git repositories that agents may work in, with the names to call them by.",
        Nothing,
        result_schema(_LISTED),
        find,
    ),
    Entry(
        "repo_switch",
        "Switch repository",
        "Make a repository the session's current one; returns the session, branch, uncommitted files, test runner.",
        Switch,
        _HERE,
        switch,
        SESSION_ONLY,
    ),
    Entry(
        "repo_current",
        "Show the current repository",
        "Show which repository agents of a session work in: branch, uncommitted files, test runner, trust.",
        Session,
        _CURRENT,
        current,
    ),
    Entry(
        "repo_restore",
        "Go back to the previous repository",
        "Undo the session's last repo_switch.",
        Session,
        _HERE,
        restore,
        SESSION_ONLY,
    ),
]


def entries() -> list[Entry]:
    """Return the repositories' part of the table."""
    return _TABLE
