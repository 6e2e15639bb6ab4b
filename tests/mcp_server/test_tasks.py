"""Threads as tasks: who gets one, what it says, who may answer it, and that it stays over once it is (R8, R17)."""

import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.client.extension import advertise
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitRequestFormParams

from agents.runtime.engine import Launch
from mcp_server.app import build_server
from mcp_server.cli_upkeep import gc
from mcp_server.forms import chosen, form
from mcp_server.task_view import TTL_MS
from state.events import Question
from state.problem import ProblemError
from tests.mcp_server.door import CANCEL, ERAS, Door, Person, door, structured, task
from tests.mcp_server.taskclient import TASKS, Notices, TaskClient, filled, tasking

pytestmark = pytest.mark.anyio

QUICK: dict[str, Any] = {"FACTOR12_INLINE_WAIT_S": "0"}


def answers(at: Door, thread_id: str) -> list[tuple[str, str, str]]:
    found = [record.event for record in at.runtime.store.read(thread_id)]
    return [(event.answer, event.channel, event.client) for event in found if event.kind == "answered"]


def thread_of(task_id: str) -> str:
    return task_id.split("@")[0]


@pytest.mark.requirement("R17", "F11")
async def test_a_call_that_outlasts_its_wait_is_a_task_whose_result_is_the_calls(shop: Path) -> None:
    async with door(shop.parent, **QUICK) as at, tasking(at.runtime) as host:
        made = await host.call("holder")
        assert made["resultType"] == "task" and made["status"] == "working"
        assert made["ttlMs"] == TTL_MS and made["pollIntervalMs"] == 1000
        assert not made.keys() & {"result", "inputRequests", "requestState", "task"}
        assert (await host.get(made["taskId"]))["status"] == "working"
        (shop / "go").write_text("gone")
        ended = await host.until(made["taskId"], "completed")
        thread_id = thread_of(made["taskId"])
        assert ended["result"]["structuredContent"] == await at.told("thread_wait", thread_id=thread_id)
        assert ended["result"]["resultType"] == "complete" and not ended["result"]["isError"]
        assert ended["createdAt"] <= ended["lastUpdatedAt"] and "pollIntervalMs" not in ended


async def test_a_call_that_is_done_within_a_moment_is_no_task(shop: Path) -> None:
    async with door(shop.parent) as at, tasking(at.runtime) as host:
        for call in (host.call("errand", **task("add a 1")), host.call("thread_wait", thread_id="latest")):
            done = await call
            assert done["resultType"] == "complete" and done["structuredContent"]["outcome"] == "done"
            assert "_meta" not in done or not any("task" in key for key in done["_meta"])
        broken = await host.call("moody", how="abort")
        assert broken["isError"] and broken["resultType"] == "complete"


@pytest.mark.requirement("R19")
@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_a_client_without_tasks_never_gets_one_and_may_not_ask_for_one(shop: Path, mode: str) -> None:
    async with door(shop.parent, **QUICK) as at, Client(build_server(at.runtime), mode=mode) as plain:
        began = await plain.call_tool("holder", {})
        assert structured(began)["status"] == "running"
        host = TaskClient(plain, Notices())
        known = f"{structured(began)['thread_id']}@1"
        for asked in (host.get(known), host.update(known, {}), host.cancel(known)):
            with pytest.raises(MCPError) as refused:
                await asked
            assert refused.value.error.code == (-32601 if mode == "legacy" else -32021)
        await at.told("thread_cancel", thread_id="latest")


async def test_in_an_older_era_declaring_tasks_means_nothing(shop: Path) -> None:
    async with (
        door(shop.parent, **QUICK) as at,
        Client(build_server(at.runtime), mode="legacy", extensions=[advertise(TASKS)]) as plain,
    ):
        assert structured(await plain.call_tool("holder", {}))["status"] == "running"
        await at.told("thread_cancel", thread_id="latest")


