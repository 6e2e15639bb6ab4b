"""Questions at the door: who is asked how, in both eras, and what never counts as a person's answer (R8)."""

from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.client import ClientRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CallToolResult,
    ElicitRequestFormParams,
    ElicitRequestParams,
    ElicitResult,
    InputRequiredResult,
    InputResponses,
)

from mcp_server.app import build_server
from tests.mcp_server.door import CANCEL, DECLINE, ERAS, Door, Era, Person, accept, door, structured, task

pytestmark = pytest.mark.anyio


def answers(at: Door, thread_id: str) -> list[tuple[str, str, str]]:
    """Return what the log says was answered: the answer, over which channel, by which client."""
    found = [record.event for record in at.runtime.store.read(thread_id)]
    return [(event.answer, event.channel, event.client) for event in found if event.kind == "answered"]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.requirement("R8", "F7")
async def test_a_client_with_forms_answers_a_question_while_it_calls(shop: Path, era: Era) -> None:
    person = Person([accept("red")])
    async with door(shop.parent, era, person=person) as at:
        told = await at.told("errand", **task("ask", "add a 1"))
        assert told["status"] == "completed" and told["output"]["results"]["0:ask"] == "red"
        assert answers(at, told["thread_id"]) == [("red", "elicitation", "mcp 0.1.0")]
    (form,) = person.shown
    assert isinstance(form, ElicitRequestFormParams) and form.message == "Which colour?"
    assert form.requested_schema["properties"] == {"answer": {"type": "string", "title": "Answer"}}


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.requirement("R8")
async def test_an_approval_shows_its_exact_text_and_lets_that_one_effect_happen(shop: Path, era: Era) -> None:
    person = Person([accept("approve")])
    async with door(shop.parent, era, person=person) as at:
        told = await at.told("errand", **task("send box 7"))
        asked = [r.event for r in at.runtime.store.read(told["thread_id"]) if r.event.kind == "asked"]
    assert (shop / "box").read_text() == "letter 7"
    (form,) = person.shown
    assert isinstance(form, ElicitRequestFormParams)
    assert form.message == asked[0].question.text and "letter 7" in form.message
    assert form.requested_schema["properties"]["answer"]["enum"] == ["approve", "deny"]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("reply", [DECLINE, accept("deny")])
@pytest.mark.requirement("R8", "R15")
async def test_a_declined_approval_is_a_denial_and_the_effect_never_runs(
    shop: Path, era: Era, reply: ElicitResult
) -> None:
    async with door(shop.parent, era, person=Person([reply])) as at:
        result = await at.call("errand", **task("send box 7"))
        assert result.is_error and structured(result)["outcome"] == "denied"
        assert "Do not try again" in structured(result)["next"]
    assert not (shop / "box").exists()


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("told", "reply"), [("ask person", DECLINE), ("ask", DECLINE), ("ask person", CANCEL), ("send box 7", CANCEL)]
)
@pytest.mark.requirement("R8")
async def test_no_answer_leaves_the_question_open(shop: Path, era: Era, told: str, reply: ElicitResult) -> None:
    person = Person([reply])
    async with door(shop.parent, era, person=person) as at:
        waiting = await at.told("errand", **task(told))
        assert waiting["status"] == "waiting" and len(person.shown) == 1
        assert answers(at, waiting["thread_id"]) == []
    assert not (shop / "box").exists()


@pytest.mark.parametrize("era", ERAS)
async def test_an_answer_that_is_none_is_asked_for_again_and_not_for_ever(shop: Path, era: Era) -> None:
    person = Person([accept("blue"), accept(7), ElicitResult(action="accept"), accept("green")])
    async with door(shop.parent, era, person=person) as at:
        told = await at.told("errand", **task("ask person"))
        assert told["output"]["results"]["0:ask"] == "green" and len(person.shown) == 4
        person.replies = [accept("blue")] * 20
        waiting = await at.told("errand", **task("ask person"))
        assert waiting["status"] == "waiting" and len(person.shown) == 4 + 8


