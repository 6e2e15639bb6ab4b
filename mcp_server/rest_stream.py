"""`/agents/{thread_id}/events`: a thread's log as server-sent events, from any version on, until the thread ends."""

import json
from collections.abc import AsyncGenerator
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Header, Query
from sse_starlette import EventSourceResponse, ServerSentEvent

from agents.runtime.engine import TICK_S
from mcp_server.compose import Runtime
from mcp_server.envelope import refusal
from mcp_server.rest_bodies import NoQuery
from mcp_server.rest_door import Reader, Way
from mcp_server.rest_words import shown
from mcp_server.timeline import entry
from state import fold
from state.problem import ProblemError
from state.thread import Thread

PAGE = 100
PING_S = 15
SEND_S = 30.0
"""How long a client may leave an event unread."""
LONGEST_ID = 18
router = APIRouter(tags=["agents"], route_class=Way)

_FIELDS, _TEXT = ("id", "event", "data"), {"type": "string"}
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "An event per event of the log: `id` is its version, `event` its kind, `data` JSON. When the "
        "thread ends, one `end` without an id, whose data is the thread.",
        "content": {"text/event-stream": {"schema": {"type": "object", "properties": dict.fromkeys(_FIELDS, _TEXT)}}},
    }
}


@router.get("/agents/{thread_id}/events", response_class=EventSourceResponse, responses=_STREAM)
async def events(
    runtime: Reader,
    thread_id: str,
    _: Annotated[NoQuery, Query()],
    last_event_id: Annotated[str, Header(description="Go on after this version", pattern=r"^[0-9]*$")] = "",
) -> EventSourceResponse:
    """Follow a thread: what happened so far, then what happens, in whichever process it does."""
    thread = runtime.find(thread_id)
    after = int(last_event_id or "0") if len(last_event_id) <= LONGEST_ID else thread.version + 1
    if after > thread.version:
        hint = f"Its last version is {thread.version}; leave Last-Event-ID out to begin at the first."
        raise ProblemError("conflict", f"Thread {thread.id!r} has no version {last_event_id[:40]} yet.", hint)
    return EventSourceResponse(_follow(runtime, thread, after), ping=PING_S, send_timeout=SEND_S)


async def _follow(runtime: Runtime, thread: Thread, after: int) -> AsyncGenerator[ServerSentEvent]:
    with runtime.bells.listen(thread.id) as bell:
        while not runtime.bells.closed:
            rung = bell.rung
            try:
                records = runtime.store.read(thread.id, after=after, limit=PAGE)
            except ProblemError as error:  # forgotten meanwhile, or the store is gone
                yield _event(runtime, "error", refusal(error.problem, thread_id=thread.id))
                return
            for record in records:
                yield _event(runtime, record.event.kind, entry(record), record.version)
                after = record.version
            thread = fold.catch_up(thread, (record.event for record in records if record.version > thread.version))
            if thread.ended and after >= thread.version:
                yield _event(runtime, "end", shown(runtime, thread))
                return
            if not records:
                with anyio.move_on_after(TICK_S):
                    await rung.wait()


def _event(runtime: Runtime, kind: str, data: dict[str, Any], version: int | None = None) -> ServerSentEvent:
    text = json.dumps(runtime.outward.value(data), ensure_ascii=False)
    return ServerSentEvent(text, event=kind, id=None if version is None else str(version))