@pytest.mark.requirement("R8", "F7")
async def test_a_person_answers_a_tasks_forms_one_after_the_other(shop: Path) -> None:
    async with door(shop.parent) as at, tasking(at.runtime) as host:
        task_id = await host.begin("errand", **task("ask person", "send box 7"))
        asked = await host.until(task_id, "input_required")
        ((first, request),) = asked["inputRequests"].items()
        assert request["method"] == "elicitation/create" and request["params"]["mode"] == "form"
        assert request["params"]["requestedSchema"]["properties"]["answer"]["enum"] == ["red", "green"]
        assert (await host.update(task_id, {first: filled("red")})).get("resultType") == "complete"
        approving = await host.until(task_id, "input_required")
        ((second, request),) = approving["inputRequests"].items()
        assert second != first and "letter 7" in request["params"]["message"]
        assert not (shop / "box").exists()
        await host.update(task_id, {first: filled("approve"), second: filled("approve"), "else": {"ignored": True}})
        ended = await host.until(task_id, "completed")
        assert ended["result"]["structuredContent"]["outcome"] == "done" and (shop / "box").exists()
        named = [(answer, channel) for answer, channel, _ in answers(at, thread_of(task_id))]
        assert named == [("red", "elicitation"), ("approve", "elicitation")]


@pytest.mark.requirement("R8", "R15")
async def test_a_declined_approval_ends_the_task_as_a_denial(shop: Path) -> None:
    async with door(shop.parent) as at, tasking(at.runtime) as host:
        task_id = await host.begin("errand", **task("send box 7"))
        (key,) = (await host.until(task_id, "input_required"))["inputRequests"]
        await host.update(task_id, {key: {"action": "decline"}})
        ended = await host.until(task_id, "completed")
        assert ended["result"]["isError"] and ended["result"]["structuredContent"]["outcome"] == "denied"
    assert not (shop / "box").exists()


NO_ANSWERS: list[tuple[str, dict[str, Any]]] = [
    ("send box 7", {"action": "cancel"}),
    ("send box 7", filled("yes")),
    ("send box 7", {"action": "accept"}),
    ("ask person", {"action": "decline"}),
    ("ask person", filled("blue")),
    ("ask person", filled(7)),
]


@pytest.mark.requirement("R8")
@pytest.mark.parametrize(("told", "response"), NO_ANSWERS)
async def test_what_is_no_answer_ends_the_task_and_leaves_the_thread_waiting_to_be_asked_again(
    shop: Path, told: str, response: dict[str, Any]
) -> None:
    async with door(shop.parent) as at, tasking(at.runtime) as host:
        task_id = await host.begin("errand", **task(told))
        (key,) = (await host.until(task_id, "input_required"))["inputRequests"]
        await host.update(task_id, {key: response})
        ended = await host.get(task_id)
        waiting = ended["result"]["structuredContent"]
        assert ended["status"] == "completed" and waiting["status"] == "waiting" and not ended["result"]["isError"]
        again = await host.begin("thread_wait", thread_id=waiting["thread_id"])
        (fresh,) = (await host.get(again))["inputRequests"]
        assert fresh != key and answers(at, waiting["thread_id"]) == []
        await host.update(again, {fresh: filled("approve" if "send" in told else "red")})
        assert (await host.until(again, "completed"))["result"]["structuredContent"]["outcome"] == "done"
        assert await host.get(task_id) == ended


@pytest.mark.parametrize("malformed", ["approve", 7, {"action": "approve"}, {"content": {"answer": "approve"}}, []])
@pytest.mark.requirement("R8")
async def test_a_malformed_answer_is_refused_in_words_and_the_form_stays_open(shop: Path, malformed: Any) -> None:
    async with door(shop.parent) as at, tasking(at.runtime) as host:
        task_id = await host.begin("errand", **task("send box 7"))
        asked = await host.until(task_id, "input_required")
        (key,) = asked["inputRequests"]
        with pytest.raises(MCPError, match="no answer of a form") as refused:
            await host.update(task_id, {key: malformed})
        assert refused.value.error.code == -32602
        assert await host.get(task_id) == asked
    assert not (shop / "box").exists()


