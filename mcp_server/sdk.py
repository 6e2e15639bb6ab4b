"""The SDK's server with what it lacks here: streams of our own, unknown tools in our words, a lighter start."""

import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, cast

from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.server.mcpserver import Context, MCPServer
from mcp.shared.message import SessionMessage
from mcp_types import CallToolResult, InputRequiredResult

Inbox = MemoryObjectReceiveStream[SessionMessage | Exception]
Outbox = MemoryObjectSendStream[SessionMessage]


class Server(MCPServer[Any]):
    """A class of its own because the SDK gives its inside, which runs a connection, only to one."""

    stranger: Callable[[str], Awaitable[CallToolResult]] | None = None
    """Answers a call of a tool that there is not."""

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        if self.stranger is not None and self._tool_manager.get_tool(name) is None:
            return await self.stranger(name)
        return await super().call_tool(name, arguments, context)

    async def run_streams(self, inbox: Inbox, outbox: Outbox) -> None:
        """Serve one connection, of either era, until the inbox closes."""
        server = self._lowlevel_server
        await server.run(inbox, outbox, server.create_initialization_options())


@contextmanager
def without_rich() -> Generator[None]:
    """Keep the SDK from importing rich for a log handler that is never used: logging is set up before it."""
    if "rich" in sys.modules:
        yield
        return
    sys.modules["rich"] = cast(ModuleType, None)  # how Python says that a module cannot be imported
    try:
        yield
    finally:
        del sys.modules["rich"]
