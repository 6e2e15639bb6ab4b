"""Launching and waiting: what is refused, what is the same thread again, and when a waiting call returns."""

from typing import Any

import anyio
import pytest

from agents.runtime.bells import Bells
from agents.runtime.driver import drive
from agents.runtime.engine import Launch
from state.events import RepositoryRef
from state.problem import ProblemError
from state.store import Held
from state.thread import Thread
from tests.agents.runtime.lab import DEAD, Hold, Lab, launch, run, served, watched
from tests.agents.runtime.toys import add, lines

pytestmark = pytest.mark.anyio


def _wish(task: dict[str, Any], **more: Any) -> Launch:
    return Launch("errand", task, "s", **more)


async def test_a_launch_returns_the_running_thread_and_wakes_its_driver(lab: Lab) -> None:
    thread = await lab.engine().launch(_wish(lines("add a 2")))
    assert (thread.status, thread.version, lab.woken) == ("running", 1, [thread.id])
    assert len(thread.id) == 32


async def test_two_launches_without_a_key_open_two_threads(lab: Lab) -> None:
    engine = lab.engine()
    assert await launch(engine, lines("add a")) != await launch(engine, lines("add a"))


async def test_an_unknown_agent_is_not_found_and_the_known_ones_are_named(lab: Lab) -> None:
    with pytest.raises(ProblemError, match="no agent 'erand'") as refused:
        await lab.engine().launch(Launch("erand", {}, "s"))
    assert (refused.value.problem.kind, refused.value.problem.hint) == ("not_found", "There are: errand.")


@pytest.mark.parametrize(
    ("task", "complaint"),
    [
        ({"lines": [{"do": "dance"}]}, "lines.0.do"),
        ({"lines": 7}, "lines"),
        ({"lines": [{"do": "peek", "name": "\ud800"}]}, "not valid Unicode"),
    ],
)
@pytest.mark.requirement("F4")
async def test_a_task_of_another_shape_is_bad_input_and_opens_no_thread(
    lab: Lab, task: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ProblemError, match=complaint) as refused:
        await lab.engine().launch(_wish(task))
    assert refused.value.problem.kind == "bad_input"
    assert lab.databases[0].rows("select * from threads") == []


@pytest.mark.requirement("F6")
async def test_the_same_idempotency_key_and_task_find_the_first_thread_again(lab: Lab) -> None:
    first = await lab.engine().launch(_wish(lines("add a"), idempotency_key="k"))
    again = await lab.engine().launch(_wish(lines("add a"), idempotency_key="k"))
    assert (again.id, lab.woken) == (first.id, [first.id])


async def test_the_same_idempotency_key_with_another_task_is_a_conflict(lab: Lab) -> None:
    engine = lab.engine()
    first = await engine.launch(_wish(lines("add a"), idempotency_key="k"))
    with pytest.raises(ProblemError, match=first.id) as refused:
        await engine.launch(_wish(lines("add b"), idempotency_key="k"))
    assert refused.value.problem.kind == "conflict"


async def test_the_same_idempotency_key_of_another_principal_or_session_is_another_thread(lab: Lab) -> None:
    engine = lab.engine()
    wishes = [
        _wish(lines("add a"), idempotency_key="k"),
        _wish(lines("add a"), idempotency_key="k", principal="eve"),
        Launch("errand", lines("add a"), "t", idempotency_key="k"),
    ]
    assert len({(await engine.launch(wish)).id for wish in wishes}) == 3


@pytest.mark.requirement("R20")
async def test_a_second_writer_of_one_work_tree_is_busy_until_the_first_ends(lab: Lab) -> None:
    engine, ref = lab.engine(), RepositoryRef(name="world", root="/w", mode="write", key="/w/.git")
    first = await launch(engine, lines("ask", "add a"), workspace=(ref,))
    await drive(engine, first)
    with pytest.raises(ProblemError, match=first) as refused:
        await launch(engine, lines("add a"), workspace=(ref,))
    assert refused.value.problem.kind == "busy"
    reader = ref.model_copy(update={"mode": "read"})
    await launch(engine, lines("peek a"), workspace=(reader,))
    await engine.cancel(first, channel="test")
    assert await launch(engine, lines("add a"), workspace=(ref,)) != first


