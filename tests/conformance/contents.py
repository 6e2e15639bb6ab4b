"""Tools, resources and prompts that answer with content, in the words that the official suite looks for."""

import base64
import json
from typing import Any

import anyio
from mcp.server.mcpserver.prompts.base import Message, Prompt, UserMessage
from mcp_types import (
    AudioContent,
    CallToolResult,
    EmbeddedResource,
    ImageContent,
    LoggingMessageNotification,
    LoggingMessageNotificationParams,
    TextContent,
    TextResourceContents,
)

from mcp_server.asking import Ctx
from mcp_server.sdk import Server

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="  # one pixel
WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="  # one silent sample
APART_S = 0.05
"""Between two messages of one call, so that each is sent by itself."""


def test_simple_text() -> str:
    """Answer with a text."""
    return "This is a simple text response for testing."


def test_image_content() -> ImageContent:
    """Answer with a picture."""
    return _image()


def test_audio_content() -> AudioContent:
    """Answer with a sound."""
    return AudioContent(type="audio", data=WAV, mime_type="audio/wav")


def test_embedded_resource() -> EmbeddedResource:
    """Answer with a resource as a whole."""
    return _embedded("test://embedded-resource", "This is an embedded resource content.")


def test_multiple_content_types() -> list[TextContent | ImageContent | EmbeddedResource]:
    """Answer with one of each."""
    resource = _embedded("test://mixed-content-resource", '{"test":"data","value":123}', "application/json")
    return [TextContent(type="text", text="Multiple content types test:"), _image(), resource]


def test_error_handling() -> CallToolResult:
    """Fail, in words."""
    words = TextContent(type="text", text="This tool intentionally returns an error for testing")
    return CallToolResult(content=[words], is_error=True)


async def test_tool_with_logging(ctx: Ctx) -> str:
    """Send three log messages."""
    for doing in ("started", "processing data", "completed"):
        await _log(ctx, f"Tool {doing}")
    return "ok"


async def test_logging_tool(ctx: Ctx) -> str:
    """Log only to a client that asked for it, as the stateless revision wants."""
    if "io.modelcontextprotocol/logLevel" in (ctx.request_context.meta or {}):
        await _log(ctx, "Tool started")
    return "ok"


async def test_tool_with_progress(ctx: Ctx) -> str:
    """Report progress three times."""
    for percent in (0, 50, 100):
        await ctx.report_progress(percent, 100, f"Completed step {percent} of 100")
        await anyio.sleep(APART_S)
    return "done"


TOOLS = (
    test_simple_text,
    test_image_content,
    test_audio_content,
    test_embedded_resource,
    test_multiple_content_types,
    test_error_handling,
    test_tool_with_logging,
    test_logging_tool,
    test_tool_with_progress,
)


def add_resources(server: Server) -> None:
    """Add a text, a binary, a template, and one to subscribe to."""

    @server.resource("test://static-text", name="static-text", mime_type="text/plain", description="A text.")
    def text() -> str:
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", name="static-binary", mime_type="image/png", description="A picture.")
    def binary() -> bytes:
        return base64.b64decode(PNG)

    @server.resource("test://watched-resource", name="watched-resource", description="One to subscribe to.")
    def watched() -> str:
        return "watched"

    @server.resource("test://template/{id}/data", name="template", mime_type="application/json", description="By id.")
    def template(id: str) -> str:
        return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})

    del text, binary, watched, template  # the decorator has them


def test_simple_prompt() -> str:
    """Say one thing."""
    return "This is a simple prompt for testing."


def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
    """Say what was given."""
    return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"


def test_prompt_with_embedded_resource(resourceUri: str) -> list[Message]:
    """Bring a resource along."""
    resource = _embedded(resourceUri, "Embedded resource content for testing.")
    return [UserMessage(resource), UserMessage("Please process the embedded resource above.")]


def test_prompt_with_image() -> list[Message]:
    """Bring a picture along."""
    return [UserMessage(_image()), UserMessage("Please analyze the image above.")]


PROMPTS = tuple(
    Prompt.from_function(said)
    for said in (
        test_simple_prompt,
        test_prompt_with_arguments,
        test_prompt_with_embedded_resource,
        test_prompt_with_image,
    )
)


def _image() -> ImageContent:
    return ImageContent(type="image", data=PNG, mime_type="image/png")


def _embedded(uri: str, text: str, mime_type: str = "text/plain") -> EmbeddedResource:
    return EmbeddedResource(type="resource", resource=TextResourceContents(uri=uri, mime_type=mime_type, text=text))


async def _log(ctx: Ctx, data: Any) -> None:
    params = LoggingMessageNotificationParams(level="info", data=data)
    await ctx.session.send_notification(LoggingMessageNotification(params=params), ctx.request_context.request_id)
    await anyio.sleep(APART_S)
