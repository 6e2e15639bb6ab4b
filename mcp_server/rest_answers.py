"""Answers and resumption over REST. Who answers for a person has shown a token that may approve (R8)."""

from typing import Any

from fastapi import Request

from agents.runtime.questions import fingerprint
from mcp_server.compose import Runtime
from mcp_server.envelope import status_of
from mcp_server.rest_door import rest_of
from state.problem import ProblemError
from state.thread import Thread

CHANNEL = "rest"


async def answered(request: Request, runtime: Runtime, thread: Thread, key: str, answer: Any) -> Thread:
    """Answer the question that the thread asks now; of a person's question only with the right to.

    Raises:
        ProblemError: `refused`; as `Engine.answer`.
    """
    question = thread.question
    person = question is not None and question.key == key and question.answer_by == "person"
    if person:
        _require_person(request, runtime)
    seen = fingerprint(question) if question else ""
    return await runtime.engine.answer(
        thread.id, key, answer, channel=CHANNEL, person=person, client=client_of(request), shown=seen
    )


async def resumed(runtime: Runtime, thread: Thread) -> Thread:
    """Let an interrupted or rewound thread go on; one that has ended, or asks something, stays as it is.

    Raises:
        ProblemError: `busy`; it runs.
    """
    if status_of(runtime, thread) == "running":
        message, hint = f"Thread {thread.id!r} is running.", f"GET /agents/{thread.id}/status?wait=50 waits for it."
        raise ProblemError("busy", message, hint)
    return await runtime.engine.resume(thread.id)


def client_of(request: Request) -> str:
    """Return what a client calls itself, for the log."""
    return request.headers.get("user-agent", "")[:200]


def _require_person(request: Request, runtime: Runtime) -> None:
    if CHANNEL not in runtime.settings.approval_channels:
        hint = "Answer with `factor12 answer`, or add `rest` to FACTOR12_APPROVAL_CHANNELS."
        raise ProblemError("refused", "Questions for a person are not answered over REST here.", hint)
    if not rest_of(request).door.closed:
        made = "factor12 token create --principal local --scopes read,run,approve"
        hint = f"Answer with `factor12 answer`, or with a token that may approve: {made}"
        raise ProblemError("refused", "This is a question for a person, and nobody had to say who they are.", hint)
    runtime.caller.need("approve")
