"""A decision over each API: what is sent, what comes back, what it cost."""

from typing import Any

import pytest

from agents.runtime.model import ModelError, Prompt
from agents.runtime.models.wire import MOST_BYTES
from state.spending import Usage
from tests.models import fake_provider as fake
from tests.models.fake_provider import Answer, provider
from tests.models.minds import APIS, GOOD, GOOD_TEXT, KEY, PROMPT, Api, Choice, answered, model

pytestmark = pytest.mark.anyio

WELL: dict[Api, Answer] = {
    "chat": fake.chat(GOOD_TEXT),
    "responses": fake.responses(GOOD_TEXT),
    "messages": fake.messages(fake.decided(GOOD)),
}


@pytest.mark.requirement("F4")
@pytest.mark.parametrize("api", APIS)
async def test_a_decision_is_typed_and_says_what_it_took(api: Api) -> None:
    with provider(WELL[api]) as server:
        decision = await model(api, server.url).decide(PROMPT, Choice)
    assert decision.answer == Choice(**GOOD)
    who = "anthropic:m" if api == "messages" else "openai:m"
    cost = (200 * 2.0 + 800 * 0.5 + 20 * 10.0) / 1e6
    assert decision.usage == Usage(model=who, input_tokens=1000, cached_tokens=800, output_tokens=20, cost=cost)


async def test_chat_is_sent_rules_and_prompt_with_a_closed_schema() -> None:
    with provider(WELL["chat"]) as server:
        await model("chat", server.url, temperature=0.5).decide(PROMPT, Choice)
    (sent,) = server.sent
    assert sent.path == "/v1/chat/completions" and sent.headers["authorization"] == f"Bearer {KEY}"
    assert sent.body["messages"] == [
        {"role": "system", "content": "The rules."},
        {"role": "user", "content": "Which colour?\n\nNot taken so far: mauve."},
    ]
    form: Any = sent.body["response_format"]["json_schema"]
    assert form["name"] == "Choice" and form["strict"] is True
    assert form["schema"]["required"] == ["colour", "why", "count"] and not form["schema"]["additionalProperties"]
    assert (sent.body["max_tokens"], sent.body["temperature"]) == (16384, 0.5)


async def test_responses_are_sent_the_same_and_leave_nothing_with_the_provider() -> None:
    with provider(WELL["responses"]) as server:
        await model("responses", server.url).decide(PROMPT, Choice)
    (sent,) = server.sent
    assert sent.path == "/v1/responses" and sent.body["store"] is False and "temperature" not in sent.body
    assert (sent.body["instructions"], sent.body["input"]) == (PROMPT.system, PROMPT.text)
    assert sent.body["text"]["format"]["strict"] is True and sent.body["max_output_tokens"] == 16384


async def test_messages_keep_the_front_in_the_cache_and_force_the_one_tool() -> None:
    with provider(WELL["messages"]) as server:
        await model("messages", server.url).decide(PROMPT, Choice)
    (sent,) = server.sent
    assert sent.path == "/v1/messages" and sent.headers["authorization"] == f"Bearer {KEY}"
    kept = {"type": "ephemeral"}
    assert sent.body["system"] == [{"type": "text", "text": "The rules.", "cache_control": kept}]
    assert sent.body["messages"][0]["content"] == [
        {"type": "text", "text": "Which colour?", "cache_control": kept},
        {"type": "text", "text": "Not taken so far: mauve."},
    ]
    assert sent.body["tool_choice"]["name"] == sent.body["tools"][0]["name"] == "decide"


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    "text",
    [
        f"```json\n{GOOD_TEXT}\n```",
        f"Sure, here it is:\n\n{GOOD_TEXT}\n\nAnything else?",
        f'<think>Perhaps {{"colour": "blue"}}?</think>\n{GOOD_TEXT}',
        f"  {GOOD_TEXT}\n",
    ],
    ids=["in a fence", "after prose", "after thinking aloud", "with white space"],
)
async def test_one_object_that_fits_is_taken_wherever_it_stands(api: Api, text: str) -> None:
    with provider(answered(api, text)) as server:
        decision = await model(api, server.url).decide(PROMPT, Choice)
    assert decision.answer == Choice(**GOOD)


MISFITS = {
    "no JSON": ("I would say red.", "holds no JSON object"),
    "nothing but space": ("  \n", "was empty"),
    "two objects": (f"{GOOD_TEXT} or {GOOD_TEXT}", "holds 2 JSON objects"),
    "a list": ("[1, 2]", "holds no JSON object"),
    "cut short": (GOOD_TEXT[:-1], "holds no JSON object"),
    "another choice": ('{"colour": "mauve", "why": "x"}', "colour: Input should be 'red' or 'blue'"),
    "a field missing": ('{"colour": "red"}', "why: Field required"),
    "too long": ('{"colour": "red", "why": "%s"}' % ("x" * 300), "why: String should have at most 200 characters"),
    "half a character": ('{"colour": "red", "why": "\\ud83d"}', ""),
    "not a number": ('{"colour": "red", "why": "x", "count": NaN}', ""),
    "endless": ('{"colour": "red", "why": "x", "count": 1e999}', "no number"),
    "a deep nest": ('{"a":' * 100_000, "holds no JSON object"),
    "many braces": ("{" * 100_000, "holds no JSON object"),
}


@pytest.mark.requirement("F9")
@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(("text", "says"), MISFITS.values(), ids=MISFITS)
async def test_what_does_not_fit_is_a_compact_complaint_with_what_it_cost(api: Api, text: str, says: str) -> None:
    shape = fake.messages(fake.said(text), stop="end_turn") if api == "messages" else answered(api, text)
    with provider(*[shape] * 3) as server, pytest.raises(ModelError) as raised:
        await model(api, server.url).decide(PROMPT, Choice)
    problem = raised.value.problem
    if not text.strip() and api == "messages":
        assert problem.kind == "busy"  # it said nothing at all
        return
    assert (problem.kind, raised.value.then) == ("bad_input", "again") and says in problem.message
    assert len(str(problem)) < 500 and "\n" not in str(problem) and str(problem).encode()
    assert raised.value.usage is not None and raised.value.usage.input_tokens == 1000


