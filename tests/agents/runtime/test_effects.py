"""One effect: its failures, its time, its size, and how it is settled when it was cut off."""

import json
from dataclasses import replace

import anyio
import pytest

from agents.runtime.driver import drive
from agents.runtime.questions import summary
from agents.runtime.script import need, script
from state.artifacts import artifact_of
from state.events import Failed, Settled
from state.steps import Abort, Done, Step
from state.thread import Thread
from tests.agents.runtime.lab import DEAD, Hold, Lab, answer, drive_on, events, kinds, launch, run, watched
from tests.agents.runtime.power import cut_at, outage
from tests.agents.runtime.toys import TOOLS, Errand, Report, add, agent_of, lines, peek, send
from tools.base import ToolError, Workspace, tool

pytestmark = pytest.mark.anyio


@pytest.mark.requirement("F9")
async def test_three_failures_of_one_key_go_to_a_person_and_a_retry_counts_anew(lab: Lab) -> None:
    engine = lab.engine()
    thread = await run(engine, lines("peek a"))
    assert kinds(engine, thread.id) == ["launched", "failed", "failed", "failed", "asked"]
    assert thread.question is not None
    assert thread.question.answer_by == "person"
    assert "failed 3 times, last: 'a' is missing. Write it first." in thread.question.text
    again = await answer(engine, thread, "retry")
    assert (again.status, len(again.failures["0:peek"])) == ("waiting", 3)
    (lab.world / "a").write_text("7")
    assert (await answer(engine, again, "retry")).results["0:peek"] == "7"


@pytest.mark.requirement("F9")
async def test_three_failures_that_a_person_stops_end_failed_with_the_last_problem(lab: Lab) -> None:
    engine = lab.engine()
    ended = await answer(engine, await run(engine, lines("peek a")), "stop")
    assert (ended.status, ended.reason and ended.reason.message) == ("failed", "'a' is missing.")


@pytest.mark.requirement("F9")
async def test_a_failure_is_one_compact_line_that_the_agent_sees_under_its_key(lab: Lab) -> None:
    def gives_up(_: Errand, thread: Thread) -> Step:
        problem = peek.failure(thread)
        return Abort(problem) if problem else peek("a")

    ended = await run(lab.engine(agents=[agent_of(gives_up)]), {})
    assert (ended.reason and str(ended.reason), ended.status) == ("'a' is missing. Write it first.", "failed")


@pytest.mark.requirement("F4")
async def test_arguments_that_a_tool_does_not_take_are_a_failure_the_agent_sees(lab: Lab) -> None:
    def wrong(_: Errand, thread: Thread) -> Step:
        problem = add.failure(thread)
        return Abort(problem) if problem else replace(add("a", 1), args={"name": "a", "amount": "many"})

    ended = await run(lab.engine(agents=[agent_of(wrong)]), {})
    assert ended.reason is not None
    assert (ended.reason.kind, ended.reason.message.split(":")[:2]) == ("bad_input", ["add", " amount"])
    assert lab.applied() == []


async def test_a_read_that_takes_too_long_fails_and_is_tried_again(lab: Lab) -> None:
    slow = watched(replace(peek, timeout=0.03), Hold("before look peek"))
    engine = lab.engine(tools=[slow])
    thread = await run(engine, lines("peek a"))
    assert kinds(engine, thread.id) == ["launched", "failed", "failed", "failed", "asked"]
    assert "peek took longer than" in str(thread.failures["0:peek"][-1].problem)


@pytest.mark.requirement("R5")
async def test_a_write_that_ran_out_of_time_but_happened_is_found_by_its_probe(lab: Lab) -> None:
    engine = lab.engine(tools=[watched(replace(add, timeout=0.03), Hold("after apply add"))])
    done = await run(engine, lines("add a 3"))
    assert kinds(engine, done.id) == ["launched", "started", "settled", "finished"]
    assert (done.results["0:add"], len(lab.applied())) == (3, 1)


