"""What the official suite wants beyond content: changes that are told, headers, streams that resume, old methods."""

from typing import Annotated, Any

import anyio
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver.prompts.base import Prompt
from mcp.server.mcpserver.server import require_client_extension
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp_types import Completion, JSONRPCMessage
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from pydantic import Field

from mcp_server.asking import Ctx
from mcp_server.sdk import Server

TASKS = "io.modelcontextprotocol/tasks"
OLD_METHODS = ("logging/setLevel", "resources/subscribe", "resources/unsubscribe")
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
"""Every keyword of JSON Schema 2020-12 that an earlier draft lacks; it must arrive whole."""
KNOWN_BY_HEART = "json_schema_2020_12_tool"


def json_schema_2020_12_tool() -> str:
    """Have an input schema that the suite knows by heart."""
    return "ok"


def test_x_mcp_header(
    region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})] = "none",
) -> str:
    """Take an argument that a header repeats."""
    return region


async def test_reconnection(ctx: Ctx) -> str:
    """Close the stream in the middle of the call; the client comes back for the answer."""
    await ctx.close_sse_stream()
    await anyio.sleep(0.2)  # until it has noticed
    return "Reconnection test completed"


async def test_trigger_tool_change(ctx: Ctx) -> str:
    """Add a tool and take it away."""
    ctx.mcp_server.add_tool(json_schema_2020_12_tool, name="test_dynamic_tool")
    ctx.mcp_server.remove_tool("test_dynamic_tool")
    await ctx.notify_tools_changed()
    return "ok"


async def test_trigger_prompt_change(ctx: Ctx) -> str:
    """Add a prompt and take it away."""
    ctx.mcp_server.add_prompt(Prompt.from_function(json_schema_2020_12_tool, name="test_dynamic_prompt"))
    ctx.mcp_server.remove_prompt("test_dynamic_prompt")
    await ctx.notify_prompts_changed()
    return "ok"


TOOLS = (
    json_schema_2020_12_tool,
    test_x_mcp_header,
    test_reconnection,
    test_trigger_tool_change,
    test_trigger_prompt_change,
)


async def answered(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Answer what only older revisions have, refuse a job without tasks, list the schema that no signature makes."""
    if ctx.method in OLD_METHODS and ctx.protocol_version in HANDSHAKE_PROTOCOL_VERSIONS:
        return {}
    if ctx.method == "tools/call" and (ctx.params or {}).get("name") == "failing_job":
        require_client_extension(ctx, TASKS)
    result = await call_next(ctx)
    match result:
        case {"tools": [*listed]}:
            swapped = [{**tool, "inputSchema": SCHEMA} if tool["name"] == KNOWN_BY_HEART else tool for tool in listed]
            return {**result, "tools": swapped}
        case _:
            return result


def add_completions(server: Server) -> None:
    """Complete nothing, if the server does not complete by itself."""

    @server.completion()
    async def complete(*_: object) -> Completion:
        return Completion(values=[], total=0, has_more=False)

    del complete  # the decorator has it


class Kept(EventStore):
    """Every event of every stream, by its number."""

    def __init__(self) -> None:
        self._events: list[tuple[str, JSONRPCMessage | None]] = []

    async def store_event(self, stream_id: str, message: JSONRPCMessage | None) -> str:
        self._events.append((stream_id, message))
        return str(len(self._events))

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        last = int(last_event_id)
        stream_id = self._events[last - 1][0]
        for number, (stream, message) in enumerate(self._events[last:], start=last + 1):
            if stream == stream_id and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream_id