async def test_waiting_returns_at_once_when_the_thread_rests(lab: Lab) -> None:
    engine = lab.engine()
    thread = await run(engine, lines("ask"))
    with anyio.fail_after(1):
        assert (await engine.wait(thread.id, 60)).status == "waiting"


async def test_waiting_for_an_unknown_thread_is_not_found(lab: Lab) -> None:
    with pytest.raises(ProblemError, match="no thread 'nobody'"):
        await lab.engine().wait("nobody", 1)


async def test_waiting_ends_in_time_while_the_thread_goes_on(lab: Lab) -> None:
    hold = Hold("before apply add")
    async with served(lab, tools=[watched(add, hold)]) as engine:
        thread_id = await launch(engine, lines("add a"))
        with anyio.fail_after(5):
            await hold.reached.wait()
            assert (await engine.wait(thread_id, 0.05)).status == "running"
            hold.go.set()
            assert (await engine.wait(thread_id, 5)).status == "completed"


async def test_waiting_reports_each_change_it_sees(lab: Lab) -> None:
    hold, seen = Hold("before apply add"), list[Thread]()

    async def on_change(thread: Thread) -> None:
        seen.append(thread)
        hold.go.set()

    async with served(lab, tools=[watched(add, hold)]) as engine:
        with anyio.fail_after(5):
            done = await engine.wait(await launch(engine, lines("add a")), 5, on_change)
    assert seen[0].pending is not None
    assert seen[-1] == done


@pytest.mark.requirement("R6")
async def test_who_waits_takes_over_a_thread_whose_driver_died(lab: Lab) -> None:
    dead = lab.engine(lab.store(DEAD))
    thread_id = await launch(dead, lines("add a"))
    assert not isinstance(dead.store.claim(thread_id), Held)
    async with served(lab) as engine:
        with anyio.fail_after(5):
            assert (await engine.wait(thread_id, 5)).status == "completed"


@pytest.mark.requirement("R21")
@pytest.mark.parametrize("why", ["too long ago", "not its own"])
async def test_a_process_does_not_take_up_unasked_what_it_may_not_drive(lab: Lab, why: str) -> None:
    dead = lab.engine(lab.store(DEAD))
    thread_id = await launch(dead, lines("add a"))
    dead.store.claim(thread_id)
    if why == "too long ago":
        lab.clock.forward(901)

    def may_drive(_: Thread) -> bool:
        return why != "not its own"

    async with served(lab, may_drive=may_drive) as engine:
        assert (await engine.wait(thread_id, 0.3)).status == "running"
        assert lab.applied() == []
        await engine.resume(thread_id)
        with anyio.fail_after(5):
            assert (await engine.wait(thread_id, 5)).status == "completed"


@pytest.mark.requirement("R21")
async def test_an_interrupted_thread_of_a_moment_ago_is_taken_up_unasked(lab: Lab) -> None:
    dead = lab.engine(lab.store(DEAD))
    thread_id = await launch(dead, lines("add a"))
    dead.store.claim(thread_id)
    lab.clock.forward(899)
    async with served(lab) as engine:
        with anyio.fail_after(5):
            assert (await engine.wait(thread_id, 5)).status == "completed"


async def test_a_process_that_closes_lets_every_waiting_call_answer(lab: Lab) -> None:
    engine = lab.engine()
    thread_id = await launch(engine, lines("add a"))
    async with anyio.create_task_group() as group:
        with anyio.fail_after(2):
            group.start_soon(engine.wait, thread_id, 60)
            await anyio.lowlevel.checkpoint()
            engine.bells.close()
            assert (await engine.wait(thread_id, 60)).status == "running"


async def test_a_rung_bell_wakes_once_and_is_replaced_by_a_new_one() -> None:
    bells = Bells()
    with bells.listen("t") as bell:
        first = bell.rung
        bells.ring("t")
        assert first.is_set()
        assert not bell.rung.is_set()


async def test_who_listens_sees_what_the_driver_has_folded_and_never_less_than_it_knew() -> None:
    bells, known = Bells(), Thread(id="t", version=2)
    with bells.listen("t") as bell, bells.listen("t") as other:
        assert other is bell
        bells.show(further := Thread(id="t", version=3))
        assert bell.newest(known) is further
        bells.show(known)
        assert bell.newest(further) is further
    bells.show(further)
    with bells.listen("t") as bell:
        assert bell.newest(known) is known, "what nobody listened to is not kept"