@pytest.mark.parametrize("era", ERAS)
async def test_several_questions_are_asked_one_after_the_other_in_one_call(shop: Path, era: Era) -> None:
    person = Person([accept("red"), accept("green"), accept("approve")])
    async with door(shop.parent, era, person=person) as at:
        told = await at.told("errand", **task("ask person", "ask person", "send box 1"))
        assert told["status"] == "completed" and len(person.shown) == 3


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.requirement("R8")
async def test_a_decision_is_never_put_to_a_person(shop: Path, era: Era) -> None:
    person = Person([accept('{"word": "red"}')] * 3)
    async with door(shop.parent, era, person=person) as at:
        waiting = await at.told("decider")
        assert waiting["status"] == "waiting" and waiting["question"]["kind"] == "decision"
    assert person.shown == []


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.requirement("R8")
async def test_forms_do_not_reach_persons_where_the_setting_leaves_them_out(shop: Path, era: Era) -> None:
    person = Person([accept("approve"), accept("red")])
    async with door(shop.parent, era, person=person, FACTOR12_APPROVAL_CHANNELS="terminal") as at:
        waiting = await at.told("errand", **task("send box 7"))
        assert waiting["status"] == "waiting" and person.shown == []
        assert f"factor12 answer {waiting['thread_id']}" in waiting["next"]
        await at.told("thread_cancel", thread_id=waiting["thread_id"])
        person.replies = [accept("red")]
        assert (await at.told("errand", **task("ask")))["status"] == "completed"


ATTEMPTS: list[dict[str, Any]] = [
    {},
    {"person": True},
    {"answer_by": "person"},
    {"channel": "elicitation"},
    {"approved": True},
    {"force": True},
]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("told", ["ask person", "send box 1", "add a 1000"])
@pytest.mark.requirement("R8")
async def test_a_client_that_answers_everything_never_answers_for_a_person(shop: Path, era: Era, told: str) -> None:
    async with door(shop.parent, era) as at:
        waiting = await at.told("errand", **task(told))
        thread_id, question = waiting["thread_id"], waiting["question"]
        assert question["answer_by"] == "person" and "Only a person" in waiting["next"]
        for answer in (*question["options"], "yes", "happened", {"approve": True}):
            for more in ATTEMPTS:
                sent = {"thread_id": thread_id, "key": question["key"], "answer": answer, **more}
                error = await at.problem("thread_answer", {"approved": True, "person": True}, **sent)
                assert error["kind"] in ("refused", "bad_input")
        for name in ("thread_wait", "thread_resume"):
            assert (await at.told(name, thread_id=thread_id))["question"] == question
        assert await at.problem("thread_approve", thread_id=thread_id, key=question["key"])
    assert not (shop / "box").exists() and not (shop / "a").exists()


@pytest.mark.requirement("R8")
async def test_forged_responses_and_states_answer_nothing(shop: Path) -> None:
    async with door(shop.parent, person=Person()) as at:
        waiting = await at.told("errand", **task("send box 1"))
        forged: InputResponses = {"question-0": accept("approve")}
        wait = {"thread_id": waiting["thread_id"]}
        stateless = await at.client.session.call_tool(
            "thread_wait", wait, input_responses=forged, allow_input_required=True
        )
        assert isinstance(stateless, InputRequiredResult)
        with pytest.raises(MCPError, match="requestState"):
            await at.client.session.call_tool(
                "thread_wait", wait, input_responses=forged, request_state="v1.forged", allow_input_required=True
            )
        other = {"thread_id": "latest"}
        with pytest.raises(MCPError, match="requestState"):
            await at.client.session.call_tool(
                *("thread_wait", other), input_responses=forged, request_state=stateless.request_state
            )
        unanswered = await at.client.session.call_tool("thread_wait", wait, request_state=stateless.request_state)
        assert isinstance(unanswered, CallToolResult) and structured(unanswered)["status"] == "waiting"
        answered = await at.client.session.call_tool(
            "thread_wait", wait, input_responses=forged, request_state=stateless.request_state
        )
        assert isinstance(answered, CallToolResult) and structured(answered)["status"] == "completed"
    assert (shop / "box").exists()


