"""Turn the table of tools into the SDK's: arguments checked by us, one envelope out, every failure in words (R15)."""

import logging
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, TypeAlias

from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, InputRequiredResult, ToolAnnotations
from pydantic import BaseModel

from mcp_server.asking import Ctx, begin, carried, go_on
from mcp_server.callers import Scope, caller_of
from mcp_server.compose import Runtime
from mcp_server.envelope import Envelope, envelope, refusal
from mcp_server.logs import about
from mcp_server.replies import reply
from mcp_server.schemas import Schema, envelope_schema, schema_of
from mcp_server.task_view import offered
from state.problem import Problem, ProblemError
from state.thread import Thread

log = logging.getLogger(__name__)

Answer: TypeAlias = Thread | Envelope | InputRequiredResult
Act: TypeAlias = Callable[[Runtime, Ctx, Any], Awaitable[Answer]]

OFFER = "factor12.task"
"""Under this a result has the id of the task that its client gets in its place; it never leaves the process."""

READS = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """One tool of the table."""

    name: str
    title: str
    description: str
    arguments: type[BaseModel]
    output: Schema | type[BaseModel]
    """What a result looks like, or what the agent returns whose thread it is: its schema is made when it is shown."""
    act: Act
    annotations: ToolAnnotations = field(default_factory=lambda: READS)
    scope: Scope | None = None
    """What a caller must have; without it `read` for what only reads, else `run`."""

    @property
    def needs(self) -> Scope:
        return self.scope or ("read" if self.annotations.read_only_hint else "run")


class _AsGiven(FuncMetadata):
    """Hands the arguments on as they came; `arguments.read` validates them with errors a model can act on."""

    def validate_arguments(self, arguments_to_validate: dict[str, Any]) -> dict[str, Any]:
        return {"given": arguments_to_validate}


def shown(entry: Entry, toolset: str) -> Schema:
    """Return what a client reads of a tool before it calls it, and the toolset it is of; JSON-ready."""
    return {
        "name": entry.name,
        "toolset": toolset,
        "title": entry.title,
        "description": entry.description,
        "parameters": schema_of(entry.arguments),
        "output": envelope_schema(entry.output) if isinstance(entry.output, type) else entry.output,
        "annotations": entry.annotations.model_dump(mode="json", by_alias=True, exclude_none=True),
    }


def tools(
    runtime: Runtime, listed: Iterable[Schema], find: Callable[[str], Entry], absent: Collection[str] = ()
) -> list[Tool]:
    """Return the SDK's tools; what they do is looked up when one is called. `absent` are those that are not offered."""
    return [_tool(runtime, fields, find, absent) for fields in listed]


def _tool(runtime: Runtime, fields: Schema, find: Callable[[str], Entry], absent: Collection[str]) -> Tool:
    name: str = fields["name"]

    async def call(ctx: Ctx, given: dict[str, Any]) -> CallToolResult | InputRequiredResult:
        with about(tool=name):
            seen, begun = runtime.acting_for(caller_of(ctx.request_context.request)), monotonic()
            answer = await _perform(seen, find(name), ctx, given)
            result = answer if isinstance(answer, InputRequiredResult) else _result(seen, ctx, answer, absent)
            runtime.calls.note("mcp", name, _outcome(result), monotonic() - begun)
            return result

    return Tool(
        fn=call,
        name=name,
        title=fields["title"],
        description=fields["description"],
        parameters=fields["parameters"],
        fn_metadata=_AsGiven(arg_model=ArgModelBase, output_schema=fields["output"]),
        is_async=True,
        context_kwarg="ctx",
        annotations=ToolAnnotations.model_validate(fields["annotations"]),
    )


async def _perform(runtime: Runtime, entry: Entry, ctx: Ctx, given: dict[str, Any]) -> Answer:
    """Run one call. This is the outermost door: what nobody foresaw is logged, and said without its details."""
    from mcp_server.arguments import read  # a host waits for the start

    try:
        runtime.caller.need(entry.needs)
        arguments = read(entry.arguments, given, entry.name)
        if (back := carried(ctx)) is not None:  # the call was made before; it comes again with an answer
            return await go_on(begin(runtime, ctx), back)
        return await entry.act(runtime, ctx, arguments)
    except MCPError:
        raise
    except ProblemError as error:
        return refusal(error.problem, thread_id=_named(runtime, given))
    except Exception as error:
        log.exception("%s failed", entry.name)
        message = f"{entry.name} failed unexpectedly ({type(error).__name__})."
        hint = "Its details are in the server's log on stderr. Nothing was lost: `thread_list` shows the threads."
        return refusal(Problem(kind="internal", message=message, hint=hint), thread_id=_named(runtime, given))


def _result(runtime: Runtime, ctx: Ctx, answer: Thread | Envelope, absent: Collection[str]) -> CallToolResult:
    """Return what the answer is on the wire, with the task that goes in its place if the client gets one."""
    fields = envelope(runtime, answer) if isinstance(answer, Thread) else answer
    with about(**{name: fields[name] for name in ("thread_id", "session") if name in fields}):
        log.info("answered: %s", fields["error"]["kind"] if "error" in fields else fields.get("status", "ok"))
    result = reply(runtime, fields, absent)
    if isinstance(answer, Thread) and (task := offered(runtime, ctx, answer)) is not None:
        result.meta = {OFFER: str(task)}
    return result


def _outcome(result: CallToolResult | InputRequiredResult) -> str:
    """Return what a call came to, for those who count them: a problem's kind, `asked`, or `ok`."""
    if isinstance(result, InputRequiredResult):
        return "asked"
    fields: Envelope = result.structured_content or {}
    return str(fields["error"]["kind"]) if "error" in fields else "ok"


def _named(runtime: Runtime, given: dict[str, Any]) -> str:
    """Return the id of the thread that a failed call was about, if there is one (R16)."""
    named = given.get("thread_id")
    try:
        return runtime.find(named).id if isinstance(named, str) else ""
    except ProblemError:
        return ""
