"""`health`: whether this server works, and how it is set."""

from anyio.to_thread import run_sync

from mcp_server.arguments import Nothing
from mcp_server.asking import Ctx
from mcp_server.compose import Runtime
from mcp_server.deciding import deciding
from mcp_server.envelope import Envelope
from mcp_server.schemas import Schema, result_schema
from mcp_server.toolbox import Entry
from mcp_server.version import program_version
from state.store import Search

_OBJECT: Schema = {"type": "object"}
_TEXT: Schema = {"type": "string"}
MOST_COUNTED = 1000
LOOK_S = 2.0


async def health(runtime: Runtime) -> Envelope:
    """Read the store, so that a broken one is an error here, and say what a person may want to know."""
    waiting = runtime.store.list(Search(status="waiting", limit=MOST_COUNTED), runtime.principal)
    running = runtime.store.list(Search(status="running", limit=MOST_COUNTED), runtime.principal)
    interrupted = runtime.store.list(Search(status="interrupted", limit=MOST_COUNTED), runtime.principal)
    settings, standing = runtime.settings, await run_sync(runtime.sandbox.standing)
    await runtime.background.within(LOOK_S, "look for agents", runtime.custom.learn)
    return {
        "status": "ok",
        "program": f"factor12 {program_version()}",
        "database": str(runtime.database.path),
        "agents": [agent.name for agent in runtime.engine.offered],
        "broken_agents": [str(one.problem) for one in runtime.custom.broken],
        "threads": {"running": len(running), "waiting": len(waiting), "interrupted": len(interrupted)},
        "roots": [str(root) for root in runtime.repositories.roots],
        "sandbox": f"{standing.name}: {standing.says}",
        "model": deciding(settings),
        "approval": settings.approval,
        "approval_channels": list(settings.approval_channels),
        "next": _next(len(waiting), len(interrupted)),
    }


async def _answer(runtime: Runtime, _: Ctx, args: Nothing) -> Envelope:
    return await health(runtime)


def _next(waiting: int, interrupted: int) -> str:
    if interrupted:
        return "Call `thread_list` with status interrupted, then `thread_resume` or `thread_cancel`."
    return "Call `thread_list` with status waiting to see what is asked." if waiting else "All is well."


def entries() -> list[Entry]:
    """Return the service's part of the table."""
    texts: Schema = {"type": "array", "items": _TEXT}
    fields: Schema = {
        "status": _TEXT,
        "program": _TEXT,
        "database": _TEXT,
        "agents": texts,
        "broken_agents": texts,
        "threads": _OBJECT,
        "roots": texts,
        "sandbox": _TEXT,
        "model": _TEXT,
        "approval": _TEXT,
        "approval_channels": texts,
    }
    description = "Check that the server works and how it is set: store, agents, threads, folders, approvals, sandbox."
    return [Entry("health", "Check the server", description, Nothing, result_schema(fields), _answer)]
