"""The tasks extension of MCP (SEP-2663) over threads: a call that takes long is a task, for clients that have tasks.

What becomes of a task, its thread's log says (`mcp_server.task_view`): an id counts in every process, after any crash.
"""

import logging
from collections.abc import Awaitable, Callable, Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from mcp.server.context import CallNext, HandlerResult
from mcp.server.extension import Extension, MethodBinding
from mcp.server.mcpserver.server import require_client_extension
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import MCP_METHOD_HEADER, MCP_NAME_HEADER, decode_header_value
from mcp_types import (
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ElicitResult,
    RequestParams,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import Field, ValidationError

from agents.runtime.questions import fingerprint
from mcp_server.asking import TASKS, Request, client_name
from mcp_server.compose import Runtime
from mcp_server.forms import take
from mcp_server.logs import about
from mcp_server.task_view import find, shown
from mcp_server.toolbox import OFFER
from state.problem import ProblemError

log = logging.getLogger(__name__)

CHANNEL = "mcp"
READ_LATER = ("inputRequests", "result", "error")
"""What only `tasks/get` tells."""
OURS = frozenset({"store", "internal", "busy", "limit"})
"""Kinds of problems that the client can do nothing about by asking for something else."""


class Named(RequestParams):
    task_id: str = Field(alias="taskId")


class Updated(Named):
    input_responses: dict[str, Any] = Field(alias="inputResponses")


class Tasks(Extension):
    """Every handler sees the process as its caller does: a task of somebody else's is unknown."""

    identifier = TASKS

    def __init__(self, runtime: Runtime, absent: Collection[str] = ()) -> None:
        self._runtime = runtime
        self._absent = absent

    def methods(self) -> Sequence[MethodBinding]:
        handlers = {"tasks/get": (Named, self._get), "tasks/update": (Updated, self._update)}
        handlers["tasks/cancel"] = (Named, self._cancel)
        return [
            MethodBinding(method, params, _guarded(handler), frozenset(MODERN_PROTOCOL_VERSIONS))
            for method, (params, handler) in handlers.items()
        ]

    async def intercept_tool_call(
        self, params: CallToolRequestParams, ctx: Request, call_next: CallNext
    ) -> HandlerResult:
        result = await call_next(ctx)
        if not (isinstance(result, CallToolResult) and result.meta and OFFER in result.meta):
            return result
        with said():
            runtime = self._runtime.seen_by(ctx.request)
            task = shown(runtime, find(runtime, result.meta[OFFER]))
        return {"resultType": "task", **{name: task[name] for name in task if name not in READ_LATER}}

    async def _get(self, ctx: Request, params: Named) -> HandlerResult:
        runtime = self._runtime.seen_by(ctx.request)
        return shown(runtime, find(runtime, params.task_id), self._absent)

    async def _update(self, ctx: Request, params: Updated) -> HandlerResult:
        """Take the answer to the open question; those to other keys are to questions that are not open, and dropped.

        An answer that lets nothing go on ends the task: its result says that the thread waits, and for what.
        """
        runtime = self._runtime.seen_by(ctx.request, "run")
        task = find(runtime, params.task_id)
        question, given = task.thread.question, params.input_responses.get(task.form_key)
        if task.status != "input_required" or question is None or given is None:
            return {}
        try:
            response = ElicitResult.model_validate(given)
        except ValidationError as error:
            hint = 'Send {"action": "accept", "content": {"answer": …}}, or the action "decline" or "cancel".'
            raise ProblemError("bad_input", f"{task.form_key!r} has no answer of a form.", hint) from error
        with about(thread_id=task.thread.id, session=task.thread.session):
            taken = await take(runtime, task.thread.id, fingerprint(question), response, client_name(ctx))
            if taken != "moved":
                await runtime.engine.ask_anew(task.thread)
        return {}

    async def _cancel(self, ctx: Request, params: Named) -> HandlerResult:
        runtime = self._runtime.seen_by(ctx.request, "run")
        task = find(runtime, params.task_id)
        if not task.over:
            await runtime.engine.cancel(task.thread.id, channel=CHANNEL, reason=f"{ctx.method} by {client_name(ctx)}")
        return {}


Handler = Callable[[Request, Any], Awaitable[HandlerResult]]


def _guarded(handler: Handler) -> Handler:
    async def guarded(ctx: Request, params: Named) -> HandlerResult:
        require_client_extension(ctx, TASKS)
        _require_same_name(ctx, params.task_id)
        with said():
            return await handler(ctx, params)

    return guarded


@contextmanager
def said() -> Generator[None]:
    """Say every failure in the protocol's way. This is the outermost door: what nobody foresaw is logged."""
    try:
        yield
    except MCPError:
        raise
    except ProblemError as error:
        code = INTERNAL_ERROR if error.problem.kind in OURS else INVALID_PARAMS
        raise MCPError(code, str(error)) from error
    except Exception as error:
        log.exception("a task failed")
        raise MCPError(INTERNAL_ERROR, "It failed unexpectedly; the server's log on stderr has more.") from error


def _require_same_name(ctx: Request, task_id: str) -> None:
    """Over Streamable HTTP the headers say what is asked for, and must be true; the SDK checks its own methods only."""
    headers: Mapping[str, str] = {} if ctx.request is None else ctx.request.headers
    if MCP_METHOD_HEADER in headers and decode_header_value(headers.get(MCP_NAME_HEADER)) != task_id:
        raise MCPError(HEADER_MISMATCH, f"{MCP_NAME_HEADER} must be the taskId of the request's body.")
