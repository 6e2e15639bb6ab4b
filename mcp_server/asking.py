"""A waiting thread's question, put to the client in the way it can answer; decided here for every tool (R8, R17, R19).

| client | how |
|---|---|
| 2026-07-28 with form elicitation | `InputRequiredResult`; the client answers by repeating the call |
| older with form elicitation | `elicitation/create` while the call is open |
| any other, and every `decision` | the result says `waiting` and how to answer |
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import anyio
from mcp.server.mcpserver import Context
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import BaseModel, ValidationError

from agents.runtime.engine import TICK_S
from agents.runtime.questions import NO, fingerprint
from mcp_server.compose import Runtime
from mcp_server.logs import about
from state.events import Question
from state.problem import ProblemError
from state.thread import Thread

Ctx: TypeAlias = Context[Any, Any]
Channel: TypeAlias = Literal["retry", "push", "none"]
LONGEST_WAIT_S = 50.0
"""Hosts give a call about a minute (R17)."""
MOST_ROUNDS = 8
"""Questions put in one call; clients give up at about ten."""
FORM_S = 45.0
SHORTEST_FORM_S = 2.0
"""Nobody can read a question in less."""
CHANNEL = "elicitation"


class Round(BaseModel):
    """What a client carries from one call to its repetition, sealed by the SDK: which question it was shown."""

    thread: str
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
    return Call(runtime, ctx, wait if wait_s is None else wait_s, anyio.current_time() + LONGEST_WAIT_S)


def meta(ctx: Ctx) -> Mapping[str, Any]:
    """Return what the client sent along with the call's arguments."""
    return {**(ctx.request_context.meta or {})}


def client_name(ctx: Ctx) -> str:
    """Return the client's name and version, for the log."""
    params = ctx.session.client_params
    return f"{params.client_info.name} {params.client_info.version}".strip()[:200] if params else ""


def channel_of(ctx: Ctx) -> Channel:
    """Return how this client can be asked, by its era and by what it declared."""
    declared = ctx.client_capabilities.elicitation if ctx.client_capabilities else None
    if declared is None or (declared.form is None and declared.url is not None):
        return "none"
    if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS:
        return "retry"
    return "push" if ctx.session.can_send_request else "none"


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
    if not (isinstance(response, ElicitResult) and channel_of(call.ctx) == "retry"):
        return thread
    with about(thread_id=thread.id, session=thread.session):
        moved = await _take(call, thread, carried.shown, response)
        thread = call.runtime.store.load(thread.id)
        return await _ask(call, await _wait(call, thread), carried.number + 1) if moved else thread


async def _ask(call: Call, thread: Thread, number: int) -> Thread | InputRequiredResult:
    channel = channel_of(call.ctx)
    for later in range(number, MOST_ROUNDS):
        question = thread.question
        if question is None or channel == "none" or not _may_be_asked(call.runtime, question):
            return thread
        if channel == "retry":
            return _form_request(thread, question, later)
        response = await _push(call, thread, question)
        moved = response is not None and await _take(call, thread, fingerprint(question), response)
        thread = call.runtime.store.load(thread.id)
        if not moved:  # pragma: no branch - Python 3.11 does not trace what a coroutine does after a throw into it
            return thread
        thread = await _wait(call, thread)
    return thread


async def _wait(call: Call, thread: Thread) -> Thread:
    if thread.status != "running":
        return thread

    async def report(thread: Thread) -> None:
        doing = f"{thread.pending.tool} ({thread.pending.key})" if thread.pending else thread.status
        await call.ctx.report_progress(thread.version, None, f"{thread.agent}: {doing}")

    return await call.runtime.engine.wait(thread.id, min(call.wait_s, call.left_s), report)


def _may_be_asked(runtime: Runtime, question: Question) -> bool:
    """Whether this caller's client may be asked: what only a person may answer needs the scope for that (R8)."""
    if question.kind == "decision":
        return False
    if question.answer_by == "anyone":
        return "run" in runtime.caller.scopes
    return "approve" in runtime.caller.scopes and CHANNEL in runtime.settings.approval_channels


def _schema(question: Question) -> dict[str, Any]:
    field: dict[str, Any] = {"type": "string", "title": "Answer"}
    if question.options:
        field["enum"] = list(question.options)
    return {"type": "object", "properties": {"answer": field}, "required": ["answer"]}


def _form_key(number: int) -> str:
    return f"question-{number}"


def _form_request(thread: Thread, question: Question, number: int) -> InputRequiredResult:
    form = ElicitRequestFormParams(message=question.text, requested_schema=_schema(question))
    state = Round(thread=thread.id, shown=fingerprint(question), number=number)
    return InputRequiredResult(
        input_requests={_form_key(number): ElicitRequest(params=form)}, request_state=state.model_dump_json()
    )


async def _push(call: Call, thread: Thread, question: Question) -> ElicitResult | None:
    """Open a form in the client; `None` when it was not answered in time, or answered elsewhere first."""
    seconds = min(FORM_S, call.left_s)
    if seconds < SHORTEST_FORM_S:
        return None
    response: ElicitResult | None = None
    with anyio.move_on_after(seconds):
        async with anyio.create_task_group() as group:
            group.start_soon(_withdraw_when_answered, call.runtime, thread, group.cancel_scope)
            try:
                response = await call.ctx.session.elicit_form(
                    question.text, _schema(question), related_request_id=call.ctx.request_context.request_id
                )
            except (MCPError, ValidationError):
                response = None
            group.cancel_scope.cancel()
    return response


async def _withdraw_when_answered(runtime: Runtime, thread: Thread, form: anyio.CancelScope) -> None:
    """Close the form once the thread has moved on, or the process is going."""
    engine = runtime.engine
    with engine.bells.listen(thread.id) as bell:
        while not engine.bells.closed and not engine.store.read(thread.id, after=thread.version, limit=1):
            with anyio.move_on_after(TICK_S):
                await bell.rung.wait()
    form.cancel()


async def _take(call: Call, thread: Thread, shown: str, response: ElicitResult) -> bool:
    """Give the answer to the engine; True if the thread moves on.

    `accept` answers. `decline` denies an approval and leaves any other question open. `cancel` answers nothing: clients
    without a person send it by themselves.
    """
    question = call.runtime.store.load(thread.id).question
    if question is None or fingerprint(question) != shown:
        return True
    if not _may_be_asked(call.runtime, question):
        return False
    match response.action, question.kind:
        case "accept", _:
            answer = _content(response.content)
        case "decline", "approval":
            answer = NO
        case _:
            return False
    try:
        await call.runtime.engine.answer(
            thread.id, question.key, answer, channel=CHANNEL, person=True, client=client_name(call.ctx), shown=shown
        )
    except ProblemError as error:
        if error.problem.kind not in ("bad_input", "conflict", "not_found", "expired"):
            raise
    return True


def _content(content: Mapping[str, Any] | None) -> Any:
    return (content or {}).get("answer")
