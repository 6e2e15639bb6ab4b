"""The `repo_*` tools: which repositories there are, and which one a session means."""

import secrets
from pathlib import Path
from typing import Any

from anyio.to_thread import run_sync
from mcp_types import ToolAnnotations

from agents.runtime.patience import patiently
from mcp_server.arguments import Nothing, Session, Switch
from mcp_server.asking import Ctx
from mcp_server.compose import Runtime
from mcp_server.envelope import Envelope, without_nulls
from mcp_server.schemas import Schema, result_schema
from mcp_server.toolbox import Entry
from state import sessions
from state.problem import ProblemError

INSTRUCTIONS = ("AGENTS.md", "CLAUDE.md", "GEMINI.md", ".github/copilot-instructions.md", "CONTRIBUTING.md")
MOST_DIRTY = 20
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
}
SESSION_ONLY = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False
)


async def find(runtime: Runtime, _: Ctx, args: Nothing) -> Envelope:
    home = runtime.repositories.home
    found = [
        {"repo": named.name, "root": str(named.root), "trusted": named.trusted, "home": named.root == home or None}
        for named in runtime.repositories.list()
    ]
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
    return {"session": session, **described, "next": "Agents launched in this session work here."}


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


async def describe(runtime: Runtime, root: Path) -> Envelope:
    """Say what an agent would find in a repository. Nothing in it is changed, nothing of it runs.

    Raises:
        ProblemError: It may not be opened.
    """
    facts = await runtime.repositories.facts(root)
    runner = await run_sync(_runner, root)
    status = facts.status
    return without_nulls(
        {
            "repo": runtime.repositories.name_of(root),
            "root": str(root),
            "branch": status.branch or None,
            "head": status.head or None,
            "dirty": [change.model_dump(exclude_defaults=True) for change in status.changes[:MOST_DIRTY]],
            "dirty_total": status.total,
            "operation": facts.operation,
            "instructions": next((name for name in INSTRUCTIONS if (root / name).is_file()), None),
            "runner": runner,
            "trusted": runtime.repositories.trusted(root),
        }
    )


def _runner(root: Path) -> str | None:
    from tools.runners.detection import detect

    found = detect(root)
    return f"{found.runner}: {found.reason}" if found else None


def entries() -> list[Entry]:
    """Return the repositories' part of the table."""
    listed: Schema = {"repositories": _REPOSITORY["dirty"], "roots": {"type": "array", "items": _TEXT}}
    here: dict[str, Any] = result_schema(_REPOSITORY)
    return [
        Entry(
            "repo_list",
            "List repositories",
            "List the git repositories that agents may work in, with the names to call them by.",
            Nothing,
            result_schema(listed),
            find,
        ),
        Entry(
            "repo_switch",
            "Switch repository",
            "Make a repository the session's current one; returns the session, branch, uncommitted files, test runner.",
            Switch,
            here,
            switch,
            SESSION_ONLY,
        ),
        Entry(
            "repo_current",
            "Show the current repository",
            "Show which repository agents of a session work in: branch, uncommitted files, test runner, trust.",
            Session,
            here,
            current,
        ),
        Entry(
            "repo_restore",
            "Go back to the previous repository",
            "Undo the session's last repo_switch.",
            Session,
            here,
            restore,
            SESSION_ONLY,
        ),
    ]
