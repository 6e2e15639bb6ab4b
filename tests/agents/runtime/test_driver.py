"""The loop: budgets, divergence, takeover, late drivers, and what a failing driver leaves behind."""

import anyio
import pytest

from agents.runtime.driver import drive
from state.events import BudgetExtended, CancelRequested
from state.problem import Problem, ProblemError
from state.spending import Budget
from state.steps import Ask, Step
from state.thread import Thread
from tests.agents.runtime.lab import DEAD, Hold, Lab, answer, drive_on, kinds, launch, run, served, watched
from tests.agents.runtime.power import cut_at, outage
from tests.agents.runtime.toys import Errand, add, agent_of, call, decided, lines

pytestmark = pytest.mark.anyio


@pytest.mark.requirement("R1", "F5", "F12")
async def test_what_a_driver_leaves_is_what_a_fold_of_its_log_gives(lab: Lab) -> None:
    engine = lab.engine()
    done = await answer(engine, await run(engine, lines("add a 2", "ask", "peek a")), "blue")
    assert done == lab.store().load(done.id)
    assert done.output == {"results": {"0:add": 2, "1:ask": "blue", "2:peek": "2"}, "denied": []}
    assert (done.status, done.outcome) == ("completed", "done")


@pytest.mark.requirement("R4")
async def test_the_intent_of_a_write_is_in_the_log_before_it_runs_and_its_outcome_before_the_next(lab: Lab) -> None:
    seen: list[list[str]] = []

    async def look_at_log(where: str) -> None:
        if where == "before apply add":
            seen.append(kinds(lab.engine(), lab.woken[0]))

    await run(lab.engine(tools=[watched(add, look_at_log)]), lines("add a", "add a"))
    assert seen == [["launched", "started"], ["launched", "started", "resolved", "started"]]


@pytest.mark.requirement("F8")
async def test_an_agent_may_loop_and_branch_over_what_it_has_seen(lab: Lab) -> None:
    def until_three(_: Errand, thread: Thread) -> Step:
        steps = [call(f"add:{n}") for n in range(9)]
        return Ask("done?", "Is it three?") if thread.results.get("add:2") == 3 else steps[len(thread.results)]

    thread = await run(lab.engine(agents=[agent_of(until_three)]), {})
    assert (thread.status, lab.numbers()) == ("waiting", {"a": "3"})


async def test_a_thread_out_of_steps_pauses_and_goes_on_when_a_person_says_so(lab: Lab) -> None:
    engine = lab.engine()
    thread = await run(engine, lines("add a", "add a", "add a"), Budget(steps=2))
    assert (thread.status, thread.question and thread.question.answer_by) == ("waiting", "person")
    assert lab.numbers() == {"a": "2"}
    with pytest.raises(ProblemError, match="for a person"):
        await engine.answer(thread.id, "budget:2", "continue", channel="test", person=False)
    done = await answer(engine, thread, "continue")
    assert (done.status, done.budget.steps, lab.numbers()) == ("completed", 27, {"a": "3"})


async def test_a_thread_out_of_steps_ends_failed_when_a_person_stops_it_and_keeps_its_results(lab: Lab) -> None:
    engine = lab.engine()
    ended = await answer(engine, await run(engine, lines("add a", "add a"), Budget(steps=1)), "stop")
    assert (ended.status, ended.reason and ended.reason.kind, ended.results["0:add"]) == ("failed", "limit", 1)


async def test_a_thread_out_of_seconds_pauses_and_goes_on_when_a_person_says_so(lab: Lab) -> None:
    engine = lab.engine()
    thread = await run(engine, lines("add a", "add a"), Budget(seconds=0))
    assert (thread.status, lab.applied()) == ("waiting", [])
    assert (await answer(engine, thread, "continue")).status == "completed"


async def test_finishing_and_asking_cost_no_step_of_the_budget(lab: Lab) -> None:
    engine = lab.engine()
    thread = await run(engine, lines("add a", "ask"), Budget(steps=1))
    assert thread.asked is not None
    assert thread.asked.topic == "agent"
    assert (await answer(engine, thread, "blue")).status == "completed"


