"""`/agent`: a run as one state object that is launched, polled and resumed by its id."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from mcp_server.compose import Runtime
from mcp_server.envelope import Envelope
from mcp_server.launching import Place
from mcp_server.rest_answers import client_of, resumed
from mcp_server.rest_bodies import AgentState, NoQuery, Prompt, StateId
from mcp_server.rest_door import Reader, Runner, Way
from mcp_server.rest_launching import launched, told
from mcp_server.rest_words import shown
from mcp_server.timeline import entry
from state.thread import Thread

MOST_STEPS = 1000
router = APIRouter(prefix="/agent", tags=["agent state"], route_class=Way)
Nothing = Annotated[NoQuery, Query()]


@router.post("/launch", response_model=AgentState, response_model_exclude_unset=True)
async def launch(request: Request, runtime: Runner, body: Prompt, _: Nothing) -> Envelope:
    """Launch an agent on a prompt; without `agent` it is `assistant`, which answers a request in plain words."""
    task = told(runtime, body.agent, body.input_prompt)
    place = Place(body.repo, body.session)
    return _state(runtime, await launched(runtime, body.agent, task, place, client=client_of(request)))


@router.get("/state/{id}", response_model=AgentState, response_model_exclude_unset=True)
async def state(runtime: Reader, id: str, _: Nothing) -> Envelope:
    """Show everything about a run; of a very long one the latest steps."""
    return _state(runtime, runtime.find(id))


@router.post("/resume", response_model=AgentState, response_model_exclude_unset=True)
async def resume(runtime: Runner, body: StateId, _: Nothing) -> Envelope:
    """Let a paused or interrupted run go on. 409 while it runs; one that has ended stays as it is."""
    return _state(runtime, await resumed(runtime, runtime.find(body.id)))


def _state(runtime: Runtime, thread: Thread) -> Envelope:
    seen = shown(runtime, thread)
    records = runtime.store.read(thread.id, after=max(0, thread.version - MOST_STEPS))
    context = {
        "task": thread.task,
        "session": thread.session,
        "repositories": [{"name": ref.name, "mode": ref.mode, "branch": ref.branch} for ref in thread.workspace],
    }
    told = {"id": thread.id, "context": context, "steps": [entry(record) for record in records]}
    clean: Envelope = runtime.outward.value(told)
    result = {"result": seen["output"]} if "output" in seen else {}
    kept = ("agent", "status", "outcome", "question", "error", "version", "next")
    return {**clean, **result, **{name: seen[name] for name in kept if name in seen}}
