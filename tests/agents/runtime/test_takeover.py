"""Drivers that die, sleep, fail, or come too late: what they leave, and who takes it up (R6)."""

import anyio
import pytest

from agents.runtime.driver import drive
from state.events import BudgetExtended, Cancelled, CancelRequested, Interrupted
from state.problem import Problem, ProblemError
from state.sqlite import StoreError
from state.steps import Step
from state.store import Held, Owner
from state.thread import Thread
from tests.agents.runtime.lab import DEAD, Hold, Lab, drive_on, events, kinds, launch, run, served, watched
from tests.agents.runtime.power import cut_at, outage
from tests.agents.runtime.toys import TOOLS, Errand, add, agent_of, call, decided, lines
from tools.base import ToolError, Workspace

pytestmark = pytest.mark.anyio


@pytest.mark.requirement("R6")
async def test_a_driver_begins_nothing_once_another_has_the_lease_though_the_log_stands_still(lab: Lab) -> None:
    hold = Hold("after look add")
    late = lab.engine(lab.store(DEAD), tools=[watched(add, hold)])
    thread_id = await launch(late, lines("add a"))
    async with anyio.create_task_group() as group:
        group.start_soon(drive, late, thread_id)
        with anyio.fail_after(5):
            await hold.reached.wait()
            assert not isinstance(lab.store().claim(thread_id), Held)
            hold.go.set()
    assert (kinds(late, thread_id), lab.applied()) == (["launched"], [])


@pytest.mark.requirement("R6")
@pytest.mark.parametrize(
    "at", ["before look add", "after look add", "before apply add", "after apply add", "before probe add"]
)
async def test_a_driver_that_was_taken_over_in_its_sleep_changes_nothing_when_it_wakes(
    lab: Lab, at: str, caplog: pytest.LogCaptureFixture
) -> None:
    hold = Hold(at)
    late = lab.engine(lab.store(DEAD), tools=[watched(add, hold)])
    thread_id = await launch(late, lines("add a", "add a"))
    if at == "before probe add":
        with outage():
            await drive(lab.engine(lab.store(DEAD), tools=[watched(add, cut_at("before apply add"))]), thread_id)
    async with anyio.create_task_group() as group:
        group.start_soon(drive, late, thread_id)
        with anyio.fail_after(5):
            await hold.reached.wait()
            await drive(lab.engine(), thread_id)
            assert lab.numbers() == {"a": "2"}
            hold.go.set()
    thread = late.store.load(thread_id)
    assert (thread.status, kinds(late, thread_id)[-1]) == ("completed", "finished")
    assert (lab.numbers(), len(lab.applied())) == ({"a": "2"}, 2)
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.requirement("R6", "R8")
@pytest.mark.parametrize("ended", [False, True])
async def test_a_driver_that_wakes_before_its_change_leaves_it_to_whoever_took_over_or_cancelled(
    lab: Lab, ended: bool
) -> None:
    """The world still is as planned, so that no comparison of content would keep the late one from its change."""
    hold = Hold("before apply add")
    late = lab.engine(lab.store(DEAD), tools=[watched(add, hold)])
    thread_id = await launch(late, lines("add a 100"))
    await drive(late, thread_id)
    await late.answer(thread_id, "approve:0:add", "approve", channel="test", person=True)
    async with anyio.create_task_group() as group:
        group.start_soon(drive, late, thread_id)
        with anyio.fail_after(5):
            await hold.reached.wait()
            if ended:
                await lab.engine().cancel(thread_id, channel="test")
            else:
                await drive(lab.engine(), thread_id)
            hold.go.set()
    thread = late.store.load(thread_id)
    assert (thread.status, thread.pending) == ("cancelled" if ended else "waiting", None)
    assert (lab.applied(), lab.numbers()) == ([], {})


@pytest.mark.requirement("R6")
async def test_a_driver_that_was_taken_over_stops_by_itself_at_its_next_sign_of_life(lab: Lab) -> None:
    hold = Hold("before apply add")
    late = lab.engine(lab.store(DEAD), tools=[watched(add, hold)])
    thread_id = await launch(late, lines("add a"))
    with anyio.fail_after(3):
        async with anyio.create_task_group() as group:
            group.start_soon(drive, late, thread_id)
            await hold.reached.wait()
            await drive(lab.engine(), thread_id)
    assert len(lab.applied()) == 1


