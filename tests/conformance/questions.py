"""Tools and a prompt that ask the client: pushed to it before the revision of 2026, by retry since."""

from collections.abc import Mapping
from typing import Any, Literal

from mcp.server.mcpserver.prompts.base import Prompt
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CallToolResult,
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    SamplingMessage,
    TextContent,
)
from pydantic import BaseModel, Field

from mcp_server.asking import Ctx


class Contact(BaseModel):
    username: str = Field(description="User's response")
    email: str = Field(description="User's email address")


class Filled(BaseModel):
    """A form whose fields are all filled in."""

    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: str = Field("active", json_schema_extra={"enum": ["active", "inactive", "pending"]})
    verified: bool = True


CHOICES = {
    "untitledSingle": {"type": "string", "enum": ["option1", "option2"]},
    "titledSingle": {"type": "string", "oneOf": [{"const": "v1", "title": "One"}, {"const": "v2", "title": "Two"}]},
    "untitledMulti": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}},
    "titledMulti": {
        "type": "array",
        "items": {"anyOf": [{"const": "a", "title": "A"}, {"const": "b", "title": "B"}]},
    },
    "legacyEnum": {"type": "string", "enum": ["o1", "o2"], "enumNames": ["One", "Two"]},
}
"""Every way to offer a choice."""


async def test_sampling(prompt: str, ctx: Ctx) -> str:
    """Let the client's model answer."""
    request = _sample(prompt, 100)
    here = ServerMessageMetadata(related_request_id=ctx.request_context.request_id)
    said = await ctx.session.send_request(request, CreateMessageResult, metadata=here)
    return f"LLM response: {_text(said)}"


async def test_elicitation(message: str, ctx: Ctx) -> str:
    """Ask who is there."""
    return await _elicited(ctx, message, Contact.model_json_schema())


async def test_elicitation_sep1034_defaults(ctx: Ctx) -> str:
    """Ask with every field filled in."""
    return await _elicited(ctx, "Please check.", Filled.model_json_schema())


async def test_elicitation_sep1330_enums(ctx: Ctx) -> str:
    """Ask with every form of choice."""
    return await _elicited(ctx, "Please choose.", {"type": "object", "properties": CHOICES})


def test_missing_capability(ctx: Ctx) -> str:
    """Refuse a client that cannot sample."""
    if not (ctx.client_capabilities and ctx.client_capabilities.sampling is not None):
        raise MCPError(
            MISSING_REQUIRED_CLIENT_CAPABILITY, "The client cannot sample.", {"requiredCapabilities": {"sampling": {}}}
        )
    return "ok"


def test_input_required_result_elicitation(ctx: Ctx) -> str | InputRequiredResult:
    """Ask a name, then greet."""
    if (answer := _answer(ctx, "user_name")) is None:
        return _wanted(user_name=_form("What is your name?", name="string"))
    return f"Hello, {answer.get('name')}!"


def test_streaming_elicitation(ctx: Ctx) -> str | InputRequiredResult:
    """Ask a name in the response itself."""
    return test_input_required_result_elicitation(ctx)


def test_input_required_result_sampling(ctx: Ctx) -> str | InputRequiredResult:
    """Let the client's model answer, then repeat what it said."""
    match _responses(ctx).get("capital_question"):
        case CreateMessageResult() as said:
            return _text(said)
        case _:
            return _wanted(capital_question=_sample("What is the capital of France?", 100))


def test_input_required_result_list_roots(ctx: Ctx) -> str | InputRequiredResult:
    """Ask for the client's roots."""
    if "client_roots" not in _responses(ctx):
        return _wanted(client_roots=ListRootsRequest())
    return "roots received"


def test_input_required_result_request_state(ctx: Ctx) -> str | InputRequiredResult:
    """Ask, and know the question again by the state that comes back."""
    if "confirm" in _responses(ctx) and ctx.request_state == "asked":
        return "state-ok"
    return _wanted("asked", confirm=_form("Please confirm.", ok="boolean"))


