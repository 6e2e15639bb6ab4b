"""What a client reads from the tools: threads, errors, both of them as data and as text."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import anyio
import jsonschema
import pytest

from tests.mcp_server.door import ERAS, Era, door, structured, task, text_of
from tests.mcp_server.toys import until

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.requirement("R16")
async def test_an_agent_answers_with_its_finished_thread_and_the_next_step(shop: Path, era: Era) -> None:
    async with door(shop.parent, era) as at:
        told = await at.told("errand", **task("add a 2", "peek a"))
        assert told["status"] == "completed" and told["outcome"] == "done"
        assert told["output"] == {"results": {"0:add": 2, "1:peek": "2"}, "denied": []}
        assert told["agent"] == "errand" and told["session"] == "default"
        assert told["version"] == 6 and "thread_id" in told and "next" in told
        assert "question" not in told and "error" not in told
    assert (shop / "a").read_text() == "2"


async def test_a_call_without_patience_answers_running_and_waiting_ends_with_the_outcome(shop: Path) -> None:
    async with door(shop.parent) as at:
        begun = await at.told("holder", {"wait": 0})
        assert begun["status"] == "running"
        assert "thread_wait" in begun["next"] and begun["thread_id"] in begun["next"]
        (shop / "go").write_text("gone")
        ended = await at.told("thread_wait", thread_id=begun["thread_id"], wait=10)
        assert ended["output"] == {"summary": "gone"}


@pytest.mark.requirement("R19")
@pytest.mark.parametrize("era", ERAS)
async def test_a_client_without_capabilities_answers_a_question_with_a_tool(shop: Path, era: Era) -> None:
    async with door(shop.parent, era) as at:
        waiting = await at.told("errand", **task("ask", "add a 2"))
        assert waiting["status"] == "waiting"
        assert waiting["question"]["text"] == "Which colour?" and waiting["question"]["answer_by"] == "anyone"
        assert "thread_answer" in waiting["next"] and waiting["question"]["key"] in waiting["next"]
        ended = await at.told(
            "thread_answer", thread_id=waiting["thread_id"], key=waiting["question"]["key"], answer="blue"
        )
        assert ended["output"]["results"]["0:ask"] == "blue"


@pytest.mark.parametrize("answer", [{"word": "red"}, '{"word": "red"}'])
@pytest.mark.requirement("F1", "R9")
async def test_a_decision_is_answered_by_the_calling_model_with_an_object(shop: Path, answer: Any) -> None:
    async with door(shop.parent) as at:
        waiting = await at.told("decider")
        question = waiting["question"]
        assert question["kind"] == "decision" and "word" in question["schema"]["properties"]
        assert question["context"]["prompt"] and "schema" in waiting["next"]
        wrong = await at.problem("thread_answer", thread_id="latest", key="pick", answer={"colour": "red"})
        assert wrong["kind"] == "bad_input" and "word" in wrong["message"]
        ended = await at.told("thread_answer", thread_id="latest", key="pick", answer=answer)
        assert ended["output"] == {"summary": "red"}


@pytest.mark.parametrize(
    ("how", "outcome", "error"),
    [
        ("abort", "failed", {"kind": "limit", "message": "It is too much.", "hint": "Ask for less."}),
        ("fail", "failed", None),
        ("deny", "denied", None),
    ],
)
@pytest.mark.requirement("R15")
async def test_a_thread_that_failed_is_an_error_to_its_caller(shop: Path, how: str, outcome: str, error: Any) -> None:
    async with door(shop.parent) as at:
        result = await at.call("moody", how=how)
        told = structured(result)
        assert result.is_error and told["outcome"] == outcome and told.get("error") == error
        again = await at.call("thread_wait", thread_id=told["thread_id"])
        assert again.is_error and structured(again) == told


@pytest.mark.requirement("R15")
async def test_an_agent_that_crashes_leaves_an_interrupted_thread_and_an_internal_error(shop: Path) -> None:
    async with door(shop.parent) as at:
        result = await at.call("moody", how="crash")
        told = structured(result)
        assert result.is_error and told["status"] == "interrupted" and told["error"]["kind"] == "internal"
        assert "thread_resume" in told["next"]


UNUSABLE: list[tuple[str, dict[str, Any], str, str]] = [
    ("nonsense", {}, "not_found", "'nonsense'"),
    ("errand", {"linse": []}, "bad_input", "'linse'"),
    ("errand", {"lines": 7}, "bad_input", "lines"),
    ("errand", {"repo": "shup"}, "not_found", "'shup'"),
    ("errand", {"repo": "/etc"}, "refused", "'/etc'"),
    ("errand", {"repo": "shop/.git"}, "refused", ".git"),
    ("errand", {"repo": "a\0b"}, "bad_input", "'a\\x00b'"),
    ("errand", {"session": "nowhere"}, "not_found", "'nowhere'"),
    ("errand", {"session": 123}, "not_found", "'123'"),
    ("errand", {"session": True}, "bad_input", "session"),
    ("thread_wait", {"thread_id": "feed"}, "not_found", "'feed'"),
    ("thread_wait", {"thread_id": "latest"}, "not_found", "'latest'"),
    ("thread_wait", {"thread_id": "latest", "wait": 51}, "bad_input", "wait"),
    ("thread_history", {"thread_id": "feed"}, "not_found", "'feed'"),
    ("thread_answer", {"thread_id": "feed", "key": "k", "answer": "a"}, "not_found", "'feed'"),
    ("thread_answer", {"thread_id": "feed"}, "bad_input", "key"),
    ("thread_resume", {"thread_id": "feed"}, "not_found", "'feed'"),
    ("thread_cancel", {"thread_id": "feed"}, "not_found", "'feed'"),
    ("thread_list", {"agent": "nobody"}, "not_found", "'nobody'"),
    ("thread_list", {"session": "nowhere"}, "not_found", "'nowhere'"),
    ("thread_list", {"status": "asleep"}, "bad_input", "status"),
    ("repo_switch", {"repo": "shup"}, "not_found", "'shup'"),
    ("repo_switch", {}, "bad_input", "repo: Field required"),
    ("repo_switch", {"repo": "till", "session": "nowhere"}, "not_found", "'nowhere'"),
    ("repo_current", {"session": "nowhere"}, "not_found", "'nowhere'"),
    ("repo_restore", {}, "conflict", "'default'"),
    ("health", {"verbose": True}, "bad_input", "'verbose'"),
    ("thread_approve", {"thread_id": "latest", "key": "k"}, "not_found", "'thread_approve'"),
]


@pytest.mark.requirement("R15", "F9")
async def test_bad_input_gets_one_line_that_names_the_thing_and_a_next_step(shop: Path) -> None:
    async with door(shop.parent) as at:
        for name, arguments, kind, names in UNUSABLE:
            error = await at.problem(name, **arguments)
            assert error["kind"] == kind and names in error["message"], error
            assert error["hint"] and "\n" not in error["message"] + error["hint"]
        assert (await at.told("thread_list"))["threads"] == []
    assert not (shop.parent / "state" / "scratch" / "applied").exists()


async def test_a_misspelt_argument_is_refused_with_the_names_of_the_known_ones(shop: Path) -> None:
    async with door(shop.parent) as at:
        error = await at.problem("errand", linse=[], tolerant=True)
        assert error["message"] == "errand has no argument 'linse'."
        assert error["hint"] == "It takes: lines, tolerant, repo, session, isolation."


@pytest.mark.parametrize("sent", [{"lines": '[{"do": "peek", "name": "README.md"}]'}, {"lines": [], "repo": None}])
async def test_what_hosts_do_to_arguments_is_forgiven(shop: Path, sent: dict[str, Any]) -> None:
    async with door(shop.parent) as at:
        assert (await at.told("errand", **sent))["status"] == "completed"


async def test_a_text_that_looks_like_json_stays_a_text(shop: Path) -> None:
    async with door(shop.parent) as at:
        error = await at.problem("errand", repo='{"a": 1}', lines=[])
        assert error["kind"] == "not_found" and '{"a": 1}' in error["message"]
        (shop / "null").write_text("found")
        told = await at.told("holder", name="null")
        assert told["output"] == {"summary": "found"}


async def test_a_known_idempotency_key_finds_its_thread_and_other_arguments_conflict(shop: Path) -> None:
    async with door(shop.parent) as at:
        key = {"idempotency_key": "once"}
        first = await at.told("errand", key, **task("add a 1"))
        again = await at.told("errand", key, **task("add a 1"))
        assert again["thread_id"] == first["thread_id"] and (shop / "a").read_text() == "1"
        error = await at.problem("errand", key, **task("add a 2"))
        assert error["kind"] == "conflict" and first["thread_id"] in error["message"]


@pytest.mark.parametrize("meta", [{"wait": "long"}, {"wait": 51}, {"wait": True}, {"idempotency_key": 7}])
async def test_meta_that_cannot_be_meant_is_bad_input(shop: Path, meta: dict[str, Any]) -> None:
    async with door(shop.parent) as at:
        error = await at.problem("errand", meta, **task("add a 1"))
        assert error["kind"] == "bad_input" and next(iter(meta)) in error["message"]
        assert (await at.told("thread_list"))["threads"] == []


@pytest.mark.requirement("R20")
async def test_a_second_writer_in_one_work_tree_is_busy_with_the_holders_id(shop: Path) -> None:
    async with door(shop.parent) as at:
        first = await at.told("errand", **task("ask"))
        error = await at.problem("errand", **task("add a 1"))
        assert error["kind"] == "busy" and first["thread_id"] in error["message"]
        await at.told("thread_cancel", thread_id=first["thread_id"])
        assert (await at.told("errand", **task("add a 1")))["outcome"] == "done"


async def test_threads_are_found_again_by_session_repository_status_agent_and_latest(
    shop: Path, make_repository: Callable[..., Path]
) -> None:
    make_repository("till", {})
    async with door(shop.parent) as at:
        session = (await at.told("repo_switch", repo="till"))["session"]
        in_till = (await at.told("errand", **task("add a 1"), session=session))["thread_id"]
        in_shop = (await at.told("errand", **task("ask")))["thread_id"]
        for search, found in [
            ({}, [in_shop, in_till]),
            ({"session": session}, [in_till]),
            ({"repo": "shop"}, [in_shop]),
            ({"repo": str(shop)}, [in_shop]),
            ({"repo": "../till"}, [in_till]),
            ({"branch": "main", "limit": 1}, [in_shop]),
            ({"issue": "7"}, []),
            ({"status": "waiting"}, [in_shop]),
            ({"agent": "holder"}, []),
        ]:
            listed = await at.told("thread_list", **search)
            assert [row["thread_id"] for row in listed["threads"]] == found, search
        assert (await at.told("thread_wait", thread_id="latest"))["thread_id"] == in_shop
    assert (shop.parent / "till" / "a").exists()


async def test_a_history_has_every_event_and_continues_where_it_was_cut(shop: Path) -> None:
    async with door(shop.parent) as at:
        thread_id = (await at.told("errand", **task("add a 2", "peek a")))["thread_id"]
        history = await at.told("thread_history", thread_id=thread_id)
        kinds = [event["kind"] for event in history["events"]]
        assert kinds == ["launched", "checkpoint_taken", "started", "resolved", "resolved", "finished"]
        assert all(event["says"] for event in history["events"]) and history["events"][2]["data"]["tool"] == "add"
        rest = await at.told("thread_history", thread_id=thread_id, after=4)
        assert [event["version"] for event in rest["events"]] == [5, 6]


async def test_a_long_history_comes_in_parts_with_how_to_get_the_next(shop: Path) -> None:
    async with door(shop.parent) as at:
        (shop / "long").write_text("x" * 1500)
        thread_id = (await at.told("errand", **task(*["peek long"] * 24)))["thread_id"]
        first = await at.told("thread_history", thread_id=thread_id)
        last = first["events"][-1]["version"]
        assert last < 26 and f"after {last}" in first["next"]
        rest = await at.told("thread_history", thread_id=thread_id, after=last)
        assert rest["events"][0]["version"] == last + 1 and rest["events"][-1]["kind"] == "finished"


@pytest.mark.requirement("R17")
async def test_a_dropped_call_detaches_and_the_thread_goes_on(shop: Path) -> None:
    async with door(shop.parent) as at:
        with anyio.move_on_after(1) as dropped:
            await at.call("holder")
        assert dropped.cancelled_caught
        (shop / "go").write_text("gone")
        assert (await at.told("thread_wait", thread_id="latest"))["output"] == {"summary": "gone"}


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.requirement("R17")
async def test_progress_is_told_while_a_call_waits(shop: Path, era: Era) -> None:
    heard: list[tuple[float, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        assert total is None
        heard.append((progress, message))

    async with door(shop.parent, era) as at, anyio.create_task_group() as group:
        group.start_soon(_release, shop)
        await at.client.call_tool("holder", {}, progress_callback=hear)
    assert heard and all(message and message.startswith("holder: ") for _, message in heard)


async def _release(shop: Path) -> None:
    await _held(shop)
    (shop / "go").write_text("gone")


@pytest.mark.requirement("F6")
async def test_cancel_stops_what_is_running_and_resume_of_an_ended_thread_changes_nothing(shop: Path) -> None:
    async with door(shop.parent) as at:
        begun = await at.told("holder", {"wait": 0})
        ended = await at.told("thread_cancel", thread_id=begun["thread_id"], reason="enough")
        assert ended["status"] == "cancelled"
        resumed = await at.told("thread_resume", thread_id=begun["thread_id"])
        assert resumed == ended


@pytest.mark.requirement("R15")
async def test_a_running_thread_cannot_be_resumed(shop: Path) -> None:
    async with door(shop.parent) as at:
        begun = await at.told("holder", {"wait": 0})
        await _held(shop)
        error = await at.problem("thread_resume", thread_id=begun["thread_id"])
        assert error["kind"] == "busy"


async def _held(shop: Path) -> None:
    await until(shop.parent / "state" / "scratch" / "holding")


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in cast(dict[str, Any], value).values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in cast(list[Any], value):
            yield from _leaves(inner)
    elif isinstance(value, bool):
        yield str(value).lower()
    else:
        yield str(value)


CALLS: list[tuple[str, dict[str, Any]]] = [
    ("errand", task("add a 2", "peek README.md")),
    ("errand", task("ask person")),
    ("errand", task("send box 1")),
    ("decider", {}),
    ("moody", {"how": "abort"}),
    ("moody", {"how": "crash"}),
    ("moody", {"how": "fail"}),
    ("thread_list", {}),
    ("thread_wait", {}),
    ("thread_history", {}),
    ("thread_cancel", {"thread_id": "latest"}),
    ("thread_wait", {"thread_id": "feed"}),
    ("repo_list", {}),
    ("repo_switch", {"repo": "shop"}),
    ("repo_current", {}),
    ("repo_restore", {}),
    ("health", {}),
]


@pytest.mark.requirement("F4")
async def test_every_result_fits_its_schema_and_its_text_says_all_that_its_data_says(shop: Path) -> None:
    (shop / "dirty.txt").write_text("new")
    async with door(shop.parent) as at:
        schemas = {entry.name: entry.output_schema for entry in (await at.client.list_tools()).tools}
        for name, arguments in CALLS:
            result = await at.call(name, **arguments)
            jsonschema.validate(structured(result), schemas[name] or {})
            text = " ".join(text_of(result).split())
            for leaf in _leaves(structured(result)):
                assert " ".join(leaf.split()) in text, (name, leaf, text)
            if structured(result).get("status") == "waiting":
                await at.told("thread_cancel", thread_id=structured(result)["thread_id"])