@pytest.mark.requirement("R6")
async def test_a_lease_of_another_host_is_respected_until_it_stood_still_for_its_lifetime(lab: Lab) -> None:
    far = lab.engine(lab.store(Owner("elsewhere", 1, 1.0)))
    thread_id = await launch(far, lines("add a"))
    far.store.claim(thread_id)
    engine = lab.engine()
    assert (await drive_on(engine, thread_id)).status == "running"
    lab.clock.forward(29)
    assert (await drive_on(engine, thread_id)).status == "running"
    lab.clock.forward(2)
    assert (await drive_on(engine, thread_id)).status == "completed"


@pytest.mark.requirement("R6")
async def test_two_processes_that_race_for_the_same_threads_do_every_write_once(lab: Lab) -> None:
    async with served(lab) as one, served(lab) as two:
        found = [await launch(one, lines(f"add n{n}", f"peek n{n}", f"add n{n}")) for n in range(12)]
        for thread_id in found:
            two.wake(thread_id)
        with anyio.fail_after(20):
            ended = [(await two.wait(thread_id, 20)).status for thread_id in found]
    assert set(ended) == {"completed"}
    assert lab.numbers() == {f"n{n}": "2" for n in range(12)}
    assert len(lab.applied()) == len(set(lab.applied())) == 24


@pytest.mark.requirement("R6")
async def test_a_drive_of_a_thread_that_is_being_driven_returns_at_once(lab: Lab) -> None:
    engine = lab.engine()
    thread_id = await launch(engine, lines("add a"))
    assert not isinstance(lab.store().claim(thread_id), Held)
    assert (await drive_on(engine, thread_id)).version == 1


@pytest.mark.requirement("R6", "F9")
async def test_a_driver_that_fails_says_so_lets_go_and_is_not_tried_again_unasked(lab: Lab) -> None:
    def broken(_: Errand, thread: Thread) -> Step:
        raise ValueError("no idea")

    async with served(lab, agents=[agent_of(broken)]) as engine:
        thread_id = await launch(engine, {})
        with anyio.fail_after(5):
            thread = await engine.wait(thread_id, 5)
    assert thread.trouble == Problem(
        kind="internal", message="The driver failed: ValueError: no idea", hint="`thread_resume` tries again."
    )
    assert (thread.status, kinds(engine, thread_id)) == ("running", ["launched", "interrupted"])
    assert not engine.store.driven(thread_id)
    assert engine.store.due(0) == []


@pytest.mark.requirement("R6", "F6")
async def test_an_interrupted_thread_goes_on_when_it_is_resumed_with_its_cause_mended(lab: Lab) -> None:
    def broken(_: Errand, thread: Thread) -> Step:
        raise ValueError("no idea")

    thread = await run(lab.engine(agents=[agent_of(broken)]), lines("add a"))
    engine = lab.engine()
    await engine.resume(thread.id)
    assert lab.woken == [thread.id, thread.id]
    done = await drive_on(engine, thread.id)
    assert (done.status, done.trouble) == ("completed", None)


async def test_a_trouble_that_says_what_to_do_keeps_its_own_words(lab: Lab) -> None:
    async def gone(_: Thread) -> Workspace:
        raise ToolError("not_found", "The repository 'shop' is gone.", "Bring it back, then `thread_resume`.")

    thread = await run(lab.engine(open_workspace=gone), lines("add a"))
    assert thread.trouble is not None
    assert (thread.trouble.kind, thread.trouble.message) == ("not_found", "The repository 'shop' is gone.")


async def test_a_late_wake_of_a_resting_thread_opens_nothing_and_changes_nothing(lab: Lab) -> None:
    async def gone(_: Thread) -> Workspace:
        raise ToolError("not_found", "The repository 'shop' is gone.", "Bring it back.")

    engine = lab.engine()
    for thread in [await run(engine, lines("ask")), await run(engine, lines("add a"))]:
        assert await drive_on(lab.engine(open_workspace=gone), thread.id) == thread


@pytest.mark.parametrize("lasting", [False, True])
async def test_a_store_that_fails_under_a_driver_does_not_take_the_process_down(lab: Lab, lasting: bool) -> None:
    failed: list[str] = []

    def full(where: str) -> None:
        if where == "before append" and (lasting or not failed):
            failed.append(where)
            raise StoreError(lab.root / "state.db", "has no room on its disk", "Free space.")

    engine = lab.engine(lab.wired(full, DEAD))
    thread = await run(engine, lines("add a"))
    assert (thread.trouble is None) is lasting
    if thread.trouble:
        assert thread.trouble.kind == "store"
    assert (await drive_on(lab.engine(), thread.id)).status == "completed"


