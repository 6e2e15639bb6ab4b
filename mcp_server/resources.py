"""Threads as resources: a timeline to read, and the events themselves."""

import json

from mcp.server.mcpserver.exceptions import ResourceNotFoundError

from mcp_server.compose import Runtime
from mcp_server.envelope import status_of
from mcp_server.sdk import Server
from mcp_server.timeline import iso, markdown
from state.store import UnknownThread
from state.thread import Thread

MOST_EVENTS = 2000


def add_resources(server: Server, runtime: Runtime) -> None:
    """Register the templates on the server."""

    @server.resource("thread://{id}", name="thread", title="A thread's timeline", mime_type="text/markdown")
    async def timeline(id: str) -> str:
        thread = _find(runtime, id)
        page = markdown(thread, status_of(runtime, thread), runtime.store.read(thread.id, limit=MOST_EVENTS))
        return runtime.outward.text(page)

    @server.resource("thread://{id}/events", name="thread_events", title="A thread's events", mime_type="text/plain")
    async def events(id: str) -> str:
        thread = _find(runtime, id)
        records = runtime.store.read(thread.id, limit=MOST_EVENTS)
        lines = (
            {"version": one.version, "at": iso(one.at), **one.event.model_dump(mode="json", exclude_defaults=True)}
            | {"kind": one.event.kind}
            for one in records
        )
        return runtime.outward.text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines))

    del timeline, events  # the decorator has them


def _find(runtime: Runtime, thread_id: str) -> Thread:
    try:
        return runtime.find(thread_id)
    except UnknownThread as error:
        raise ResourceNotFoundError(str(error)) from error