@pytest.mark.requirement("R8")
async def test_a_task_without_forms_ends_at_a_question_and_says_how_to_answer(shop: Path) -> None:
    async with door(shop.parent) as at, tasking(at.runtime, forms=False) as host:
        waits = await host.call("errand", **task("ask person"))
        assert waits["resultType"] == "complete" and waits["structuredContent"]["status"] == "waiting"
        ended = await host.get(f"{waits['structuredContent']['thread_id']}@1")
        assert ended["status"] == "completed" and "inputRequests" not in ended
        assert ended["result"]["structuredContent"] == waits["structuredContent"]
        assert "factor12 answer" in waits["structuredContent"]["next"]
        await at.told("thread_cancel", thread_id="latest")
        assert await host.get(ended["taskId"]) == ended


@pytest.mark.requirement("R8")
async def test_a_decision_ends_the_task_and_the_model_answers_it_with_a_tool(shop: Path) -> None:
    async with door(shop.parent) as at, tasking(at.runtime) as host:
        waits = await host.call("decider")
        assert waits["resultType"] == "complete" and waits["structuredContent"]["question"]["kind"] == "decision"
        asked = {"thread_id": waits["structuredContent"]["thread_id"], "key": "pick"}
        done = await host.call("thread_answer", **asked, answer={"word": "red"})
        assert done["structuredContent"]["output"] == {"summary": "red"}


@pytest.mark.requirement("R8")
async def test_where_forms_are_no_persons_word_a_task_shows_none_for_persons(shop: Path) -> None:
    async with door(shop.parent, FACTOR12_APPROVAL_CHANNELS="terminal") as at, tasking(at.runtime) as host:
        waits = await host.call("errand", **task("send box 7"))
        thread_id = waits["structuredContent"]["thread_id"]
        forged = f"{thread_id}@1p"
        (key,) = (await host.get(forged))["inputRequests"]
        await host.update(forged, {key: filled("approve")})
        assert (await at.told("thread_wait", thread_id=thread_id))["status"] == "waiting"
        assert answers(at, thread_id) == []
        assert (await host.get(forged))["status"] == "completed"
        await at.told("thread_cancel", thread_id=thread_id)
        anyone = await host.begin("errand", **task("ask"))
        (key,) = (await host.until(anyone, "input_required"))["inputRequests"]
        await host.update(anyone, {key: filled("mauve")})
        assert (await host.until(anyone, "completed"))["result"]["structuredContent"]["outcome"] == "done"
    assert not (shop / "box").exists()


@pytest.mark.requirement("R8", "R3")
async def test_replayed_swapped_and_late_answers_count_for_nothing(shop: Path) -> None:
    async with door(shop.parent) as at, tasking(at.runtime) as host:
        one = await host.begin("errand", **task("ask person", "send box 1"))
        (first,) = (await host.until(one, "input_required"))["inputRequests"]
        await at.runtime.engine.answer(thread_of(one), "0:ask", "green", channel="terminal", person=True)
        await host.update(one, {first: filled("red")})
        (approving,) = (await host.until(one, "input_required"))["inputRequests"]
        assert approving != first
        for late in (first, "0:ask", "approve:1:send", "question-0", ""):
            assert await host.update(one, {late: filled("approve")})
        assert (await host.get(one))["status"] == "input_required" and not (shop / "box").exists()
        two = await host.begin("thread_wait", thread_id=thread_of(one))
        await host.update(two, {approving: filled("approve")})
        ended = await host.until(one, "completed")
        assert (await host.until(two, "completed"))["result"] == ended["result"]
        await host.update(two, {approving: filled("approve")})
        assert [answer for answer, *_ in answers(at, thread_of(one))] == ["green", "approve"]