async def test_a_tools_arguments_are_checked_like_any_answer() -> None:
    wrong = fake.messages(fake.decided({"colour": "mauve", "why": "x"}))
    with provider(wrong) as server, pytest.raises(ModelError, match="'red' or 'blue'"):
        await model("messages", server.url).decide(PROMPT, Choice)


async def test_after_an_answer_that_did_not_fit_the_prompt_says_the_schema_too() -> None:
    with provider(fake.chat("red"), fake.chat(GOOD_TEXT)) as server:
        asked = model("chat", server.url)
        with pytest.raises(ModelError):
            await asked.decide(PROMPT, Choice)
        await asked.decide(PROMPT, Choice)
    first, second = (sent.body["messages"][1]["content"] for sent in server.sent)
    assert "JSON schema" not in first and second.startswith(first) and '"required":["colour","why","count"]' in second


STOPS: dict[str, tuple[Api, Answer, str, str, str]] = {
    "chat refuses": ("chat", fake.chat(None, refusal="No."), "refused", "ask", "openai:m refuses: No."),
    "chat is cut": ("chat", fake.chat(GOOD_TEXT[:9], "length"), "bad_input", "again", "cut off after 20 tokens"),
    "chat is filtered": ("chat", fake.chat("", "content_filter"), "refused", "ask", "content filter"),
    "chat calls a tool": (
        "chat",
        fake.chat(None, "tool_calls", tool_calls=[{"id": "1"}]),
        "bad_input",
        "again",
        "call",
    ),
    "responses refuse": ("responses", fake.responses(refusal="No."), "refused", "ask", "refuses: No."),
    "responses are cut": ("responses", fake.responses(why="max_output_tokens"), "bad_input", "again", "cut off"),
    "responses are filtered": ("responses", fake.responses(why="content_filter"), "refused", "ask", "filter"),
    "responses call a tool": (
        "responses",
        fake.responses(output=[{"type": "function_call", "name": "rm", "arguments": "{}"}]),
        "bad_input",
        "again",
        "call of a tool",
    ),
    "messages refuse": ("messages", fake.messages(stop="refusal"), "refused", "ask", "anthropic:m refuses"),
    "messages are cut": ("messages", fake.messages(stop="max_tokens"), "bad_input", "again", "cut off"),
    "messages call another tool": (
        "messages",
        fake.messages({"type": "tool_use", "name": "rm", "input": GOOD}),
        "bad_input",
        "again",
        "call of a tool",
    ),
}


@pytest.mark.requirement("R15", "F9")
@pytest.mark.parametrize(("api", "answer", "kind", "then", "says"), STOPS.values(), ids=STOPS)
async def test_an_answer_that_is_none_is_said_again_or_put_to_a_person(
    api: Api, answer: Answer, kind: str, then: str, says: str
) -> None:
    with provider(answer) as server, pytest.raises(ModelError) as raised:
        await model(api, server.url).decide(PROMPT, Choice)
    assert (raised.value.problem.kind, raised.value.then) == (kind, then) and says in raised.value.problem.message
    assert raised.value.usage is not None and raised.value.usage.output_tokens == 20


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("chunked", [False, True])
async def test_an_answer_without_end_is_read_to_a_bound(api: Api, chunked: bool) -> None:
    endless = Answer(b" " * (MOST_BYTES + 100_000), chunked=chunked)
    with provider(endless) as server, pytest.raises(ModelError, match="longer than 1000 kB") as raised:
        await model(api, server.url).decide(PROMPT, Choice)
    assert raised.value.problem.kind == "bad_input"


async def test_an_answer_that_is_long_and_fits_is_read_whole() -> None:
    text = f"{' ' * (MOST_BYTES // 2)}{GOOD_TEXT}"
    with provider(fake.chat(text)) as server:
        assert (await model("chat", server.url).decide(PROMPT, Choice)).answer == Choice(**GOOD)


@pytest.mark.parametrize("api", APIS)
async def test_half_a_character_in_a_prompt_is_sent_as_a_question_mark(api: Api) -> None:
    with provider(WELL[api]) as server:
        await model(api, server.url).decide(Prompt("The rules.", ("A file \udcff.",)), Choice)
    assert "A file ?." in str(server.sent[0].body)


@pytest.mark.parametrize("usage", [None, {"prompt_tokens": -5}, {"prompt_tokens": "many"}, [], {}])
async def test_a_server_that_counts_no_tokens_is_believed_to_have_used_none(usage: Any) -> None:
    body = {"choices": [{"message": {"content": GOOD_TEXT}, "finish_reason": "stop"}], "usage": usage}
    with provider(fake.json_answer(body)) as server:
        decision = await model("chat", server.url).decide(PROMPT, Choice)
    assert decision.usage == Usage(model="openai:m")


async def test_content_in_parts_is_one_text() -> None:
    with provider(fake.chat([{"type": "text", "text": GOOD_TEXT[:9]}, {"type": "text", "text": GOOD_TEXT[9:]}])) as at:
        assert (await model("chat", at.url).decide(PROMPT, Choice)).answer == Choice(**GOOD)


async def test_a_local_server_is_sent_no_key_where_none_is_set() -> None:
    with provider(WELL["chat"]) as server:
        await model("chat", server.url, key="").decide(PROMPT, Choice)
    assert server.sent[0].headers["authorization"] == "Bearer none"
