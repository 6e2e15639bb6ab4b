"""A waiting thread's question, put to the client in the way it can answer; decided here for every tool (R8, R17, R19).

| client | how |
|---|---|
| 2026-07-28 with tasks | the call becomes a task, which asks if the client has forms too (`mcp_server.tasks`) |
| 2026-07-28 with form elicitation | `InputRequiredResult`; the client answers by repeating the call |
| older with form elicitation | `elicitation/create` while the call is open |
| any other, and every `decision` | the result says `waiting` and how to answer |

A client that can only open pages (elicitation by URL) is among the others: there is no page to answer on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import anyio
from mcp.server.context import ServerRequestContext
from mcp.server.mcpserver import Context
from mcp.server.session import ServerSession
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitRequest, ElicitResult, InputRequiredResult
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import BaseModel, ValidationError

from agents.runtime.engine import TICK_S
from agents.runtime.kin import asker
from agents.runtime.questions import fingerprint
from mcp_server.compose import Runtime
from mcp_server.forms import MOST_QUESTIONS, form, may_be_asked, take
from mcp_server.logs import about
from state.events import Asked, Question
from state.problem import ProblemError
from state.thread import Thread

Ctx: TypeAlias = Context[Any, Any]
Request: TypeAlias = ServerRequestContext[Any, Any]
Channel: TypeAlias = Literal["task", "retry", "push", "none"]
TASKS = "io.modelcontextprotocol/tasks"
LONGEST_WAIT_S = 50.0
"""Hosts give a call about a minute (R17)."""
TASK_WAIT_S = 1.0
"""What takes longer becomes a task, for clients that have them."""
FORM_S = 45.0
SHORTEST_FORM_S = 2.0
"""Nobody can read a question in less."""


class Round(BaseModel):
    """What a client carries from one call to its repetition, sealed by the SDK: which question it was shown."""

    thread: str
    asked: str = ""
    """The child whose question it was, if not the thread's own."""
    shown: str
    number: int


@dataclass(frozen=True, slots=True)
class Call:
    """One call in progress."""

    runtime: Runtime
    ctx: Ctx
    wait_s: float
    deadline: float
    """By `anyio.current_time()`: the call returns before its host gives up."""

    @property
    def left_s(self) -> float:
        return max(0.0, self.deadline - anyio.current_time())


def begin(runtime: Runtime, ctx: Ctx, wait_s: float | None = None) -> Call:
    """Start a call's clock. `wait_s`, or else `_meta.wait`, overrides the settings' inline wait.

    Raises:
        ProblemError: `bad_input`; `_meta.wait` is not a number of seconds that a call may take.
    """
    match meta(ctx).get("wait"):
        case None:
            wait = runtime.settings.inline_wait_s
        case int() | float() as wait if 0 <= wait <= LONGEST_WAIT_S and not isinstance(wait, bool):
            pass
        case other:
            hint = f"Give a number of seconds, 0 to {LONGEST_WAIT_S:.0f}."
            raise ProblemError("bad_input", f"_meta.wait is {str(other)[:80]!r}.", hint)
    wait = wait if wait_s is None else wait_s
    if has_tasks(ctx.session):
        wait = min(wait, TASK_WAIT_S)
    return Call(runtime, ctx, wait, anyio.current_time() + LONGEST_WAIT_S)


def meta(ctx: Ctx) -> Mapping[str, Any]:
    """Return what the client sent along with the call's arguments."""
    return {**(ctx.request_context.meta or {})}


def client_name(ctx: Ctx | Request) -> str:
    """Return the client's name and version, for the log."""
    params = ctx.session.client_params
    return f"{params.client_info.name} {params.client_info.version}".strip()[:200] if params else ""


def channel_of(ctx: Ctx) -> Channel:
    """Return how this client can be asked, by its era and by what it declared."""
    if has_tasks(ctx.session):
        return "task"
    if not has_forms(ctx.session):
        return "none"
    if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS:
        return "retry"
    return "push" if ctx.session.can_send_request else "none"


def has_tasks(session: ServerSession) -> bool:
    """Whether the request that the session is of declares tasks; in an older era that means nothing."""
    declared = session.client_capabilities
    return session.protocol_version in MODERN_PROTOCOL_VERSIONS and TASKS in ((declared and declared.extensions) or {})


def has_forms(session: ServerSession) -> bool:
    """Whether the client can show a form. Naming no kind of elicitation means forms."""
    declared = session.client_capabilities and session.client_capabilities.elicitation
    return declared is not None and (declared.form is not None or declared.url is None)


