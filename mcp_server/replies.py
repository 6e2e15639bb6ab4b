"""What a tool's result is on the wire."""

from collections.abc import Collection

from mcp_types import CallToolResult, TextContent

from mcp_server import plain
from mcp_server.compose import Runtime
from mcp_server.envelope import Envelope, is_failure
from mcp_server.narrowing import said
from mcp_server.shortening import fitted

TIMES_INLINE = 3
"""A result may be so many times as long as what is kept in the log itself."""


def reply(runtime: Runtime, fields: Envelope, absent: Collection[str] = ()) -> CallToolResult:
    """Return a result as both of what hosts read, without secrets, and short enough for a model to read it."""
    if runtime.settings.approval == "host":
        fields = {"approval": "host", **fields}
    if absent and "next" in fields:
        fields = {**fields, "next": said(fields["next"], absent)}
    clean, links = fitted(runtime.outward.value(fields), TIMES_INLINE * runtime.settings.inline_bytes)
    content = TextContent(type="text", text=plain.text(clean))
    return CallToolResult(content=[content, *links], structured_content=clean, is_error=is_failure(clean))
