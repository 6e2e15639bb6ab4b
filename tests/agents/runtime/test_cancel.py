"""Cancelling: from here, from another process, in the middle of an effect; and what the log then says about it."""

import anyio
import pytest

from agents.runtime.driver import drive
from state.events import Answered, Cancelled, CancelRequested, Event, Settled
from state.steps import Step
from state.thread import Thread
from tests.agents.runtime.lab import DEAD, Hold, Lab, events, kinds, launch, run, served, watched
from tests.agents.runtime.power import cut_at, outage
from tests.agents.runtime.toys import Errand, add, agent_of, lines, peek, send
from tools.workspace import Workspace

pytestmark = pytest.mark.anyio


def _settled(found: list[Event]) -> list[str]:
    return [event.verdict for event in found if isinstance(event, Settled)]


@pytest.mark.requirement("R17", "F6")
@pytest.mark.parametrize("where", ["here", "in another process"])
@pytest.mark.parametrize(
    ("at", "verdict", "world"), [("before apply add", "again", {}), ("after apply add", "happened", {"a": "1"})]
)
async def test_a_cancel_stops_an_effect_within_two_seconds_and_settles_it(
    lab: Lab, where: str, at: str, verdict: str, world: dict[str, str]
) -> None:
    hold = Hold(at)
    async with served(lab, tools=[watched(add, hold)]) as engine:
        thread_id = await launch(engine, lines("add a", "add a"))
        with anyio.fail_after(5):
            await hold.reached.wait()
        caller = engine if where == "here" else lab.engine()
        with anyio.fail_after(2):
            assert not (await caller.cancel(thread_id, channel="test", reason="enough")).ended
            assert (await caller.wait(thread_id, 10)).status == "cancelled"
    assert _settled(events(engine, thread_id)) == [verdict]
    assert kinds(engine, thread_id) == ["launched", "started", "cancel_requested", "settled", "cancelled"]
    assert lab.numbers() == world


@pytest.mark.requirement("R17")
async def test_a_cancel_stops_a_read_that_hangs_within_two_seconds(lab: Lab) -> None:
    hold = Hold("before look peek")
    async with served(lab, tools=[watched(peek, hold)]) as engine:
        thread_id = await launch(engine, lines("peek a"))
        with anyio.fail_after(2):
            await hold.reached.wait()
            await engine.cancel(thread_id, channel="test")
            await engine.wait(thread_id, 10)
    assert kinds(engine, thread_id) == ["launched", "cancel_requested", "cancelled"]


@pytest.mark.requirement("R6", "R17")
async def test_a_cancel_reaches_a_thread_whose_repositories_are_still_being_opened(lab: Lab) -> None:
    reached = anyio.Event()

    async def endless(_: Thread) -> Workspace:
        reached.set()
        await anyio.sleep_forever()
        raise AssertionError

    async with served(lab, open_workspace=endless) as engine:
        thread_id = await launch(engine, lines("add a"))
        with anyio.fail_after(2):
            await reached.wait()
            await engine.cancel(thread_id, channel="test")
            assert (await engine.wait(thread_id, 10)).status == "cancelled"
    assert kinds(engine, thread_id) == ["launched", "cancel_requested", "cancelled"]


@pytest.mark.requirement("R5", "R17")
async def test_a_cancel_while_the_repositories_of_a_cut_off_effect_are_opened_still_settles_it(lab: Lab) -> None:
    first = lab.engine(lab.store(DEAD), tools=[watched(add, cut_at("before apply add"))])
    thread_id = await launch(first, lines("add a"))
    with outage():
        await drive(first, thread_id)
    opening = anyio.Event()

    async def slow_once(thread: Thread) -> Workspace:
        if not opening.is_set():
            opening.set()
            await anyio.sleep_forever()
        return await first.open_workspace(thread)

    async with served(lab, open_workspace=slow_once) as engine:
        engine.wake(thread_id)
        with anyio.fail_after(5):
            await opening.wait()
            await engine.cancel(thread_id, channel="test")
            assert (await engine.wait(thread_id, 10)).status == "cancelled"
    assert _settled(events(engine, thread_id)) == ["again"]


@pytest.mark.requirement("R6")
async def test_an_effect_that_ends_just_before_the_cancel_is_seen_keeps_its_outcome(lab: Lab) -> None:
    hold = Hold("before apply add")
    async with served(lab, tools=[watched(add, hold)]) as engine:
        thread_id = await launch(engine, lines("add a", "add a"))
        with anyio.fail_after(5):
            await hold.reached.wait()
            await engine.cancel(thread_id, channel="test")
            hold.go.set()
            thread = await engine.wait(thread_id, 5)
    assert kinds(engine, thread_id) == ["launched", "started", "cancel_requested", "resolved", "cancelled"]
    assert (thread.results["0:add"], lab.numbers()) == (1, {"a": "1"})


