"""Threads as resources: a timeline to read, and the events themselves."""

import json
from typing import Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ResourceNotFoundError

from mcp_server.callers import caller_of
from mcp_server.compose import Runtime
from mcp_server.envelope import status_of
from mcp_server.sdk import Server
from mcp_server.timeline import iso, markdown
from state.store import Record, UnknownThread
from state.thread import Thread

MOST_ROWS = 1000
MOST_BYTES = 1 << 20


def add_resources(server: Server, runtime: Runtime) -> None:
    """Register the templates on the server."""

    @server.resource("thread://{id}", name="thread", title="A thread's timeline", mime_type="text/markdown")
    async def timeline(id: str, ctx: Context[Any, Any]) -> str:
        """Read what happened, one row per event; of a long thread the latest."""
        thread = _find(runtime, ctx, id)
        records = runtime.store.read(thread.id, after=max(0, thread.version - MOST_ROWS))
        return runtime.outward.text(markdown(thread, status_of(runtime, thread), records))

    @server.resource(
        "thread://{id}/events{?after}",
        name="thread_events",
        title="A thread's events",
        mime_type="application/x-ndjson",
    )
    async def events(id: str, ctx: Context[Any, Any], after: int = 0) -> str:
        """Read every event in full, one JSON object per line; a last line with `more` says where the rest is."""
        thread = _find(runtime, ctx, id)
        return "\n".join(_lines(runtime, thread.id, after))

    del timeline, events  # the decorator has them


def _lines(runtime: Runtime, thread_id: str, after: int) -> list[str]:
    lines, size = list[str](), 0
    for record in runtime.store.read(thread_id, after=after):
        lines.append(json.dumps(runtime.outward.value(_event(record)), ensure_ascii=False))
        size += len(lines[-1])
        if size > MOST_BYTES:
            return [*lines, json.dumps({"more": f"thread://{thread_id}/events?after={record.version}"})]
    return lines


def _event(record: Record) -> dict[str, Any]:
    data = record.event.model_dump(mode="json", exclude_defaults=True)
    return {"version": record.version, "at": iso(record.at), "kind": record.event.kind, **data}


def _find(runtime: Runtime, ctx: Context[Any, Any], thread_id: str) -> Thread:
    try:
        return runtime.acting_for(caller_of(ctx.request_context.request)).find(thread_id)
    except UnknownThread as error:
        raise ResourceNotFoundError(str(error)) from error