GARBLED = [
    "",
    "latest",
    "x" * 5000,
    "{0}",
    "{0}@",
    "{0}@0",
    "{0}@01",
    "{0}@-1",
    "{0}@999",
    "{0}@1pe",
    "{0}@1 ",
    "{0}@\uff11",
]


@pytest.mark.parametrize(
    "garbled", [*GARBLED, f"{'0' * 32}@1", "{0}@1\n", "\ud800@1".encode("utf-8", "replace").decode()]
)
@pytest.mark.requirement("R15")
async def test_ids_that_are_none_are_unknown_to_every_method(shop: Path, garbled: str) -> None:
    async with door(shop.parent) as at, tasking(at.runtime) as host:
        task_id = await host.begin("errand", **task("send box 7"))
        given = garbled.format(thread_of(task_id))
        for asked in (host.get(given), host.update(given, {"question-2": filled("approve")}), host.cancel(given)):
            with pytest.raises(MCPError, match="There is no task") as refused:
                await asked
            assert refused.value.error.code == -32602 and len(refused.value.error.message) < 300
        assert (await host.get(task_id))["status"] == "input_required"


async def test_a_task_of_somebody_else_is_unknown(shop: Path) -> None:
    async with door(shop.parent) as at, tasking(at.runtime) as host:
        engine = at.runtime.engine
        theirs = await engine.launch(Launch("errand", task("ask"), "default", principal="somebody"))
        assert (await engine.wait(theirs.id, 10)).status == "waiting"
        for asked in (host.get(f"{theirs.id}@1e"), host.update(f"{theirs.id}@1e", {}), host.cancel(f"{theirs.id}@1e")):
            with pytest.raises(MCPError, match="There is no task"):
                await asked
        assert at.runtime.store.load(theirs.id).status == "waiting"


async def test_the_time_to_live_is_how_long_threads_are_kept() -> None:
    assert inspect.signature(gc).parameters["older_than"].default == f"{TTL_MS // 86_400_000}d"


@pytest.mark.requirement("R17")
async def test_a_task_is_given_up_in_whatever_it_does_and_that_is_its_thread(shop: Path) -> None:
    async with door(shop.parent, **QUICK) as at, tasking(at.runtime) as host:
        working = await host.begin("holder")
        assert await host.cancel(working)
        assert (await host.until(working, "cancelled", "completed"))["status"] == "cancelled"
        asking = await host.begin("errand", **task("ask", "add a 1"))
        await host.until(asking, "input_required")
        await host.cancel(asking)
        gone = await host.until(asking, "cancelled", "completed")
        assert gone["status"] == "cancelled" and not gone.keys() & {"result", "inputRequests"}
        assert await host.cancel(asking) and await host.get(asking) == gone
        done = await host.begin("holder")
        (shop / "go").write_text("gone")
        ended = await host.until(done, "completed")
        await host.cancel(done)
        assert await host.get(done) == ended
        log = [record.event for record in at.runtime.store.read(thread_of(working))]
        assert next(event.channel for event in log if event.kind == "cancel_requested") == "mcp"
    assert not (shop / "a").exists()


@pytest.mark.requirement("R17")
async def test_giving_up_a_task_that_is_over_leaves_its_thread_alone(shop: Path) -> None:
    async with door(shop.parent) as at, tasking(at.runtime) as host:
        task_id = await host.begin("errand", **task("ask person", "add a 1"))
        (key,) = (await host.until(task_id, "input_required"))["inputRequests"]
        await host.update(task_id, {key: {"action": "cancel"}})
        await host.cancel(task_id)
        waiting = await at.told("thread_wait", thread_id=thread_of(task_id))
        assert waiting["status"] == "waiting"


