"""`/agents`: launch, find, follow, answer, resume, cancel, fork and hide threads."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from agents.runtime.patience import patiently
from mcp_server.arguments import Listing
from mcp_server.compose import Runtime
from mcp_server.envelope import Envelope, status_of
from mcp_server.forking import forked
from mcp_server.launching import Place
from mcp_server.paging import listed, page
from mcp_server.rest_answers import CHANNEL, answered, client_of, resumed
from mcp_server.rest_bodies import (
    AnswerOf,
    Cancel,
    Events,
    ForkOf,
    Gone,
    HistoryQuery,
    Launch,
    Message,
    NoQuery,
    Resume,
    StatusQuery,
    Threads,
    ThreadState,
)
from mcp_server.rest_door import Reader, Runner, Way
from mcp_server.rest_launching import launched, told
from mcp_server.rest_words import shown
from state.listing import hide
from state.thread import Thread

router = APIRouter(prefix="/agents", tags=["agents"], route_class=Way)
Nothing = Annotated[NoQuery, Query()]


@router.post("/start", response_model=ThreadState, response_model_exclude_unset=True)
async def start(request: Request, runtime: Runner, body: Launch, _: Nothing) -> Envelope:
    """Launch an agent; the call returns at once, or as soon as the thread rests within `wait` seconds.

    The status tells about the call; what came of the thread stands in `status` and `outcome`.
    """
    client = client_of(request)
    if isinstance(body, Message):
        client = f"{client} for {body.user_id}" if body.user_id else client
        task = told(runtime, body.agent_type, body.message)
        return shown(runtime, await launched(runtime, body.agent_type, task, Place(), client=client))
    place = Place(body.repo, body.session, body.isolation)
    thread = await launched(runtime, body.agent, body.task, place, client=client, idempotency_key=body.idempotency_key)
    return shown(runtime, await runtime.engine.wait(thread.id, body.wait))


@router.get("", response_model=Threads)
async def find(runtime: Reader, query: Annotated[Listing, Query()]) -> Envelope:
    """List the caller's threads, the latest first; hidden ones are left out."""
    rows = listed(runtime, query)
    step = f"GET /agents/{rows[0]['thread_id']}/status shows the latest one." if rows else "None matches."
    return _clean(runtime, {"threads": rows, "next": step})


@router.get("/{thread_id}/status", response_model=ThreadState, response_model_exclude_unset=True)
async def status(runtime: Reader, thread_id: str, query: Annotated[StatusQuery, Query()]) -> Envelope:
    """Show a thread, as soon as it rests or after `wait` seconds."""
    return shown(runtime, await runtime.engine.wait(runtime.find(thread_id).id, query.wait))


@router.get("/{thread_id}/history", response_model=Events)
async def history(runtime: Reader, thread_id: str, query: Annotated[HistoryQuery, Query()]) -> Envelope:
    """Read a thread's events, oldest first, in pages."""
    thread = runtime.find(thread_id)
    events, last = page(runtime, thread, query.after)
    more = f"GET /agents/{thread.id}/history?after={last} has the rest."
    fields = {
        "thread_id": thread.id,
        "agent": thread.agent,
        "status": status_of(runtime, thread),
        "version": thread.version,
        "events": events,
        "next": more if last < thread.version else "These are all its events.",
    }
    return _clean(runtime, fields)


@router.post("/{thread_id}/resume", response_model=ThreadState, response_model_exclude_unset=True)
async def resume(request: Request, runtime: Runner, thread_id: str, _: Nothing, body: Resume | None = None) -> Envelope:
    """Let an interrupted thread go on, or answer what a waiting one asks. 409 while it runs."""
    thread = runtime.find(thread_id)
    if body is None or body.human_response is None:
        return shown(runtime, await resumed(runtime, thread))
    key = thread.question.key if thread.question else ""
    return shown(runtime, await answered(request, runtime, thread, key, body.human_response))


@router.post("/{thread_id}/answer", response_model=ThreadState, response_model_exclude_unset=True)
async def answer(request: Request, runtime: Runner, thread_id: str, body: AnswerOf, _: Nothing) -> Envelope:
    """Answer the question of that key. What is for a person needs a token with the scope `approve`."""
    return shown(runtime, await answered(request, runtime, runtime.find(thread_id), body.key, body.answer))


@router.post("/{thread_id}/cancel", response_model=ThreadState, response_model_exclude_unset=True)
async def cancel(runtime: Runner, thread_id: str, _: Nothing, body: Cancel | None = None) -> Envelope:
    """Stop a thread for good; what it was doing is settled first."""
    return shown(runtime, await _cancelled(runtime, runtime.find(thread_id), body.reason if body else ""))


@router.post("/{thread_id}/fork", response_model=ThreadState, response_model_exclude_unset=True)
async def fork(runtime: Runner, thread_id: str, _: Nothing, body: ForkOf | None = None) -> Envelope:
    """Try a thread another way from a checkpoint or version on; nothing before it runs again."""
    told = body or ForkOf()
    thread = await forked(
        runtime,
        runtime.find(thread_id),
        checkpoint=told.checkpoint_id,
        version=told.version,
        task=told.task,
        isolation=told.isolation,
        model=told.model,
    )
    return shown(runtime, thread)


@router.delete("/{thread_id}", response_model=Gone)
async def delete(runtime: Runner, thread_id: str, _: Nothing) -> dict[str, Any]:
    """Cancel a thread and leave it out of lists. Its log can be read by its id until `factor12 gc` forgets it."""
    thread = await _cancelled(runtime, runtime.find(thread_id), "deleted")
    await patiently(hide, runtime.database, thread.id)
    step = "`factor12 gc` forgets it for good."
    return {"thread_id": thread.id, "status": status_of(runtime, thread), "hidden": True, "next": step}


async def _cancelled(runtime: Runtime, thread: Thread, reason: str) -> Thread:
    after = await runtime.engine.cancel(thread.id, channel=CHANNEL, reason=reason)
    return await runtime.engine.wait(after.id, runtime.settings.inline_wait_s)


def _clean(runtime: Runtime, fields: Envelope) -> Envelope:
    clean: Envelope = runtime.outward.value(fields)
    return clean