def test_input_required_result_tampered_state(ctx: Ctx) -> str | InputRequiredResult:
    """Ask, with a state that must come back as it went out."""
    return test_input_required_result_request_state(ctx)


def test_input_required_result_multiple_inputs(ctx: Ctx) -> str | InputRequiredResult:
    """Ask three things at once."""
    if {"user_name", "greeting", "client_roots"} <= _responses(ctx).keys():
        return "all inputs"
    return _wanted(
        "three",
        user_name=_form("What is your name?", name="string"),
        greeting=_sample("Generate a greeting", 50),
        client_roots=ListRootsRequest(),
    )


def test_input_required_result_multi_round(ctx: Ctx) -> str | InputRequiredResult:
    """Ask twice, one after the other."""
    match ctx.request_state:
        case "second" if "step2" in _responses(ctx):
            return "done"
        case "first" if "step1" in _responses(ctx):
            return _wanted("second", step2=_form("Step 2: What is your favorite color?", color="string"))
        case _:
            return _wanted("first", step1=_form("Step 1: What is your name?", name="string"))


def test_input_required_result_capabilities(ctx: Ctx) -> InputRequiredResult:
    """Ask only what the client declared."""
    declared = ctx.client_capabilities
    asked = dict[str, InputRequest]()
    if declared and declared.sampling is not None:
        asked["sample"] = _sample("Say hello.", 10)
    if declared and declared.elicitation is not None:
        asked["ask"] = _form("What is your name?", name="string")
    return _wanted("asked", **asked)


async def test_tool_with_task(ctx: Ctx) -> CallToolResult | InputRequiredResult:
    """Ask a name, then have an agent work for whoever it is."""
    if (answer := _answer(ctx, "user_name")) is None:
        return _wanted(user_name=_form("What is your name?", name="string"))
    return await ctx.mcp_server.call_tool("slow_compute", {"seconds": 0.3, "label": answer.get("name")}, ctx)


async def test_input_required_result_prompt(ctx: Ctx) -> str | InputRequiredResult:
    """Ask before it says anything."""
    if "user_context" in _responses(ctx):
        return "With the context."
    return _wanted(user_context=_form("What context should the prompt use?", context="string"))


TOOLS = (
    test_sampling,
    test_elicitation,
    test_elicitation_sep1034_defaults,
    test_elicitation_sep1330_enums,
    test_missing_capability,
    test_streaming_elicitation,
    test_input_required_result_elicitation,
    test_input_required_result_sampling,
    test_input_required_result_list_roots,
    test_input_required_result_request_state,
    test_input_required_result_tampered_state,
    test_input_required_result_multiple_inputs,
    test_input_required_result_multi_round,
    test_input_required_result_capabilities,
    test_tool_with_task,
)
PROMPTS = (Prompt.from_function(test_input_required_result_prompt),)

Kind = Literal["string", "boolean"]


def _form(message: str, **fields: Kind) -> ElicitRequest:
    properties = {name: {"type": kind} for name, kind in fields.items()}
    schema: dict[str, Any] = {"type": "object", "properties": properties, "required": [*fields]}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def _sample(text: str, most: int) -> CreateMessageRequest:
    said = SamplingMessage(role="user", content=TextContent(type="text", text=text))
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=[said], max_tokens=most))


def _wanted(state: str | None = None, /, **requests: InputRequest) -> InputRequiredResult:
    return InputRequiredResult(input_requests=requests, request_state=state)


def _responses(ctx: Ctx) -> Mapping[str, Any]:
    return ctx.input_responses or {}


def _answer(ctx: Ctx, key: str) -> Mapping[str, Any] | None:
    """Return what was filled in under that key; `None` if nothing usable was."""
    response = _responses(ctx).get(key)
    return response.content or {} if isinstance(response, ElicitResult) else None


def _text(said: CreateMessageResult) -> str:
    assert isinstance(said.content, TextContent)
    return said.content.text


async def _elicited(ctx: Ctx, message: str, schema: dict[str, Any]) -> str:
    response = await ctx.session.elicit_form(message, schema, related_request_id=ctx.request_context.request_id)
    return f"Elicitation completed: action={response.action}, content={response.content}"