@pytest.mark.requirement("R5")
async def test_a_write_that_ran_out_of_time_and_did_not_happen_is_tried_again(lab: Lab) -> None:
    hold = Hold("before apply add")
    engine = lab.engine(tools=[watched(replace(add, timeout=0.05), hold)])
    thread_id = await launch(engine, lines("add a"))
    async with anyio.create_task_group() as group:
        group.start_soon(drive, engine, thread_id)
        with anyio.fail_after(5):
            while not any(isinstance(event, Failed) for event in events(engine, thread_id)):
                await anyio.lowlevel.checkpoint()
        hold.go.set()
    assert (engine.store.load(thread_id).status, len(lab.applied())) == ("completed", 1)


@pytest.mark.requirement("R5")
@pytest.mark.parametrize(
    ("said", "status", "world"),
    [
        ("it happened", "completed", {"a": "50"}),
        ("do it again", "completed", {"a": "51"}),
        ("stop", "failed", {"a": "50"}),
    ],
)
async def test_a_cut_off_write_that_its_probe_cannot_tell_goes_to_a_person(
    lab: Lab, said: str, status: str, world: dict[str, str]
) -> None:
    dead = lab.engine(lab.store(DEAD), tools=[watched(add, cut_at("after apply add"))])
    thread_id = await launch(dead, lines("add a"))
    with outage():
        await drive(dead, thread_id)
    (lab.world / "a").write_text("50")
    engine = lab.engine()
    thread = await drive_on(engine, thread_id)
    assert (thread.status, thread.question and thread.question.answer_by) == ("waiting", "person")
    assert ((await answer(engine, thread, said)).status, lab.numbers()) == (status, world)


@pytest.mark.requirement("R5")
async def test_an_agent_that_needs_the_result_of_what_a_person_said_has_happened_ends_and_says_so(lab: Lab) -> None:
    @script
    def needy(_: Errand, thread: Thread) -> Step:
        return Done(Report(results={"sum": need(thread, add)("a", 1)}))

    dead = lab.engine(lab.store(DEAD), agents=[agent_of(needy)], tools=[watched(add, cut_at("after apply add"))])
    thread_id = await launch(dead, lines())
    with outage():
        await drive(dead, thread_id)
    (lab.world / "a").write_text("50")
    engine = lab.engine(agents=[agent_of(needy)])
    ended = await answer(engine, await drive_on(engine, thread_id), "it happened")
    assert ended.reason and (ended.status, ended.reason.kind) == ("failed", "conflict")
    assert "'add' happened, as a person said" in ended.reason.message and lab.numbers() == {"a": "50"}


@pytest.mark.requirement("R5")
async def test_a_late_write_that_its_probe_cannot_tell_goes_to_a_person(lab: Lab) -> None:
    hold = Hold("before apply add")
    engine = lab.engine(tools=[watched(replace(add, timeout=0.3), hold)])
    thread_id = await launch(engine, lines("add a"))
    async with anyio.create_task_group() as group:
        group.start_soon(drive, engine, thread_id)
        with anyio.fail_after(5):
            await hold.reached.wait()
            (lab.world / "a").write_text("50")
    thread = engine.store.load(thread_id)
    assert thread.asked is not None
    assert (thread.asked.topic, thread.pending is not None) == ("cut_off", True)


@pytest.mark.requirement("R5")
@pytest.mark.parametrize("at", ["before apply send", "after apply send"])
async def test_a_cut_off_danger_effect_is_never_tried_again_unasked(lab: Lab, at: str) -> None:
    engine = lab.engine()
    asked = await run(engine, lines("send box"))
    await engine.answer(asked.id, "approve:0:send", "approve", channel="test", person=True)
    with outage():
        await drive(lab.engine(lab.store(DEAD), tools=[watched(send, cut_at(at))]), asked.id)
    before = lab.applied()
    thread = await drive_on(engine, asked.id)
    assert (thread.asked and thread.asked.topic, lab.applied()) == ("cut_off", before)


async def test_a_probe_that_hangs_is_given_up_and_a_person_is_asked(lab: Lab) -> None:
    dead = lab.engine(lab.store(DEAD), tools=[watched(add, cut_at("after apply add"))])
    thread_id = await launch(dead, lines("add a"))
    with outage():
        await drive(dead, thread_id)
    with anyio.fail_after(5):
        hanging = watched(replace(add, timeout=0.05), Hold("before probe add"))
        thread = await drive_on(lab.engine(tools=[hanging]), thread_id)
    assert thread.asked is not None
    assert "looking took longer" in thread.asked.question.text