async def test_a_store_that_cannot_be_asked_leaves_the_thread_for_later(lab: Lab) -> None:
    def locked(where: str) -> None:
        if where == "before claim":
            raise StoreError(lab.root / "state.db", "cannot be written", "Check the rights.")

    thread = await run(lab.engine(lab.wired(locked)), lines("add a"))
    assert (thread.version, thread.trouble) == (1, None)
    await drive(lab.engine(), "no such thread")


@pytest.mark.requirement("R6")
@pytest.mark.parametrize("signalled", [False, True])
async def test_a_process_that_is_shut_down_lets_go_of_its_lease_at_once(lab: Lab, signalled: bool) -> None:
    hold, other = Hold("before apply add"), lab.store()
    async with served(lab, tools=[watched(add, hold)]) as engine:
        thread_id = await launch(engine, lines("add a"))
        with anyio.fail_after(5):
            await hold.reached.wait()
        if signalled:
            other.signal(other.load(thread_id), BudgetExtended(steps=1))
    assert not other.driven(thread_id)
    assert lab.databases[0].rows("select lease_owner from threads") == [(None,)]
    assert not any(isinstance(event, Interrupted) for event in events(engine, thread_id))
    assert (await drive_on(lab.engine(), thread_id)).status == "completed"
    assert len(lab.applied()) == 1


@pytest.mark.requirement("F6")
async def test_resuming_an_ended_or_waiting_thread_returns_it_as_it_is(lab: Lab) -> None:
    engine = lab.engine()
    for task in (lines("add a"), lines("ask")):
        thread = await run(engine, task)
        lab.woken.clear()
        assert (await engine.resume(thread.id), lab.woken) == (thread, [])


@pytest.mark.requirement("F6")
async def test_resuming_a_thread_that_is_being_driven_is_busy(lab: Lab) -> None:
    engine = lab.engine()
    thread_id = await launch(engine, lines("add a"))
    lab.store().claim(thread_id)
    with pytest.raises(ProblemError) as refused:
        await engine.resume(thread_id)
    assert (refused.value.problem.kind, refused.value.problem.hint) == ("busy", "`thread_wait` follows it.")


async def test_a_thread_of_an_agent_this_process_does_not_have_says_so(lab: Lab) -> None:
    thread_id = await launch(lab.engine(), lines("add a"))
    thread = await drive_on(lab.engine(agents=[agent_of(decided(call("x")), "other")], tools=TOOLS), thread_id)
    assert thread.trouble is not None
    assert thread.trouble.kind == "not_found"


@pytest.mark.requirement("R6")
async def test_a_process_that_is_shut_down_after_it_was_taken_over_touches_nothing(lab: Lab) -> None:
    hold = Hold("before apply add")
    late = lab.engine(lab.store(DEAD), tools=[watched(add, hold)])
    thread_id = await launch(late, lines("add a", "ask"))
    async with anyio.create_task_group() as group:
        group.start_soon(drive, late, thread_id)
        with anyio.fail_after(5):
            await hold.reached.wait()
        await drive(lab.engine(), thread_id)
        group.cancel_scope.cancel()
    thread = late.store.load(thread_id)
    assert (thread.status, kinds(late, thread_id)[-1], len(lab.applied())) == ("waiting", "asked", 1)


async def test_a_thread_that_came_to_rest_before_the_claim_is_let_go_at_once(lab: Lab) -> None:
    engine, came = lab.engine(), list[str]()
    thread_id = await launch(engine, lines("ask"))

    def cancelled_meanwhile(where: str) -> None:
        if where == "before claim" and not came:
            came.append(where)
            engine.store.signal(engine.store.load(thread_id), CancelRequested(channel="test"), Cancelled())

    await drive(lab.engine(lab.wired(cancelled_meanwhile)), thread_id)
    assert (kinds(engine, thread_id)[-1], engine.store.driven(thread_id)) == ("cancelled", False)


async def test_a_store_that_another_process_is_writing_to_is_waited_for(lab: Lab) -> None:
    """Longer than one statement waits, without holding up the event loop."""
    engine, other = lab.engine(), lab.store()
    thread_id = await launch(engine, lines("add a"))
    async with anyio.create_task_group() as group:
        with other.database.transaction():
            group.start_soon(drive, engine, thread_id)
            with anyio.move_on_after(0.1):
                await anyio.sleep_forever()
            assert kinds(engine, thread_id) == ["launched"]
    assert engine.store.load(thread_id).status == "completed"
