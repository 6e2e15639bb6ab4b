"""Agents written as a straight line: where each line stops, and what a failure or a no turns into."""

import pytest

from agents.runtime.script import answer, attempt, need, script, thought
from state.problem import Problem
from state.steps import Done, Step
from state.thread import Thread
from tests.agents.runtime.lab import Lab, run
from tests.agents.runtime.lab import answer as say
from tests.agents.runtime.toys import Errand, Report, Word, add, agent_of, peek

pytestmark = pytest.mark.anyio


@script
def straight(task: Errand, thread: Thread) -> Step:
    text = need(thread, peek)(name="a")
    colour = answer(thread, "colour", "Which colour?", ("red", "green"), "person")
    word = thought(thread, "word", Word, name=colour)
    new = need(thread, add, "more")("a", len(word.word))
    return Done(Report(results={"old": text, "new": new}))


@pytest.mark.requirement("R2", "F8")
async def test_a_script_stops_at_each_line_that_the_log_has_no_outcome_for(lab: Lab) -> None:
    engine = lab.engine(agents=[agent_of(straight)])
    lab.world.mkdir(exist_ok=True)
    (lab.world / "a").write_text("1")
    asked = await run(engine, {})
    assert (asked.question and asked.question.text, dict(asked.results.items())) == ("Which colour?", {"peek": "1"})
    decided = await say(engine, asked, "red")
    assert (decided.question and decided.question.kind) == "decision"
    done = await say(engine, decided, {"word": "sun"})
    assert (done.output, lab.numbers()) == ({"results": {"old": "1", "new": 4}, "denied": []}, {"a": "4"})


@pytest.mark.requirement("R2")
def test_a_script_decides_the_same_step_each_time_it_is_asked() -> None:
    thread = Thread("t")
    assert straight(Errand(), thread) == straight(Errand(), thread) == peek("a")


@pytest.mark.requirement("F9")
async def test_what_a_script_needs_and_cannot_have_ends_it_with_the_tools_problem(lab: Lab) -> None:
    ended = await run(lab.engine(agents=[agent_of(straight)]), {})
    assert (ended.status, ended.reason and ended.reason.message) == ("failed", "'a' is missing.")


@pytest.mark.requirement("F9")
async def test_what_a_script_attempts_and_cannot_have_is_its_own_to_act_on(lab: Lab) -> None:
    @script
    def tries(task: Errand, thread: Thread) -> Step:
        text = attempt(thread, peek)(name="a")
        return Done(Report(results={"text": text.message if isinstance(text, Problem) else text}))

    assert (await run(lab.engine(agents=[agent_of(tries)]), {})).output == {
        "results": {"text": "'a' is missing."},
        "denied": [],
    }


@pytest.mark.requirement("R8")
@pytest.mark.parametrize(("how", "outcome"), [("need", "denied"), ("attempt", "done")])
async def test_a_persons_no_ends_a_script_that_needs_and_reaches_one_that_attempts(
    lab: Lab, how: str, outcome: str
) -> None:
    @script
    def gives(task: Errand, thread: Thread) -> Step:
        new = (need if how == "need" else attempt)(thread, add, "k")("a", 100)
        return Done(Report(results={"said": new.message if isinstance(new, Problem) else new}))

    engine = lab.engine(agents=[agent_of(gives)])
    ended = await say(engine, await run(engine, {}), "deny")
    assert (ended.outcome, lab.applied()) == (outcome, [])
