"""The SDK's server with what it lacks here: streams of our own, unknown names in our words, a lighter start."""

import sys
from collections.abc import Awaitable, Callable, Generator, Iterable
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Literal, TypeAlias, TypeVar, cast

from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.server.connection import Connection
from mcp.server.context import HandlerResult, ServerRequestContext
from mcp.server.lowlevel.server import NotificationOptions
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.prompts.base import Prompt as Offered
from mcp.server.mcpserver.resources import ResourceManager, ResourceTemplate
from mcp.server.mcpserver.tools import Tool as Registered
from mcp.server.mcpserver.tools import ToolManager
from mcp.server.models import InitializationOptions
from mcp.server.session import ServerSession
from mcp.shared.exceptions import MCPError
from mcp.shared.message import SessionMessage
from mcp_types import (
    INVALID_PARAMS,
    CallToolResult,
    DiscoverResult,
    GetPromptResult,
    InputRequiredResult,
    Prompt,
    ReadResourceRequestParams,
    ReadResourceResult,
    RequestParams,
    Tool,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import BaseModel

Inbox = MemoryObjectReceiveStream[SessionMessage | Exception]
Outbox = MemoryObjectSendStream[SessionMessage]
RequestCtx: TypeAlias = ServerRequestContext[Any, Any]
ParamsT = TypeVar("ParamsT", bound=BaseModel)
ListName: TypeAlias = Literal["tools", "prompts", "resources"]
_Options: TypeAlias = Callable[..., InitializationOptions]
OLDER_NOT_FOUND = -32002
"""What revisions before 2026-07-28 call a resource that there is not."""


class Server(MCPServer[Any]):
    """A class of its own because the SDK gives its inside, which runs a connection, only to one."""

    stranger: Callable[[str], Awaitable[CallToolResult]] | None = None
    """Answers a call of a tool that there is not."""
    renew: Callable[[str], Awaitable[None]] | None = None
    """Called before a list is told, with nothing, and before a tool or prompt is used, with its name."""

    def __init__(self, *, changing: Iterable[ListName] = (), **given: Any) -> None:
        """`changing` names the lists that may become others while the server serves; clients are told just these."""
        super().__init__(**given)
        self.changing = frozenset(changing)
        self._resource_manager = _Resources()
        self.serve("server/discover", RequestParams, self._discover)
        self._tell_older(self._lowlevel_server.create_initialization_options)

    def _tell_older(self, options: _Options) -> None:
        """Have the handshake say which lists change, on every transport: none of them asks us for its options."""
        told = NotificationOptions(*(name in self.changing for name in ("prompts", "resources", "tools")))

        def ours(
            notification_options: NotificationOptions | None = None,
            experimental_capabilities: dict[str, dict[str, Any]] | None = None,
            extensions: dict[str, dict[str, Any]] | None = None,
        ) -> InitializationOptions:
            return options(notification_options or told, experimental_capabilities, extensions)

        self._lowlevel_server.create_initialization_options = ours

    async def list_tools(self) -> list[Tool]:
        await self._renewed("")
        return await super().list_tools()

    async def list_prompts(self) -> list[Prompt]:
        await self._renewed("")
        return await super().list_prompts()

    def put(self, tools: Iterable[Registered], prompts: Iterable[Offered], instead: Iterable[str]) -> None:
        """Offer these tools and prompts in the place of those of the names in `instead`."""
        gone = frozenset(instead)
        kept = [tool for tool in self._tool_manager.list_tools() if tool.name not in gone]
        self._tool_manager = ToolManager(tools=[*kept, *tools])
        for name in gone:
            if self._prompt_manager.get_prompt(name) is not None:
                self._prompt_manager.remove_prompt(name)
        for prompt in prompts:
            self.add_prompt(prompt)

    async def _renewed(self, name: str) -> None:
        if self.renew is not None:
            await self.renew(name)

    def serve(
        self,
        method: str,
        params: type[ParamsT],
        handler: Callable[[RequestCtx, ParamsT], Awaitable[HandlerResult]],
    ) -> None:
        """Answer a method of the protocol, in the place of what the SDK would."""
        self._lowlevel_server.add_request_handler(method, params, handler)

    def hear(
        self, method: str, params: type[ParamsT], handler: Callable[[RequestCtx, ParamsT], Awaitable[None]]
    ) -> None:
        """Take notice of a notification from clients."""
        self._lowlevel_server.add_notification_handler(method, params, handler)

    def add_template(self, template: ResourceTemplate) -> None:
        """Offer resources by a template, whose function checks what it is given."""
        self._resource_manager.put(template)

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        await self._renewed(name)
        if self.stranger is not None and self._tool_manager.get_tool(name) is None:
            return await self.stranger(name)
        return await super().call_tool(name, arguments, context)

    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Context[Any, Any] | None = None
    ) -> GetPromptResult | InputRequiredResult:
        await self._renewed(name)
        known = self._prompt_manager.get_prompt(name)
        if known is None:
            there = ", ".join(prompt.name for prompt in self._prompt_manager.list_prompts()) or "none"
            raise MCPError(INVALID_PARAMS, f"There is no prompt {name[:80]!r}. There are: {there}.")
        takes = {argument.name: argument.required for argument in known.arguments or ()}
        given = arguments or {}
        if missing := [name for name, required in takes.items() if required and name not in given]:
            raise MCPError(INVALID_PARAMS, f"The prompt {name!r} needs {', '.join(missing)}.")
        if unknown := [name[:80] for name in given if name not in takes]:
            raise MCPError(INVALID_PARAMS, f"The prompt {name!r} has no {unknown[0]!r}. It takes: {', '.join(takes)}.")
        return await super().get_prompt(name, given, context)

    async def run_streams(self, inbox: Inbox, outbox: Outbox) -> None:
        """Serve one connection, of either era, until the inbox closes."""
        server = self._lowlevel_server
        await server.run(inbox, outbox, server.create_initialization_options())

    async def _handle_read_resource(
        self, ctx: RequestCtx, params: ReadResourceRequestParams
    ) -> ReadResourceResult | InputRequiredResult:
        try:
            return await super()._handle_read_resource(ctx, params)
        except MCPError as error:
            if error.error.code == INVALID_PARAMS and is_older(ctx):
                raise MCPError(OLDER_NOT_FOUND, error.error.message, error.error.data) from error
            raise

    async def _discover(self, ctx: RequestCtx, params: RequestParams) -> DiscoverResult:
        """Say what there is. The SDK would say that every list changes."""
        inside = self._lowlevel_server
        found = inside.get_capabilities(protocol_version=ctx.protocol_version)
        lists = {
            name: known.model_copy(update={"list_changed": name in self.changing})
            for name in ("tools", "prompts", "resources")
            if (known := getattr(found, name)) is not None
        }
        return DiscoverResult(
            supported_versions=list(MODERN_PROTOCOL_VERSIONS),
            capabilities=found.model_copy(update=lists),
            instructions=inside.instructions,
        )


class _Resources(ResourceManager):
    """Takes a template as it is: the SDK's own way models its function's arguments, 5 ms for each at the start."""

    def put(self, template: ResourceTemplate) -> None:
        self._templates[template.uri_template] = template


class Session(ServerSession):
    """A class of its own because the SDK gives a session's connection only to one."""

    @staticmethod
    def connection(session: ServerSession) -> Connection:
        """Return what stays the same from one request to the next, until the client goes."""
        return session._connection


def is_older(ctx: RequestCtx) -> bool:
    """Whether the client speaks a revision with a handshake."""
    return ctx.protocol_version not in MODERN_PROTOCOL_VERSIONS


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
