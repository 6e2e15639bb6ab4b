"""The dispatcher: how many at once, and what doubled and late wakes do."""

from collections.abc import Callable
from dataclasses import dataclass, field

import anyio
import pytest

from agents.runtime.dispatcher import InProcessDispatcher
from tests.agents.runtime.lab import Hold, Lab, launch, served, watched
from tests.agents.runtime.toys import add, lines

pytestmark = pytest.mark.anyio


@dataclass
class Work:
    """Counts who runs, and holds everybody until let go."""

    go: anyio.Event = field(default_factory=anyio.Event)
    now: list[str] = field(default_factory=list[str])
    runs: list[str] = field(default_factory=list[str])
    most: int = 0

    async def advance(self, thread_id: str) -> None:
        self.now.append(thread_id)
        self.runs.append(thread_id)
        self.most = max(self.most, len(self.now))
        await self.go.wait()
        self.now.remove(thread_id)


async def _until(reached: Callable[[], bool]) -> None:
    with anyio.fail_after(5):
        while not reached():
            await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize("concurrency", [1, 3])
async def test_no_more_threads_run_at_once_than_allowed_and_all_get_their_turn(concurrency: int) -> None:
    dispatcher, work = InProcessDispatcher(concurrency), Work()
    async with anyio.create_task_group() as group:
        group.start_soon(dispatcher.run, work.advance)
        for n in range(7):
            dispatcher.wake(str(n))
        await _until(lambda: len(work.now) == concurrency)
        work.go.set()
        await _until(lambda: len(work.runs) == 7)
        group.cancel_scope.cancel()
    assert (work.most, sorted(work.runs)) == (concurrency, [str(n) for n in range(7)])


async def test_a_doubled_wake_of_a_queued_thread_is_one_run() -> None:
    dispatcher, work = InProcessDispatcher(1), Work()
    for thread_id in ("a", "b", "b", "a", "b"):
        dispatcher.wake(thread_id)
    async with anyio.create_task_group() as group:
        group.start_soon(dispatcher.run, work.advance)
        work.go.set()
        await _until(lambda: len(work.runs) == 2 and not work.now)
        group.cancel_scope.cancel()
    assert work.runs == ["a", "b"]


async def test_a_wake_of_a_running_thread_looks_at_it_once_more_when_it_rests() -> None:
    dispatcher, work = InProcessDispatcher(2), Work()
    async with anyio.create_task_group() as group:
        group.start_soon(dispatcher.run, work.advance)
        dispatcher.wake("a")
        await _until(lambda: work.now == ["a"])
        dispatcher.wake("a")
        dispatcher.wake("a")
        dispatcher.wake("b")
        await _until(lambda: sorted(work.now) == ["a", "b"])
        work.go.set()
        await _until(lambda: len(work.runs) == 3 and not work.now)
        group.cancel_scope.cancel()
    assert (work.most, sorted(work.runs)) == (2, ["a", "a", "b"])


async def test_a_thread_that_waits_holds_no_place_in_the_queue(lab: Lab) -> None:
    async with served(lab, concurrency=1) as engine:
        waiting = [await launch(engine, lines("ask")) for _ in range(5)]
        with anyio.fail_after(5):
            assert {(await engine.wait(thread_id, 5)).status for thread_id in waiting} == {"waiting"}
            assert (await engine.wait(await launch(engine, lines("add a")), 5)).status == "completed"


async def test_a_hanging_thread_does_not_hold_up_the_others(lab: Lab) -> None:
    hold = Hold("before apply add")
    async with served(lab, concurrency=2, tools=[watched(add, hold)]) as engine:
        with anyio.fail_after(5):
            hanging = await launch(engine, lines("add a"))
            await hold.reached.wait()
            assert (await engine.wait(await launch(engine, lines("ask")), 5)).status == "waiting"
            hold.go.set()
            assert (await engine.wait(hanging, 5)).status == "completed"
