"""The messages API of Anthropic: the answer is the arguments of the one tool the model must call."""

from collections.abc import Mapping
from typing import Any

from agents.runtime.model import Prompt
from agents.runtime.models.loose import count, inner, objects, texts
from agents.runtime.models.remote import LONGEST_ANSWER, Reply, Tokens
from agents.runtime.models.schemas import Form
from agents.runtime.models.ways import Ways
from agents.runtime.models.wire import Sdk

BASE_URL = "https://api.anthropic.com"
SDK = Sdk("anthropic", "AsyncAnthropic", extra="anthropic")
TOOL = "decide"
KEPT = {"cache_control": {"type": "ephemeral"}}
"""Up to where the provider keeps what it read, for the next call."""


class Messages:
    """Asks for the call of one tool; a server that has no tools is asked in words."""

    path = "/v1/messages"
    first = Ways(limits=("max_tokens",))

    def body(self, name: str, prompt: Prompt, form: Form, ways: Ways, temperature: float | None) -> dict[str, Any]:
        blocks: list[dict[str, Any]] = [{"type": "text", "text": block} for block in prompt.blocks if block.strip()]
        if len(blocks) > 1:
            blocks[-2] |= KEPT
        told = [{"type": "text", "text": form.told}] if ways.says_schema else []
        asked: dict[str, Any] = {
            "model": name,
            "max_tokens": LONGEST_ANSWER,
            "system": [{"type": "text", "text": prompt.system, **KEPT}],
            "messages": [{"role": "user", "content": [*blocks, *told]}],
        }
        if ways.shape == "schema":
            asked["tools"] = [{"name": TOOL, "description": f"Hand over the {form.name}.", "input_schema": form.schema}]
            asked["tool_choice"] = {"type": "tool", "name": TOOL, "disable_parallel_tool_use": True}
        return asked if temperature is None else asked | {"temperature": min(temperature, 1.0)}

    def read(self, body: Mapping[str, Any]) -> Reply:
        used = inner(body, "usage")
        cached = count(used.get("cache_read_input_tokens"))
        read = count(used.get("input_tokens")) + count(used.get("cache_creation_input_tokens")) + cached
        tokens = Tokens(read, cached, count(used.get("output_tokens")))
        parts = objects(body.get("content"))
        written, calls = texts(parts, "text"), [one for one in parts if one.get("type") == "tool_use"]
        match body.get("stop_reason"):
            case "refusal":
                return Reply("refusal", written, tokens=tokens)
            case "max_tokens" | "model_context_window_exceeded":
                return Reply("length", tokens=tokens)
            case _ if [one for one in calls if one.get("name") != TOOL] or len(calls) > 1:
                return Reply("tool", tokens=tokens)
            case _ if calls:
                return Reply("end", value=inner(calls[0], "input"), tokens=tokens)
            case _:
                return Reply("end" if written.strip() else "nothing", written, tokens=tokens)