@pytest.mark.requirement("R5")
async def test_a_danger_effect_in_flight_ends_cancelled_with_a_note_that_nobody_knows(lab: Lab) -> None:
    hold = Hold("after apply send")
    async with served(lab, tools=[watched(send, hold)]) as engine:
        thread_id = await launch(engine, lines("send box"))
        with anyio.fail_after(5):
            await engine.wait(thread_id, 5)
            await engine.answer(thread_id, "approve:0:send", "approve", channel="test", person=True)
            await hold.reached.wait()
            await engine.cancel(thread_id, channel="test")
            assert (await engine.wait(thread_id, 5)).status == "cancelled"
    last = events(engine, thread_id)[-1]
    assert isinstance(last, Cancelled)
    assert "nothing tells whether it happened" in last.note


async def test_a_waiting_thread_is_cancelled_at_once_and_takes_no_answer_any_more(lab: Lab) -> None:
    engine = lab.engine()
    thread = await run(engine, lines("ask"))
    cancelled = await engine.cancel(thread.id, channel="test")
    assert (cancelled.status, cancelled.asked) == ("cancelled", None)
    assert engine.store.load(thread.id) == cancelled


async def test_a_thread_that_nobody_drives_is_cancelled_at_once_without_a_driver(lab: Lab) -> None:
    engine = lab.engine()
    thread_id = await launch(engine, lines("add a"))
    assert (await engine.cancel(thread_id, channel="test")).status == "cancelled"
    await drive(engine, thread_id)
    assert (kinds(engine, thread_id), lab.applied()) == (["launched", "cancel_requested", "cancelled"], [])


async def test_a_cut_off_effect_of_a_dead_driver_is_named_when_its_thread_is_cancelled(lab: Lab) -> None:
    engine, thread_id = lab.engine(), await launch(lab.engine(), lines("add a"))
    with outage():
        await drive(lab.engine(lab.store(DEAD), tools=[watched(add, cut_at("after apply add"))]), thread_id)
    assert (await engine.cancel(thread_id, channel="test")).status == "cancelled"
    last = events(engine, thread_id)[-1]
    assert isinstance(last, Cancelled)
    assert "'0:add'" in last.note


@pytest.mark.parametrize("rounds", [1, 2])
async def test_cancelling_an_ended_thread_changes_nothing_at_all(lab: Lab, rounds: int) -> None:
    engine = lab.engine()
    done = await run(engine, lines("add a"))
    for _ in range(rounds):
        assert await engine.cancel(done.id, channel="test") == done


async def test_a_second_cancel_ends_what_the_first_ones_driver_left(lab: Lab) -> None:
    """The first found a driver, which died before it saw the request."""
    dead = lab.engine(lab.store(DEAD))
    thread_id = await launch(dead, lines("add a"))
    dead.store.signal(dead.store.load(thread_id), CancelRequested(channel="test"))
    assert (await lab.engine().cancel(thread_id, channel="test")).status == "cancelled"
    assert kinds(dead, thread_id) == ["launched", "cancel_requested", "cancelled"]


async def test_a_cancel_that_loses_a_race_against_the_driver_is_tried_again(lab: Lab) -> None:
    engine, other = lab.engine(), lab.engine()
    thread = await run(engine, lines("ask", "ask"))
    raced: list[str] = []

    def answer_first(where: str) -> None:
        if where == "before signal" and not raced:
            raced.append(where)
            other.store.signal(thread, Answered(key="0:ask", answer="blue", channel="test"))

    cancelled = await lab.engine(lab.wired(answer_first)).cancel(thread.id, channel="test")
    assert (cancelled.status, cancelled.results["0:ask"]) == ("cancelled", "blue")


async def test_a_thread_whose_agent_is_broken_can_still_be_cancelled_in_flight(lab: Lab) -> None:
    def broken(_: Errand, thread: Thread) -> Step:
        if thread.pending:
            raise ValueError("broken")
        return add.keyed("0:add", "a", 1)

    hold = Hold("before apply add")
    async with served(lab, agents=[agent_of(broken)], tools=[watched(add, hold)]) as engine:
        thread_id = await launch(engine, {})
        with anyio.fail_after(3):
            await hold.reached.wait()
            await engine.cancel(thread_id, channel="test")
            assert (await engine.wait(thread_id, 5)).status == "cancelled"


async def test_what_comes_back_after_a_thread_was_ended_by_another_is_dropped_quietly(lab: Lab) -> None:
    """Its lease ran out while it slept, so the cancel did not wait for it; nobody else has driven since."""
    hold = Hold("after look peek")
    (lab.root / "world").mkdir(exist_ok=True)
    (lab.root / "world" / "a").write_text("1")
    async with served(lab, tools=[watched(peek, hold)]) as engine:
        thread_id = await launch(engine, lines("peek a"))
        with anyio.fail_after(5):
            await hold.reached.wait()
            lab.clock.forward(31)
            assert (await lab.engine().cancel(thread_id, channel="test")).status == "cancelled"
            hold.go.set()
            await engine.wait(thread_id, 5)
    assert kinds(engine, thread_id) == ["launched", "cancel_requested", "cancelled"]
