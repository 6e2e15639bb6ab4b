"""Answering: who may, what is accepted, and that the first answer wins."""

import pytest

from agents.runtime.questions import renewed
from state.events import Answered
from state.problem import ProblemError
from state.thread import Thread
from tests.agents.runtime.lab import Lab, answer, drive_on, kinds, launch, run
from tests.agents.runtime.toys import lines

pytestmark = pytest.mark.anyio


async def _refusal(lab: Lab, thread: Thread, key: str, text: object, *, person: bool = True) -> str:
    with pytest.raises(ProblemError) as refused:
        await lab.engine().answer(thread.id, key, text, channel="test", person=person)
    assert refused.value.problem.hint
    return refused.value.problem.kind


@pytest.mark.requirement("F7", "F6")
async def test_an_agents_question_pauses_the_thread_and_its_answer_moves_it_on(lab: Lab) -> None:
    engine = lab.engine()
    thread = await run(engine, lines("add a", "ask", "add a"))
    assert (thread.status, lab.numbers()) == ("waiting", {"a": "1"})
    done = await answer(engine, thread, "blue", person=False)
    assert (done.status, done.results["1:ask"], lab.numbers()) == ("completed", "blue", {"a": "2"})


@pytest.mark.requirement("R7")
async def test_a_waiting_thread_holds_no_lease_and_no_driver(lab: Lab) -> None:
    thread = await run(lab.engine(), lines("ask"))
    assert lab.databases[0].rows("select lease_owner, lease_until from threads") == [(None, None)]
    assert not lab.engine().store.driven(thread.id)


async def test_an_answer_to_a_thread_that_waits_for_nothing_is_a_conflict(lab: Lab) -> None:
    engine = lab.engine()
    ended = await run(engine, lines("add a"))
    assert await _refusal(lab, ended, "0:ask", "blue") == "conflict"
    running = engine.store.load(await launch(engine, lines("ask")))
    assert await _refusal(lab, running, "0:ask", "blue") == "conflict"


async def test_an_answer_under_another_key_is_not_found(lab: Lab) -> None:
    assert await _refusal(lab, await run(lab.engine(), lines("ask")), "1:ask", "blue") == "not_found"


@pytest.mark.requirement("R8")
async def test_a_question_for_a_person_is_refused_to_anyone_else_and_stays_open(lab: Lab) -> None:
    engine = lab.engine()
    thread = await run(engine, lines("ask person"))
    assert await _refusal(lab, thread, "0:ask", "red", person=False) == "refused"
    assert engine.store.load(thread.id) == thread
    assert (await answer(engine, thread, "red")).status == "completed"


@pytest.mark.parametrize("text", ["blue", "", "  ", 7, None, ["red"], "\ud800"])
async def test_an_answer_outside_the_options_is_bad_input_and_names_them(lab: Lab, text: object) -> None:
    thread = await run(lab.engine(), lines("ask person"))
    assert await _refusal(lab, thread, "0:ask", text) == "bad_input"


@pytest.mark.parametrize("text", ["", "  ", 7, None, "half \ud800 a pair"])
async def test_an_answer_that_the_log_cannot_hold_as_text_is_bad_input(lab: Lab, text: object) -> None:
    thread = await run(lab.engine(), lines("ask"))
    assert await _refusal(lab, thread, "0:ask", text) == "bad_input"


async def test_an_option_counts_whatever_its_case_and_the_log_has_it_as_asked(lab: Lab) -> None:
    engine = lab.engine()
    done = await answer(engine, await run(engine, lines("ask person")), " RED ")
    assert done.results["0:ask"] == "red"


@pytest.mark.requirement("R8")
async def test_the_first_answer_wins_and_the_second_changes_nothing(lab: Lab) -> None:
    engine = lab.engine()
    thread = await run(engine, lines("ask"))
    await engine.answer(thread.id, "0:ask", "blue", channel="one", person=False)
    assert await _refusal(lab, thread, "0:ask", "grey") == "conflict"
    assert (await drive_on(engine, thread.id)).results["0:ask"] == "blue"


@pytest.mark.requirement("R8")
async def test_an_expired_approval_is_asked_anew_and_then_counts(lab: Lab) -> None:
    engine = lab.engine()
    thread = await run(engine, lines("add a 100"))
    lab.clock.forward(3601)
    assert await _refusal(lab, thread, "approve:0:add", "approve") == "expired"
    again = engine.store.load(thread.id)
    assert again.status == "waiting"
    assert again.question is not None
    assert again.question.expires_at == lab.clock.now + 3600
    assert (await answer(engine, again, "approve")).status == "completed"


@pytest.mark.requirement("R8")
async def test_a_question_renewed_by_another_process_meanwhile_is_simply_answered(lab: Lab) -> None:
    engine, other = lab.engine(), lab.store()
    thread = await run(engine, lines("add a 100"))
    lab.clock.forward(3601)

    def renew_first(where: str) -> None:
        asked = other.load(thread.id).asked
        if where == "before signal" and asked and asked.question.expires_at == lab.clock.now - 1:
            other.signal(thread, renewed(asked, lab.clock.now))

    racing = lab.engine(lab.wired(renew_first))
    await racing.answer(thread.id, "approve:0:add", "approve", channel="test", person=True)
    assert kinds(engine, thread.id)[-2:] == ["asked", "answered"]


async def test_the_log_says_on_which_channel_and_client_an_answer_came(lab: Lab) -> None:
    engine = lab.engine()
    thread = await run(engine, lines("ask"))
    await engine.answer(thread.id, "0:ask", "blue", channel="elicitation", person=True, client="editor 1.0")
    (record,) = engine.store.read(thread.id, after=thread.version)
    assert record.event.model_dump(include={"kind", "channel", "client"}) == {
        "kind": "answered",
        "channel": "elicitation",
        "client": "editor 1.0",
    }


@pytest.mark.requirement("R6")
async def test_an_answer_that_comes_before_the_driver_let_go_is_not_lost(lab: Lab) -> None:
    """The lease is released only at the head its driver knows; otherwise it looks again."""
    other, answered = lab.engine(), list[str]()

    def answer_at_once(where: str) -> None:
        if where == "before release" and not answered:
            answered.append(where)
            (thread_id,) = lab.woken
            thread = other.store.load(thread_id)
            other.store.signal(thread, Answered(key="0:ask", answer="blue", channel="test"))

    done = await run(lab.engine(lab.wired(answer_at_once)), lines("ask", "add a"))
    assert (done.status, done.results["0:ask"], lab.numbers()) == ("completed", "blue", {"a": "1"})


@pytest.mark.requirement("F11", "R6")
@pytest.mark.parametrize("channel", ["thread_answer", "elicitation", "terminal", "rest"])
async def test_a_thread_launched_answered_and_driven_by_three_processes_is_one_thread(lab: Lab, channel: str) -> None:
    thread = await run(lab.engine(), lines("add a", "ask", "add a"))
    await lab.engine().answer(thread.id, "1:ask", "blue", channel=channel, person=True)
    done = await drive_on(lab.engine(), thread.id)
    assert (done.status, done.results["1:ask"], lab.numbers()) == ("completed", "blue", {"a": "2"})
