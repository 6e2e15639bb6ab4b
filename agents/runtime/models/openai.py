"""The two APIs of OpenAI, which other providers and local servers speak too: chat completions and responses."""

from collections.abc import Mapping
from typing import Any

from agents.runtime.model import Prompt
from agents.runtime.models.loose import count, inner, objects, text, texts
from agents.runtime.models.remote import LONGEST_ANSWER, Reply, Stop, Tokens
from agents.runtime.models.schemas import Form
from agents.runtime.models.ways import Ways
from agents.runtime.models.wire import Sdk

BASE_URL = "https://api.openai.com/v1"
SDK = Sdk("openai", "AsyncOpenAI")
_STOPS: Mapping[str, Stop] = {"length": "length", "content_filter": "filter"}


class Chat:
    """Chat completions: what every server that speaks like OpenAI knows."""

    path = "/chat/completions"

    def __init__(self, limits: tuple[str, ...]) -> None:
        self.first = Ways(limits=limits)

    def body(self, name: str, prompt: Prompt, form: Form, ways: Ways, temperature: float | None) -> dict[str, Any]:
        words = f"{prompt.text}\n\n{form.told}" if ways.says_schema else prompt.text
        messages = [{"role": "system", "content": prompt.system}, {"role": "user", "content": words}]
        if not ways.system:
            messages = [{"role": "user", "content": f"{prompt.system}\n\n{words}"}]
        asked: dict[str, Any] = {"model": name, "messages": messages}
        if ways.shape == "schema":
            schema = {"name": form.name, "schema": form.schema, "strict": form.strict}
            asked["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif ways.shape == "json":
            asked["response_format"] = {"type": "json_object"}
        return asked | bounds(ways, temperature)

    def read(self, body: Mapping[str, Any]) -> Reply:
        used = inner(body, "usage")
        cached = inner(used, "prompt_tokens_details").get("cached_tokens")
        tokens = Tokens(count(used.get("prompt_tokens")), count(cached), count(used.get("completion_tokens")))
        choice = inner({"choice": next(iter(objects(body.get("choices"))), None)}, "choice")
        message = inner(choice, "message")
        if refusal := text(message.get("refusal")):
            return Reply("refusal", refusal, tokens=tokens)
        if (stop := _STOPS.get(text(choice.get("finish_reason")))) is not None:
            return Reply(stop, tokens=tokens)
        content = message.get("content")
        if written := text(content) or texts(objects(content), "text"):
            return Reply("end", written, tokens=tokens)
        return Reply("tool" if message.get("tool_calls") else "nothing", tokens=tokens)


class Responses:
    """The responses API. Nothing is left with the provider: the log has it."""

    path = "/responses"
    first = Ways(limits=("max_output_tokens",))

    def body(self, name: str, prompt: Prompt, form: Form, ways: Ways, temperature: float | None) -> dict[str, Any]:
        words = f"{prompt.text}\n\n{form.told}" if ways.says_schema else prompt.text
        asked: dict[str, Any] = {"model": name, "store": False, "instructions": prompt.system, "input": words}
        if not ways.system:
            asked |= {"instructions": None, "input": f"{prompt.system}\n\n{words}"}
        if ways.shape == "schema":
            schema = {"name": form.name, "schema": form.schema, "strict": form.strict}
            asked["text"] = {"format": {"type": "json_schema", **schema}}
        elif ways.shape == "json":
            asked["text"] = {"format": {"type": "json_object"}}
        return asked | bounds(ways, temperature)

    def read(self, body: Mapping[str, Any]) -> Reply:
        used = inner(body, "usage")
        cached = inner(used, "input_tokens_details").get("cached_tokens")
        tokens = Tokens(count(used.get("input_tokens")), count(cached), count(used.get("output_tokens")))
        if body.get("status") == "incomplete":
            why = text(inner(body, "incomplete_details").get("reason"))
            return Reply("filter" if why == "content_filter" else "length", tokens=tokens)
        items = objects(body.get("output"))
        parts = [part for item in items if item.get("type") == "message" for part in objects(item.get("content"))]
        if refusal := texts(parts, "refusal"):
            return Reply("refusal", refusal, tokens=tokens)
        if written := texts(parts, "text"):
            return Reply("end", written, tokens=tokens)
        called = any("call" in text(item.get("type")) for item in items)
        return Reply("tool" if called else "nothing", tokens=tokens)


def bounds(ways: Ways, temperature: float | None) -> dict[str, Any]:
    """Return what bounds an answer, as far as the server knows it."""
    bound: dict[str, Any] = {ways.limits[0]: LONGEST_ANSWER} if ways.limits else {}
    return bound if temperature is None else {**bound, "temperature": temperature}
