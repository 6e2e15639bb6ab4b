"""Who comes second: to an answer, a resume, a lease, a world that has changed, a store that somebody else writes to."""

import anyio
import pytest

from agents.runtime.driver import drive
from agents.runtime.patience import patiently
from agents.runtime.questions import fingerprint
from state.events import Answered, BudgetExtended, Settled
from state.problem import ProblemError
from state.sqlite import Locked
from state.store import Held, Lease
from tests.agents.runtime.lab import DEAD, Hold, Lab, drive_on, events, kinds, launch, run, served, watched
from tests.agents.runtime.power import cut_at, outage
from tests.agents.runtime.toys import add, lines

pytestmark = pytest.mark.anyio


@pytest.mark.requirement("R5", "F9")
async def test_a_write_whose_world_changed_after_its_plan_fails_and_is_planned_anew(lab: Lab) -> None:
    async def meddle(where: str) -> None:
        if where == "before apply add" and not (lab.world / "a").exists():
            (lab.world / "a").write_text("5")

    engine = lab.engine(tools=[watched(add, meddle)])
    thread = await run(engine, lines("add a 2"))
    assert (thread.status, lab.numbers()) == ("completed", {"a": "7"})
    assert kinds(engine, thread.id) == ["launched", "started", "failed", "started", "resolved", "finished"]


async def test_an_answer_that_loses_a_race_is_read_against_what_is_asked_now(lab: Lab) -> None:
    thread = await run(lab.engine(), lines("ask", "ask"))
    other, raced = lab.store(), list[str]()

    def answer_first(where: str) -> None:
        if where == "before signal" and not raced:
            raced.append(where)
            other.signal(thread, Answered(key="0:ask", answer="blue", channel="test"))

    late = lab.engine(lab.wired(answer_first))
    with pytest.raises(ProblemError, match="waits for no answer"):
        await late.answer(thread.id, "0:ask", "red", channel="test", person=True)
    assert (await drive_on(late, thread.id)).results["0:ask"] == "blue"


async def test_an_answer_to_a_question_as_it_was_counts_only_while_it_is_asked(lab: Lab) -> None:
    engine = lab.engine()
    thread = await run(engine, lines("ask", "ask person"))
    assert thread.question is not None
    shown = fingerprint(thread.question)
    with pytest.raises(ProblemError, match="asks something else by now"):
        await engine.answer(thread.id, "0:ask", "red", channel="test", person=True, shown="of another form")
    await engine.answer(thread.id, "0:ask", "red", channel="test", person=True, shown=shown)
    assert engine.store.load(thread.id).results["0:ask"] == "red"


async def test_a_resume_that_loses_a_race_is_tried_again(lab: Lab) -> None:
    engine = lab.engine()
    thread_id = await launch(engine, lines("peek a"))
    other, raced = lab.store(), list[str]()

    def extend_first(where: str) -> None:
        if where == "before signal" and not raced:
            raced.append(where)
            other.signal(other.load(thread_id), BudgetExtended(steps=1))

    await lab.engine(lab.wired(extend_first)).resume(thread_id)
    assert kinds(engine, thread_id) == ["launched", "budget_extended", "resumed"]


@pytest.mark.requirement("R6")
async def test_a_driver_that_fails_after_it_was_replaced_says_nothing_about_the_thread(lab: Lab) -> None:
    hold, other = Hold("before look add"), lab.store()

    async def replaced(where: str) -> None:
        if where == hold.at:
            assert isinstance(other.claim(thread_id), Held)
            lab.clock.forward(60)
            assert isinstance(other.claim(thread_id), Lease)
            raise RuntimeError("the tool is broken")

    engine = lab.engine(tools=[watched(add, replaced)])
    thread_id = await launch(engine, lines("add a"))
    await drive(engine, thread_id)
    assert kinds(engine, thread_id) == ["launched"]
    assert engine.store.driven(thread_id)


@pytest.mark.requirement("R5", "R17")
async def test_a_cancel_while_a_cut_off_effect_is_settled_waits_for_the_verdict(lab: Lab) -> None:
    dead = lab.engine(lab.store(DEAD), tools=[watched(add, cut_at("after apply add"))])
    thread_id = await launch(dead, lines("add a", "add a"))
    with outage():
        await drive(dead, thread_id)
    hold = Hold("before probe add")
    async with served(lab, tools=[watched(add, hold)]) as engine:
        with anyio.fail_after(5):
            engine.wake(thread_id)
            await hold.reached.wait()
            await engine.cancel(thread_id, channel="test")
            before = lab.databases[0].row("select lease_beat from threads")
            while lab.databases[0].row("select lease_beat from threads") == before:
                await anyio.lowlevel.checkpoint()  # until the driver has looked for signals
            hold.go.set()
            assert (await engine.wait(thread_id, 5)).status == "cancelled"
    assert [event.verdict for event in events(engine, thread_id) if isinstance(event, Settled)] == ["happened"]
    assert lab.numbers() == {"a": "1"}


@pytest.mark.requirement("R15")
async def test_a_store_that_stays_locked_is_waited_for_and_then_reported(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.runtime.patience.PATIENCE_S", 0.05)
    store, other = lab.store(), lab.store().database
    with other.transaction(), pytest.raises(Locked):
        await patiently(store.put, b"content")
    assert await patiently(store.put, b"content")