@pytest.mark.requirement("R6", "R21")
async def test_a_task_whose_driver_breaks_down_failed_and_stays_so_when_its_thread_is_resumed(shop: Path) -> None:
    async with door(shop.parent, **QUICK) as at, tasking(at.runtime) as host:
        crashed = await host.begin("moody", how="crash")
        ended = await host.until(crashed, "completed", "failed")
        assert ended["status"] == "failed" and "result" not in ended and ended["error"]["code"] == -32603
        assert ended["error"]["data"]["status"] == "interrupted" and "thread_resume" in ended["error"]["data"]["next"]
        await at.call("thread_resume", thread_id=thread_of(crashed))
        assert await host.get(crashed) == ended


async def test_a_task_asks_eight_questions_at_the_most(shop: Path) -> None:
    async with door(shop.parent) as at, tasking(at.runtime) as host:
        task_id = await host.begin("errand", **task(*["ask"] * 9))
        seen = set[str]()
        while (asked := await host.until(task_id, "input_required", "completed"))["status"] == "input_required":
            (key,) = asked["inputRequests"]
            seen.add(key)
            await host.update(task_id, {key: filled("red")})
        assert len(seen) == 8 and asked["result"]["structuredContent"]["question"]["key"] == "8:ask"


@pytest.mark.requirement("R8")
async def test_an_approval_that_expired_is_no_yes_and_is_asked_anew(shop: Path) -> None:
    async with door(shop.parent) as at, tasking(at.runtime) as host:
        task_id = await host.begin("errand", **task("send box 7"))
        (key,) = (await host.until(task_id, "input_required"))["inputRequests"]
        later = replace(at.runtime.engine, clock=lambda: 4e9)
        with pytest.raises(ProblemError, match="open too long"):
            await later.answer(thread_of(task_id), "approve:0:send", "approve", channel="terminal", person=True)
        ended = await host.get(task_id)
        assert ended["status"] == "completed" and ended["result"]["structuredContent"]["status"] == "waiting"
        await host.update(task_id, {key: filled("approve")})
        assert answers(at, thread_of(task_id)) == []
    assert not (shop / "box").exists()


@pytest.mark.requirement("R8", "R18")
async def test_every_form_shows_what_cannot_be_seen_and_what_it_shows_is_what_is_done(shop: Path) -> None:
    letter = {"lines": [{"do": "send", "name": "b\u202eox", "amount": 1}]}
    shown = "b\\u{202e}ox"
    async with door(shop.parent) as at, tasking(at.runtime) as host:
        task_id = await host.begin("errand", **letter)
        ((key, request),) = (await host.until(task_id, "input_required"))["inputRequests"].items()
        assert shown in request["params"]["message"] and "\u202e" not in request["params"]["message"]
        await host.update(task_id, {key: filled("approve")})
        assert (await host.until(task_id, "completed"))["result"]["structuredContent"]["outcome"] == "done"
    assert (shop / "b\u202eox").exists()
    for era in ERAS:
        person = Person([CANCEL])
        async with door(shop.parent, era, person=person) as at:
            await at.told("errand", **letter)
            await at.told("thread_cancel", thread_id="latest")
        (form,) = person.shown
        assert isinstance(form, ElicitRequestFormParams) and shown in form.message and "\u202e" not in form.message


@pytest.mark.requirement("R8")
async def test_an_option_with_something_hidden_in_it_is_shown_with_it_and_chosen_as_it_is(shop: Path) -> None:
    hidden = Question(key="k", kind="question", answer_by="anyone", text="a\u3164b", options=("x\u200b", "y"))
    async with door(shop.parent) as at:
        shown = form(at.runtime, hidden)
    assert shown.message == "a\\u{3164}b"
    assert shown.requested_schema["properties"]["answer"]["enum"] == ["x\\u{200b}", "y"]
    assert [chosen(hidden, answer) for answer in ("x\\u{200b}", "y", 7)] == ["x\u200b", "y", 7]
