"""Approvals: bound to one exact effect, once, for a while, and a no that reaches the agent."""

import pytest

from agents.runtime.driver import drive
from agents.runtime.questions import approval, visible
from state.events import Asked
from state.thread import Thread
from tests.agents.runtime.lab import DEAD, Lab, answer, drive_on, events, kinds, run, watched
from tests.agents.runtime.power import cut_at, outage
from tests.agents.runtime.toys import add, lines

pytestmark = pytest.mark.anyio


def _binding(thread: Thread) -> str:
    assert thread.asked is not None
    assert thread.asked.topic == "approval"
    return thread.asked.binding


@pytest.mark.requirement("R8", "F6")
async def test_an_approved_effect_pauses_between_choosing_and_running_and_then_runs_once(lab: Lab) -> None:
    engine = lab.engine()
    thread = await run(engine, lines("add a 100"))
    assert (thread.status, thread.pending, lab.applied()) == ("waiting", None, [])
    done = await answer(engine, thread, "approve")
    assert (done.status, lab.numbers(), len(lab.applied())) == ("completed", {"a": "100"}, 1)
    assert not done.approvals


@pytest.mark.requirement("R8")
async def test_a_small_change_is_made_without_asking_anybody(lab: Lab) -> None:
    assert (await run(lab.engine(), lines("add a 99", "peek a"))).status == "completed"


@pytest.mark.requirement("R8")
async def test_a_danger_effect_always_asks_and_shows_exactly_what_would_run(lab: Lab) -> None:
    thread = await run(lab.engine(), lines("send box 7"))
    question = thread.question
    assert question is not None
    assert (question.kind, question.answer_by, question.options) == ("approval", "person", ("approve", "deny"))
    assert question.context["plan"] == {"name": "box", "text": "letter 7"}
    assert '"text": "letter 7"' in question.text


@pytest.mark.requirement("R8")
async def test_an_approval_does_not_count_for_a_plan_that_changed_meanwhile(lab: Lab) -> None:
    engine = lab.engine()
    first = await run(engine, lines("add a 100"))
    (lab.world / "a").write_text("5")
    second = await answer(engine, first, "approve")
    assert (second.status, lab.numbers()) == ("waiting", {"a": "5"})
    assert _binding(second) != _binding(first)
    assert (await answer(engine, second, "approve")).results["0:add"] == 105


@pytest.mark.requirement("R8")
async def test_an_approval_counts_for_one_key_of_one_thread_only(lab: Lab) -> None:
    engine = lab.engine()
    first = await run(engine, lines("add a 100", "add b 100"))
    stranger = await run(engine, lines("add a 100", "add b 100"))
    assert _binding(first) != _binding(stranger)
    second = await answer(engine, first, "approve")
    assert (second.asked and second.asked.about, lab.numbers()) == ("1:add", {"a": "100"})
    assert engine.store.load(stranger.id) == stranger


@pytest.mark.requirement("R8", "R5")
async def test_an_approval_is_used_up_by_the_attempt_even_if_that_was_cut_off(lab: Lab) -> None:
    engine = lab.engine()
    thread = await run(engine, lines("add a 100"))
    await engine.answer(thread.id, "approve:0:add", "approve", channel="test", person=True)
    with outage():
        await drive(lab.engine(lab.store(DEAD), tools=[watched(add, cut_at("before apply add"))]), thread.id)
    again = await drive_on(engine, thread.id)
    assert kinds(engine, thread.id)[-3:] == ["started", "settled", "asked"]
    assert (again.status, lab.applied()) == ("waiting", [])
    assert (await answer(engine, again, "approve")).status == "completed"


@pytest.mark.requirement("R8", "R5")
async def test_an_approved_effect_that_happened_before_the_cut_is_not_asked_about_again(lab: Lab) -> None:
    engine = lab.engine()
    thread = await run(engine, lines("add a 100"))
    await engine.answer(thread.id, "approve:0:add", "approve", channel="test", person=True)
    with outage():
        await drive(lab.engine(lab.store(DEAD), tools=[watched(add, cut_at("after apply add"))]), thread.id)
    assert (await drive_on(engine, thread.id)).status == "completed"
    assert len([event for event in events(engine, thread.id) if isinstance(event, Asked)]) == 1


@pytest.mark.requirement("R8")
async def test_a_denial_ends_an_agent_that_insists_and_nothing_is_done(lab: Lab) -> None:
    engine = lab.engine()
    ended = await answer(engine, await run(engine, lines("add a 100")), "deny")
    assert (ended.status, ended.outcome, lab.applied()) == ("failed", "denied", [])
    assert ended.reason is not None
    assert (ended.reason.kind, "A person denied it (test)." in ended.reason.message) == ("refused", True)


@pytest.mark.requirement("R8")
async def test_a_denial_reaches_the_agent_which_may_go_on_without(lab: Lab) -> None:
    engine = lab.engine()
    done = await answer(engine, await run(engine, lines("add a 100", "add b 1") | {"tolerant": True}), "deny")
    assert (done.status, lab.numbers()) == ("completed", {"b": "1"})
    assert done.output == {"results": {"1:add": 1}, "denied": ["0:add"]}


@pytest.mark.requirement("R8", "R18")
def test_a_person_sees_control_and_invisible_characters_of_what_would_run() -> None:
    assert visible("rm\u202e fr\u200b\x1b[2K\ta\nb") == "rm\\u{202e} fr\\u{200b}\\u{1b}[2K\ta\nb"
    assert visible("a\u2028b\u3164c\u2800") == "a\\u{2028}b\\u{3164}c\\u{2800}"
    assert visible("plain text, größer, 日本") == "plain text, größer, 日本"


@pytest.mark.requirement("R8")
def test_of_what_is_too_long_for_a_form_both_ends_are_shown_and_how_much_is_left_out() -> None:
    asked = approval("key", "edit_file", "It writes.", "a" * 5000 + "the end", "binding", 0.0)
    text = asked.question.text
    assert "a" * 1500 in text and text.endswith('the end"') and "1009 characters are left out here" in text
    assert "left out" not in approval("key", "edit_file", "It writes.", "a" * 3000, "binding", 0.0).question.text