@pytest.mark.requirement("R5")
async def test_a_probe_that_fails_is_a_question_for_a_person(lab: Lab) -> None:
    async def gone(where: str) -> None:
        if where == "before probe add":
            raise ToolError("not_found", "The repository 'shop' is gone.", "Bring it back.")

    dead = lab.engine(lab.store(DEAD), tools=[watched(add, cut_at("after apply add"))])
    thread_id = await launch(dead, lines("add a"))
    with outage():
        await drive(dead, thread_id)
    thread = await drive_on(lab.engine(tools=[watched(add, gone)]), thread_id)
    assert thread.question is not None
    assert "The repository 'shop' is gone." in summary(thread.question)["text"]
    assert "context" not in summary(thread.question)


@pytest.mark.requirement("R5", "R3")
@pytest.mark.parametrize(
    ("at", "recovery"),
    [
        ("before look add", []),
        ("after look add", []),
        ("before apply add", ["settled"]),
        ("after apply add", ["settled"]),
    ],
)
async def test_a_cut_off_write_is_settled_by_its_probe_and_done_exactly_once(
    lab: Lab, at: str, recovery: list[str]
) -> None:
    dead = lab.engine(lab.store(DEAD), tools=[watched(add, cut_at(at))])
    thread_id = await launch(dead, lines("add a 5"))
    with outage():
        await drive(dead, thread_id)
    engine = lab.engine()
    done = await drive_on(engine, thread_id)
    assert (done.status, done.results["0:add"], lab.numbers(), len(lab.applied())) == ("completed", 5, {"a": "5"}, 1)
    assert [kind for kind in kinds(engine, thread_id) if kind == "settled"] == recovery


@pytest.mark.requirement("R2")
async def test_a_result_over_the_cap_is_kept_whole_as_an_artifact_and_opaque_to_agents(lab: Lab) -> None:
    def reads(_: Errand, thread: Thread) -> Step:
        return Done(Report(results={"size": len(text)})) if (text := peek.result(thread)) else peek("a")

    engine = lab.engine(agents=[agent_of(reads)], inline_bytes=100)
    lab.world.mkdir(exist_ok=True)
    (lab.world / "a").write_text("x" * 99)
    ended = await run(engine, {})
    artifact = artifact_of(ended.results["peek"])
    assert artifact is not None
    assert (artifact.size, artifact.preview[:4]) == (101, '"xxx')
    assert json.loads(engine.store.get(artifact.digest) or b"") == "x" * 99
    assert (ended.status, ended.reason and ended.reason.kind) == ("failed", "limit")
    (lab.world / "a").write_text("x" * 98)
    assert (await run(engine, {})).output == {"results": {"size": 98}, "denied": []}


async def test_a_result_that_no_log_can_hold_is_a_failure_that_the_agent_sees(lab: Lab) -> None:
    @tool("read")
    def odd(_: Workspace) -> str:
        """Return a name as the file system gives it."""
        return "caf\udce9"

    def asks(_: Errand, thread: Thread) -> Step:
        if (problem := odd.failure(thread)) is not None:
            return Done(Report(results={"kind": problem.kind}))
        return odd()

    ended = await run(lab.engine(agents=[agent_of(asks)], tools=[odd]), {})
    assert (ended.status, ended.output) == ("completed", {"results": {"kind": "bad_input"}, "denied": []})


@pytest.mark.requirement("R2")
async def test_what_a_probe_finds_is_kept_as_an_artifact_when_it_is_too_large(lab: Lab) -> None:
    late = watched(replace(add, timeout=0.03), Hold("after apply add"))
    engine = lab.engine(tools=[late], inline_bytes=2)
    thread = await run(engine, lines("add a 99", "add a 1"))
    assert [event.key for event in events(engine, thread.id) if isinstance(event, Settled)] == ["0:add", "1:add"]
    assert thread.results["0:add"] == 99
    assert artifact_of(thread.results["1:add"]) is not None


async def test_an_effects_identity_marks_what_it_leaves_in_the_world(lab: Lab) -> None:
    engine = lab.engine(tools=TOOLS)
    await run(engine, lines("add a", "add a"))
    marks = [line.split()[2] for line in lab.applied()]
    assert len(set(marks)) == 2
    assert all(len(mark) == 16 for mark in marks)