async def settle(call: Call, thread: Thread) -> Thread | InputRequiredResult:
    """Wait for the thread and put its questions to the client, until it rests on one the client cannot answer."""
    with about(thread_id=thread.id, session=thread.session):
        return await _ask(call, await _wait(call, thread), 0)


def carried(ctx: Ctx) -> Round | None:
    """Return what the repetition of a call brings along; `None` for a first call.

    Raises:
        ProblemError: `expired`; another version of this program asked. The call is not made again for that.
    """
    try:
        return Round.model_validate_json(ctx.request_state) if ctx.request_state else None
    except ValidationError as error:
        hint = 'Call `thread_wait` with thread_id "latest" to be asked again.'
        raise ProblemError("expired", "This form is from another version of factor12.", hint) from error


async def go_on(call: Call, carried: Round) -> Thread | InputRequiredResult:
    """Take the answer that the repetition of a call brings, and settle the thread from there."""
    thread = call.runtime.find(carried.thread)
    response = (call.ctx.input_responses or {}).get(_form_key(carried.number))
    if not (isinstance(response, ElicitResult) and has_forms(call.ctx.session)):
        return thread
    with about(thread_id=thread.id, session=thread.session):
        asked = call.runtime.find(carried.asked or carried.thread)
        taken = await take(call.runtime, asked.id, carried.shown, response, client_name(call.ctx))
        thread = call.runtime.store.load(thread.id)
        return thread if taken == "left" else await _ask(call, await _wait(call, thread), carried.number + 1)


async def _ask(call: Call, thread: Thread, number: int) -> Thread | InputRequiredResult:
    channel = channel_of(call.ctx)
    for later in range(number, MOST_QUESTIONS):
        asked = asker(call.runtime.store, thread)
        question = asked.question if asked else None
        if asked is None or question is None or channel in ("none", "task") or not may_be_asked(call.runtime, question):
            return thread
        if channel == "retry":
            return _form_request(call.runtime, thread, asked, question, later)
        response, shown, client = await _push(call, asked, question), fingerprint(question), client_name(call.ctx)
        left = response is None or await take(call.runtime, asked.id, shown, response, client) == "left"
        thread = call.runtime.store.load(thread.id)
        if left:  # pragma: no branch - Python 3.11 does not trace what a coroutine does after a throw into it
            return thread
        thread = await _wait(call, thread)
    return thread


async def _wait(call: Call, thread: Thread) -> Thread:
    if thread.ended or thread.asked:
        return thread

    async def report(thread: Thread) -> None:
        doing = f"{thread.pending.tool} ({thread.pending.key})" if thread.pending else thread.status
        await call.ctx.report_progress(thread.version, None, f"{thread.agent}: {doing}")

    return await call.runtime.engine.wait(thread.id, min(call.wait_s, call.left_s), report)


def _form_key(number: int) -> str:
    return f"question-{number}"


def _form_request(
    runtime: Runtime, thread: Thread, asked: Thread, question: Question, number: int
) -> InputRequiredResult:
    request = ElicitRequest(params=form(runtime, question))
    about = "" if asked is thread else asked.id
    state = Round(thread=thread.id, asked=about, shown=fingerprint(question), number=number)
    return InputRequiredResult(input_requests={_form_key(number): request}, request_state=state.model_dump_json())


async def _push(call: Call, thread: Thread, question: Question) -> ElicitResult | None:
    """Open a form in the client; `None` when it was not answered in time, or answered elsewhere first."""
    seconds = min(FORM_S, call.left_s)
    if seconds < SHORTEST_FORM_S:
        return None
    response: ElicitResult | None = None
    shown = form(call.runtime, question)
    with anyio.move_on_after(seconds):
        async with anyio.create_task_group() as group:
            group.start_soon(_withdraw_when_answered, call.runtime, thread, question, group.cancel_scope)
            try:
                response = await call.ctx.session.elicit_form(
                    shown.message, shown.requested_schema, related_request_id=call.ctx.request_context.request_id
                )
            except (MCPError, ValidationError):
                response = None
            group.cancel_scope.cancel()
    return response


async def _withdraw_when_answered(
    runtime: Runtime, thread: Thread, question: Question, form: anyio.CancelScope
) -> None:
    """Close the form once the thread has moved on, or the process is going. Asked anew, it is the same question."""
    engine, shown = runtime.engine, fingerprint(question)

    def still_open() -> bool:
        news = [record.event for record in engine.store.read(thread.id, after=thread.version)]
        return all(isinstance(event, Asked) and fingerprint(event.question) == shown for event in news)

    with engine.bells.listen(thread.id) as bell:
        while not engine.bells.closed and still_open():
            with anyio.move_on_after(TICK_S):
                await bell.rung.wait()
    form.cancel()