@pytest.mark.requirement("R3")
@pytest.mark.parametrize(
    ("again", "says"),
    [
        (call("one", amount=2), "something else"),
        (call("one"), "again although"),
        (Ask("one", "What?"), "again although"),
    ],
)
async def test_a_key_that_has_an_outcome_and_is_decided_again_stops_the_thread(
    lab: Lab, again: Step, says: str
) -> None:
    engine = lab.engine(agents=[agent_of(decided(call("one"), again))])
    thread = await run(engine, {})
    assert (thread.status, lab.numbers()) == ("failed", {"a": "1"})
    assert thread.reason is not None
    assert thread.reason.kind == "diverged"
    assert says in thread.reason.message
    assert thread.code in thread.reason.hint


@pytest.mark.requirement("R3")
async def test_a_question_asked_again_after_its_answer_stops_the_thread(lab: Lab) -> None:
    engine = lab.engine(agents=[agent_of(decided(Ask("q", "What?")))])
    ended = await answer(engine, await run(engine, {}), "this")
    assert ended.reason is not None
    assert ended.reason.kind == "diverged"


@pytest.mark.requirement("R3", "R5")
@pytest.mark.parametrize("other", [call("one", amount=2), call("two"), Ask("one", "What?")])
async def test_a_cut_off_effect_that_the_agent_decides_otherwise_now_stops_the_thread(lab: Lab, other: Step) -> None:
    old = agent_of(decided(call("one")))
    dead = lab.engine(lab.store(DEAD), agents=[old], tools=[watched(add, cut_at("before apply add"))])
    thread_id = await launch(dead, {})
    with outage():
        await drive(dead, thread_id)
    ended = await drive_on(lab.engine(agents=[agent_of(decided(other))]), thread_id)
    assert (ended.status, ended.reason and ended.reason.kind, lab.applied()) == ("failed", "diverged", [])


@pytest.mark.requirement("R6")
async def test_an_outcome_that_meets_a_signal_is_appended_after_it(lab: Lab) -> None:
    hold = Hold("before apply add")
    async with served(lab, tools=[watched(add, hold)]) as engine:
        thread_id = await launch(engine, lines("add a", "add a"))
        with anyio.fail_after(5):
            await hold.reached.wait()
            other = lab.store()
            other.signal(other.load(thread_id), BudgetExtended(steps=1))
            hold.go.set()
            await engine.wait(thread_id, 5)
    told = ["launched", "started", "budget_extended", "resolved", "started", "resolved", "finished"]
    assert (kinds(engine, thread_id), lab.numbers()) == (told, {"a": "2"})


@pytest.mark.requirement("R6")
async def test_a_decision_that_meets_a_signal_is_made_again(lab: Lab) -> None:
    other, signalled = lab.store(), list[str]()

    def signal_first(where: str) -> None:
        if where == "before append" and not signalled:
            signalled.append(where)
            other.signal(other.load(lab.woken[0]), BudgetExtended(steps=1))

    engine = lab.engine(lab.wired(signal_first))
    done = await run(engine, lines("add a"))
    assert kinds(engine, done.id) == ["launched", "budget_extended", "started", "resolved", "finished"]


@pytest.mark.requirement("R6", "R17")
async def test_an_effect_is_not_begun_when_a_cancel_came_first(lab: Lab) -> None:
    other, signalled = lab.store(), list[str]()

    def cancel_first(where: str) -> None:
        if where == "before append" and not signalled:
            signalled.append(where)
            other.signal(other.load(lab.woken[0]), CancelRequested(channel="test"))

    engine = lab.engine(lab.wired(cancel_first))
    done = await run(engine, lines("add a"))
    assert kinds(engine, done.id) == ["launched", "cancel_requested", "cancelled"]
    assert lab.applied() == []


async def test_an_agent_that_gives_up_ends_failed_with_its_own_problem(lab: Lab) -> None:
    def gives_up(_: Errand, thread: Thread) -> Step:
        raise ProblemError("ambiguous", "There are two of them.", "Name one.")

    thread = await run(lab.engine(agents=[agent_of(gives_up)]), {})
    assert (thread.status, thread.outcome) == ("failed", "failed")
    assert thread.reason == Problem(kind="ambiguous", message="There are two of them.", hint="Name one.")
