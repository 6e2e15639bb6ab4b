"""What a provider does instead of answering, and what follows: again, a person, or the next of the chain."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

import anyio
import pytest
from anyio.to_thread import run_sync

from agents.runtime.model import ModelError
from agents.runtime.models.troubles import Unavailable
from agents.runtime.models.wire import Patience, Sdk
from tests.models import fake_provider as fake
from tests.models.fake_provider import Answer, Provider, error, provider
from tests.models.minds import APIS, GOOD_TEXT, KEY, PROMPT, Api, Choice, Naps, answered, model

pytestmark = pytest.mark.anyio

PAGE = Answer(b"<!DOCTYPE html><html><body>Sign in</body></html>", kind="text/html; charset=utf-8")


async def fails(api: Api, *script: Answer, **more: Any) -> tuple[Unavailable, Provider, list[float]]:
    """Return how a decision failed, the server it was asked of, and how long it waited in between."""
    naps = Naps()
    with provider(*script) as server, pytest.raises(Unavailable) as raised:
        await model(api, server.url, naps, **more).decide(PROMPT, Choice)
    problem = raised.value.problem
    assert KEY not in str(problem) and len(problem.message) < 400 and "\n" not in str(problem) and problem.hint
    assert problem.message.endswith((".", "!", "?", "…")), problem.message
    assert raised.value.usage is not None and raised.value.usage.model
    return raised.value, server, naps.taken


FOR_A_PERSON: dict[str, tuple[Answer, str, str]] = {
    "a wrong key": (error(401, f"Incorrect API key provided: {KEY}.", "invalid_api_key"), "refused", "API_KEY to"),
    "a key without the right": (error(403, "Not your project."), "refused", "API_KEY to"),
    "no such model": (error(404, "The model `m` does not exist.", "model_not_found"), "not_found", "FACTOR12_MODEL"),
    "a wrong path": (Answer(b"<html>404</html>", 404, kind="text/html"), "not_found", "BASE_URL"),
    "no quota": (error(429, "You exceeded your current quota.", "insufficient_quota"), "limit", "See to the account"),
    "no money": (error(402, "Payment required."), "limit", "See to the account"),
    "no credit": (error(400, "Your credit balance is too low."), "limit", "See to the account"),
    "a full window": (error(400, "Too long.", "context_length_exceeded"), "limit", "larger window"),
    "a large request": (error(413, "Too large."), "limit", "larger window"),
    "a bad request": (error(400, "Something is wrong."), "refused", "Name another model"),
    "a page of a proxy": (PAGE, "refused", "BASE_URL"),
    "a long wait": (error(429, "Slow down.", retry_after="3600"), "busy", "left alone for 3600 s"),
}


@pytest.mark.requirement("R15")
@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(("answer", "kind", "hint"), FOR_A_PERSON.values(), ids=FOR_A_PERSON)
async def test_what_only_a_person_can_change_is_asked_once_and_names_the_variable(
    api: Api, answer: Answer, kind: str, hint: str
) -> None:
    trouble, server, waited = await fails(api, answer)
    assert (trouble.then, trouble.problem.kind, waited) == ("ask", kind, []) and hint in trouble.problem.hint
    assert len(server.sent) == 1


PASSING: dict[str, tuple[Answer, float]] = {
    "many requests": (error(429, "Slow down."), 2.0),
    "many requests, with a time": (error(429, "Slow down.", retry_after="7"), 7.0),
    "many requests, to the millisecond": (error(429, "Slow down.", retry_after_ms="250"), 0.25),
    "many requests, until then": (
        error(429, date="Fri, 27 Nov 2026 09:00:00 GMT", retry_after="Fri, 27 Nov 2026 09:00:30 GMT"),
        30.0,
    ),
    "a time that is none": (error(429, "Slow down.", retry_after="soon"), 2.0),
    "an error of theirs": (error(500, "Oops."), 1.0),
    "a bad gateway": (Answer(b"<html>502</html>", 502, kind="text/html"), 1.0),
    "unavailable": (error(503), 1.0),
    "overloaded": (fake.json_answer({"type": "error", "error": {"type": "overloaded_error"}}, 529), 1.0),
    "an error called a success": (error(200, "Upstream failed."), 1.0),
    "no JSON": (Answer(b"ok", kind="text/plain"), 1.0),
    "half of JSON": (Answer(b'{"choices": [{"mess'), 1.0),
    "JSON that is no object": (fake.json_answer([1]), 1.0),
    "nothing at all": (Answer(), 1.0),
    "a body cut off": (Answer(b'{"choices": []}' * 100, cut=700), 1.0),
    "pieces cut off": (Answer(b'{"choices": []}' * 100, cut=700, chunked=True), 1.0),
    "no choices": (fake.json_answer({"choices": [], "output": [], "content": []}), 0.0),
    "another API": (fake.json_answer({"hello": "world"}), 0.0),
    "choices that are none": (fake.json_answer({"choices": 7, "output": "x", "content": {"a": 1}}), 0.0),
}


@pytest.mark.requirement("R15")
@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(("answer", "wait"), PASSING.values(), ids=PASSING)
async def test_what_passes_is_tried_again_after_a_while_and_at_last_said(api: Api, answer: Answer, wait: float) -> None:
    naps = Naps()
    with provider(answer, answer, answered(api, GOOD_TEXT)) as server:
        decision = await model(api, server.url, naps).decide(PROMPT, Choice)
    assert decision.answer.colour == "red" and naps.taken == [wait, wait]
    trouble, server, waited = await fails(api, *[answer] * 3)
    assert (trouble.then, trouble.problem.kind, len(waited), len(server.sent)) == ("again", "busy", 2, 3)


@pytest.mark.parametrize("api", APIS)
async def test_what_failed_calls_took_is_kept(api: Api) -> None:
    used = {"prompt_tokens": 100, "input_tokens": 100, "completion_tokens": 5, "output_tokens": 5}
    empty = fake.json_answer({"choices": [], "output": [], "content": [], "usage": used})
    with provider(empty, empty, answered(api, GOOD_TEXT)) as server:
        decision = await model(api, server.url).decide(PROMPT, Choice)
    assert (decision.usage.input_tokens, decision.usage.output_tokens) == (1200, 30)
    trouble, _, _ = await fails(api, *[empty] * 3)
    assert trouble.usage is not None and trouble.usage.input_tokens == 300 and trouble.usage.cost > 0


@pytest.mark.parametrize("api", APIS)
async def test_where_nobody_listens_the_address_is_named(api: Api) -> None:
    with provider() as server:
        pass
    with pytest.raises(Unavailable) as raised:
        await model(api, server.url).decide(PROMPT, Choice)
    assert server.url in raised.value.problem.message and "BASE_URL" in raised.value.problem.hint
    assert (raised.value.then, raised.value.problem.kind) == ("again", "busy")


@pytest.mark.requirement("R17")
@pytest.mark.parametrize("api", APIS)
async def test_a_server_that_says_nothing_is_given_up_in_time(api: Api) -> None:
    before = monotonic()
    trouble, _, _ = await fails(api, Answer(hangs=True), patience=Patience(total_s=0.3))
    assert trouble.problem.kind == "limit" and "did not answer within 0.3 s" in trouble.problem.message
    assert monotonic() - before < 10


@pytest.mark.requirement("R17")
async def test_waiting_for_a_busy_server_counts_too() -> None:
    trouble, _, _ = await fails("chat", error(429, retry_after="50"), patience=Patience(total_s=0.5))
    assert trouble.problem.kind == "limit"


@pytest.mark.requirement("R17")
@pytest.mark.parametrize("api", APIS)
async def test_a_cancel_ends_a_call_at_once(api: Api) -> None:
    before = 0.0
    with provider(Answer(hangs=True)) as server:
        with anyio.fail_after(20), anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(model(api, server.url).decide, PROMPT, Choice)
                assert await run_sync(server.reached.wait, 15)
                before = monotonic()
                scope.cancel()
        assert scope.cancelled_caught and monotonic() - before < 2
        assert await run_sync(server.left.wait, 10)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_key_follows_no_redirect(api: Api, status: int) -> None:
    with provider(answered(api, GOOD_TEXT)) as elsewhere:
        away = Answer(b"", status, {"location": f"{elsewhere.url}/v1/chat/completions"})
        trouble, _, _ = await fails(api, away)
        assert elsewhere.sent == []
        assert (trouble.then, trouble.problem.kind) == ("ask", "refused") and elsewhere.url in trouble.problem.message


async def test_a_package_that_is_not_installed_is_named_with_how_to_install_it() -> None:
    asked = model("messages", "http://127.0.0.1:1")
    asked.sdk = Sdk("no_such_package_of_anybody", "Client", extra="anthropic")
    with pytest.raises(ModelError) as raised:
        await asked.decide(PROMPT, Choice)
    assert "pip install 'factor12[anthropic]'" in raised.value.problem.hint and raised.value.then == "ask"


@asynccontextmanager
async def asked(api: Api, *script: Answer, **more: Any) -> AsyncGenerator[list[dict[str, Any]]]:
    """Decide well, and again with the same model; yield what was sent."""
    with provider(*script, answered(api, GOOD_TEXT), answered(api, GOOD_TEXT)) as server:
        one = model(api, server.url, **more)
        await one.decide(PROMPT, Choice)
        await one.decide(PROMPT, Choice)
        yield [sent.body for sent in server.sent]


NO_SCHEMA = error(400, "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.")


async def test_a_server_without_schemas_is_asked_for_any_json_and_then_in_words_and_that_is_remembered() -> None:
    async with asked("chat", NO_SCHEMA, error(400, "json_object is unknown", param="response_format")) as sent:
        shapes = [body.get("response_format", {}).get("type") for body in sent]
        assert shapes == ["json_schema", "json_object", None, None]
        told = ["JSON schema" in body["messages"][1]["content"] for body in sent]
        assert told == [False, True, True, True]


async def test_responses_without_schemas_are_asked_in_words() -> None:
    refused = error(400, "Unsupported parameter: 'text.format'.", param="text.format")
    async with asked("responses", refused, refused) as sent:
        assert [body.get("text", {}).get("format", {}).get("type") for body in sent] == [
            *("json_schema", "json_object", None, None)
        ]
        assert "JSON schema" in sent[3]["input"]


async def test_a_server_that_may_not_be_forced_to_a_tool_is_asked_in_words() -> None:
    async with asked("messages", error(400, "tool_choice: not supported with thinking")) as sent:
        assert ["tools" in body for body in sent] == [True, False, False]
        assert "JSON schema" in sent[2]["messages"][0]["content"][-1]["text"]


async def test_what_newer_models_do_not_take_is_left_out_from_then_on() -> None:
    limit = error(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", param="max_tokens")
    warm = error(400, "Unsupported value: 'temperature' does not support 0.2 with this model.", param="temperature")
    async with asked("chat", limit, warm, temperature=0.2) as sent:
        known = [sorted(body.keys() & {"max_tokens", "max_completion_tokens", "temperature"}) for body in sent]
        assert known == [
            ["max_tokens", "temperature"],
            ["max_completion_tokens", "temperature"],
            ["max_completion_tokens"],
            ["max_completion_tokens"],
        ]


async def test_a_model_without_a_part_for_rules_gets_them_before_the_prompt() -> None:
    async with asked("chat", error(500, "Jinja Exception: System role not supported")) as sent:
        assert [len(body["messages"]) for body in sent] == [2, 1, 1]
        assert sent[1]["messages"][0]["content"].startswith("The rules.\n\nWhich colour?")


async def test_a_server_that_refuses_everything_is_given_up() -> None:
    everything = "temperature, max_tokens, max_completion_tokens, response_format: the system role is not supported"
    trouble, server, _ = await fails("chat", *[error(400, everything)] * 20, temperature=0.2)
    assert trouble.then == "ask" and 4 < len(server.sent) < 10