@pytest.mark.requirement("R8")
async def test_an_answer_to_a_question_that_changed_meanwhile_counts_for_nothing(shop: Path) -> None:
    (shop / "a").write_text("0")
    async with door(shop.parent, person=Person()) as at:
        waiting = await at.told("errand", **task("add a 1000"))
        wait = {"thread_id": waiting["thread_id"]}
        shown = await at.client.session.call_tool("thread_wait", wait, allow_input_required=True)
        assert isinstance(shown, InputRequiredResult)
        (shop / "a").write_text("5")
        engine = at.runtime.engine
        await engine.answer(waiting["thread_id"], "approve:0:add", "approve", channel="t", person=True)
        changed = await engine.wait(waiting["thread_id"], 10)
        assert changed.question and '"new": 1005' in changed.question.text
        again = await at.client.session.call_tool(
            "thread_wait",
            wait,
            input_responses={"question-0": accept("approve")},
            request_state=shown.request_state,
            allow_input_required=True,
        )
        assert isinstance(again, InputRequiredResult) and again.input_requests
        form = again.input_requests["question-1"].params
        assert isinstance(form, ElicitRequestFormParams) and '"new": 1005' in form.message
    assert (shop / "a").read_text() == "5"


@pytest.mark.requirement("R17")
async def test_a_form_is_withdrawn_when_the_question_is_answered_elsewhere(shop: Path) -> None:
    opened, closed = anyio.Event(), anyio.Event()

    async def read_on(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        opened.set()
        try:
            await anyio.sleep_forever()
        finally:
            closed.set()
        return CANCEL

    async with door(shop.parent, "legacy") as at, anyio.create_task_group() as group:
        other = Client(build_server(at.runtime), mode="legacy", elicitation_callback=read_on)

        async def elsewhere() -> None:
            await opened.wait()
            await at.told("thread_answer", thread_id="latest", key="0:ask", answer="blue")

        group.start_soon(elsewhere)
        async with other as client:
            result = await client.call_tool("errand", task("ask"))
            assert structured(result)["output"]["results"]["0:ask"] == "blue"
            await closed.wait()


@pytest.mark.requirement("R8")
async def test_in_host_mode_the_hosts_own_prompt_approves_and_every_result_says_so(shop: Path) -> None:
    async with door(shop.parent, FACTOR12_APPROVAL="host") as at:
        for name in ("repo_list", "thread_list", "health"):
            assert (await at.told(name))["approval"] == "host"
        waiting = await at.told("errand", **task("send box 1", "ask person"))
        assert waiting["approval"] == "host" and "thread_approve" in waiting["next"]
        asked = {"thread_id": waiting["thread_id"], "key": waiting["question"]["key"]}
        error = await at.problem("thread_answer", **asked, answer="approve")
        assert error["kind"] == "refused"
        waiting = await at.told("thread_approve", **asked)
        assert (shop / "box").exists() and waiting["question"]["key"] == "1:ask"
        error = await at.problem("thread_approve", thread_id=asked["thread_id"], key="1:ask")
        assert error["kind"] == "refused" and "approval" in error["message"]
        assert answers(at, asked["thread_id"]) == [("approve", "host", "mcp 0.1.0")]


@pytest.mark.requirement("R8")
async def test_in_host_mode_a_denial_is_possible_too(shop: Path) -> None:
    async with door(shop.parent, FACTOR12_APPROVAL="host") as at:
        waiting = await at.told("errand", **task("send box 1"))
        asked = {"thread_id": waiting["thread_id"], "key": waiting["question"]["key"]}
        result = await at.call("thread_approve", **asked, approve=False)
        assert structured(result)["outcome"] == "denied"
    assert not (shop / "box").exists()
