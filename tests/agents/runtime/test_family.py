"""Children: started once, in their parent's transaction, and their ends wake it (R3, R6, R7, R16, R20, R21)."""

from typing import Any

import anyio
import pytest

from agents.runtime.driver import drive
from agents.runtime.engine import Engine, Launch
from agents.runtime.forking import fork
from agents.runtime.kin import asker, standing
from agents.runtime.rewinding import rewind
from agents.runtime.spawning import DEEPEST, MOST
from state.events import CancelRequested, CheckpointTaken, Rewound, Spawned
from state.kinship import LONGEST_OUTPUT, bounded
from state.log import SqliteStore
from state.problem import ProblemError
from state.spending import Budget
from state.store import Held, Search
from state.upkeep import drift, rebuild
from tests.agents.runtime.families import WORLD, drive_family, finish_family, kin, plan, related, start
from tests.agents.runtime.lab import DEAD, Hold, Lab, events, kinds, served, watched
from tests.agents.runtime.power import Fuse, PowerCut, outage
from tests.agents.runtime.toys import add

pytestmark = pytest.mark.anyio


def leases(engine: Engine) -> dict[str, str]:
    assert isinstance(engine.store, SqliteStore)
    query = "select key, public from repo_leases join threads on threads.id = thread"
    return dict(engine.store.database.rows(query))


def ends(engine: Engine, thread_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = engine.store.load(thread_id).output["ends"]
    return found


@pytest.mark.requirement("R1", "R6")
async def test_a_child_does_its_work_and_its_end_wakes_the_parent_with_what_it_came_to(lab: Lab) -> None:
    engine = related(lab)
    thread_id = await start(engine, plan(["add a 2"], ["add a 3"]))
    await drive(engine, thread_id)
    waiting = engine.store.load(thread_id)
    assert (waiting.status, waiting.waiting_on) == ("waiting", "children")
    thread = await drive_family(engine, thread_id)
    assert (thread.status, thread.outcome, lab.numbers()) == ("completed", "done", {"a": "5"})
    first, second = ends(engine, thread_id)
    assert (first["status"], first["outcome"], first["agent"]) == ("completed", "done", "errand")
    assert second["output"]["results"] == {"0:add": 5}
    assert kinds(engine, thread_id) == ["launched", *["spawned", "child_ended"] * 2, "finished"]
    parent, *children = kin(engine, thread_id)
    assert [(one.parent, one.depth, one.session) for one in children] == [(parent.id, 1, "s")] * 2


async def test_children_that_are_started_at_once_are_waited_for_all_together(lab: Lab) -> None:
    engine = related(lab)
    thread_id = await start(engine, plan(["add a"], ["add b"], ["add c"], at_once=True))
    await drive(engine, thread_id)
    _, first, second, third = kin(engine, thread_id)
    await drive(engine, third.id)
    await drive(engine, first.id)
    assert engine.store.load(thread_id).status == "waiting"
    await drive(engine, second.id)
    assert engine.store.load(thread_id).status == "running"
    await drive(engine, thread_id)
    assert [end["thread"] for end in ends(engine, thread_id)] == [first.id, second.id, third.id]


@pytest.mark.requirement("R7")
async def test_a_waiting_parent_holds_no_lease_and_no_slot(lab: Lab) -> None:
    async with served(lab, concurrency=1, agents=related(lab).agents.values()) as engine:
        thread_id = await start(engine, plan(["add a"], deeper=1))
        with anyio.fail_after(10):
            thread = await engine.wait(thread_id, 10)
    assert (thread.status, lab.numbers()) == ("completed", {"a": "1"})


@pytest.mark.requirement("R7")
async def test_nobody_holds_the_thread_while_its_children_work(lab: Lab) -> None:
    engine = related(lab)
    thread_id = await start(engine, plan(["add a"]))
    await drive(engine, thread_id)
    assert not engine.store.driven(thread_id)
    assert not isinstance(engine.store.claim(thread_id), Held)


@pytest.mark.requirement("R16")
async def test_a_question_of_a_grandchild_is_found_from_the_top_and_its_answer_lets_all_go_on(lab: Lab) -> None:
    engine = related(lab)
    thread_id = await start(engine, plan(["ask", "add a"], deeper=1))
    thread = await drive_family(engine, thread_id)
    asked = asker(engine.store, thread)
    assert asked is not None and asked.depth == 2
    assert standing(engine.store, thread, lambda _: True).status == "waiting"
    with anyio.fail_after(5):
        assert (await engine.wait(thread_id, 60)).waiting_on == "children"
    assert (await finish_family(lab, engine, thread_id)).outcome == "done"


@pytest.mark.requirement("R3", "R6")
@pytest.mark.parametrize("at_once", [False, True])
async def test_processes_that_die_at_every_point_start_each_child_once_and_leave_what_goes_on(
    lab: Lab, at_once: bool
) -> None:
    """The first process dies at the first point it comes to, the second, which finds what that left, at the second."""
    engine = related(lab)
    thread_id = await start(engine, plan(["add a", "add a"], ["add b"], at_once=at_once, deeper=1))
    places = set[str]()
    for points in range(60):
        fuse = Fuse(points)
        dying = related(lab, store=lab.wired(fuse.burn, DEAD), tools=[watched(add, fuse.point)])
        try:
            await drive_family(dying, thread_id)
        except* PowerCut:
            places.add(fuse.passed[-1])
        assert isinstance(engine.store, SqliteStore)
        assert drift(engine.store.database) == [], fuse.passed[-1]
    thread = await finish_family(lab, engine, thread_id)
    assert (thread.outcome, lab.numbers()) == ("done", {"a": "2", "b": "1"})
    assert len(kin(engine, thread_id)) == len(engine.store.list(Search(limit=-1))) == 4
    assert places >= {"before spawn", "after spawn", "before release", "after append", "after apply add"}


@pytest.mark.requirement("R6", "R21")
async def test_a_parent_whose_waker_died_is_due_like_any_interrupted_thread(lab: Lab) -> None:
    engine = related(lab)
    thread_id = await start(engine, plan(["add a"]))
    await drive(engine, thread_id)
    fuse = Fuse(at="before release")
    with outage():
        await drive(related(lab, store=lab.wired(fuse.burn, DEAD)), kin(engine, thread_id)[1].id)
    assert list(engine.store.due(0.0)) == [thread_id]


@pytest.mark.requirement("R20")
async def test_a_work_tree_is_handed_down_to_each_child_and_comes_back(lab: Lab) -> None:
    engine = related(lab)
    thread_id = await start(engine, plan(["add a"], ["add b"], agent="writer"), "writers", workspace=(WORLD,))
    assert leases(engine) == {WORLD.key: thread_id}
    for _ in range(2):
        await drive(engine, thread_id)
        child = kin(engine, thread_id)[-1]
        assert leases(engine) == {WORLD.key: child.id}
        with pytest.raises(ProblemError, match=child.id) as refusal:
            await engine.launch(Launch("writer", {}, "s", workspace=(WORLD,)))
        assert refusal.value.problem.kind == "busy"
        await drive(engine, child.id)
        assert leases(engine) == {WORLD.key: thread_id}
    await drive(engine, thread_id)
    assert leases(engine) == {}
    assert isinstance(engine.store, SqliteStore)
    assert drift(engine.store.database) == []


@pytest.mark.requirement("R1", "R20")
async def test_the_index_of_a_waiting_family_is_rebuilt_from_its_logs(lab: Lab) -> None:
    engine = related(lab)
    thread_id = await start(engine, plan(["ask"], agent="writer"), "writers", workspace=(WORLD,))
    await drive_family(engine, thread_id)
    assert isinstance(engine.store, SqliteStore)
    database = engine.store.database
    held = leases(engine)
    with database.transaction() as db:
        db.execute("delete from repo_leases")
        db.execute("update threads set status = 'running', waiting_on = null")
    assert len(rebuild(database)) == 2
    assert (drift(database), leases(engine)) == ([], held)


async def test_two_children_that_write_to_one_work_tree_are_not_started_at_once(lab: Lab) -> None:
    engine = related(lab)
    both = plan(["add a"], ["add b"], at_once=True, agent="writer")
    thread_id = await start(engine, both, "writers", workspace=(WORLD,))
    thread = await drive_family(engine, thread_id)
    assert (thread.outcome, len(kin(engine, thread_id))) == ("failed", 1)
    assert "one work tree" in ends(engine, thread_id)[0]["message"]


@pytest.mark.requirement("R21")
async def test_a_child_never_gets_more_rights_than_its_parent(lab: Lab) -> None:
    engine = related(lab)
    reading = WORLD.model_copy(update={"mode": "read"})
    thread_id = await start(engine, plan(["add a"], agent="writer"), workspace=(reading,))
    thread = await drive_family(engine, thread_id)
    assert (thread.outcome, lab.numbers()) == ("failed", {})
    assert ends(engine, thread_id)[0]["kind"] == "refused"
    other = await start(engine, plan(["peek a"]), "writers", workspace=(WORLD,))
    await drive_family(engine, other)
    assert [[ref.mode for ref in one.workspace] for one in kin(engine, other)] == [["write"], ["read"]]


@pytest.mark.parametrize(
    ("task", "says"),
    [
        (plan([], agent="nobody"), "There is no agent 'nobody'"),
        (plan([], deeper=DEEPEST), "is the most"),
        (plan(*[["peek a"]] * (MOST + 1), at_once=True), f"1 to {MOST}"),
    ],
)
async def test_what_cannot_be_started_is_told_to_the_agent(lab: Lab, task: dict[str, Any], says: str) -> None:
    engine = related(lab)
    thread_id = await start(engine, task)
    assert (await drive_family(engine, thread_id)).status == "failed"
    assert says in str(ends(engine, kin(engine, thread_id)[-1].id))


@pytest.mark.requirement("R17")
async def test_a_cancel_goes_down_to_the_last_grandchild_and_the_parent_ends_last(lab: Lab) -> None:
    engine = related(lab)
    thread_id = await start(engine, plan(["ask"], ["add a"], at_once=True, deeper=1))
    await drive_family(engine, thread_id)
    thread = await engine.cancel(thread_id, channel="test")
    assert thread.status == "cancelled"
    assert {one.status for one in kin(engine, thread_id)} == {"cancelled", "completed"}


@pytest.mark.requirement("R6", "R17")
async def test_a_cancel_stops_a_child_that_another_process_drives_and_settles_it_first(lab: Lab) -> None:
    hold = Hold("before look add")
    elsewhere = related(lab, tools=[watched(add, hold)])
    engine = related(lab)
    thread_id = await start(engine, plan(["add a"]))
    await drive(engine, thread_id)
    child = kin(engine, thread_id)[1]
    async with anyio.create_task_group() as group:
        group.start_soon(drive, elsewhere, child.id)
        with anyio.fail_after(10):
            await hold.reached.wait()
            thread = await engine.cancel(thread_id, channel="test")
            assert (thread.status, thread.cancelling) == ("waiting", True)
    assert engine.store.load(child.id).status == "cancelled"
    assert (await drive_family(engine, thread_id)).status == "cancelled"


@pytest.mark.requirement("R6")
async def test_a_cancel_whose_process_died_at_once_still_reaches_the_children(lab: Lab) -> None:
    engine = related(lab)
    thread_id = await start(engine, plan(["ask"], deeper=1))
    thread = await drive_family(engine, thread_id)
    engine.store.signal(thread, CancelRequested(channel="test"))
    assert all(one.cancelling for one in kin(engine, thread_id))
    await drive_family(engine, thread_id)
    assert {one.status for one in kin(engine, thread_id)} == {"cancelled"}


async def test_of_any_the_first_that_completes_stops_the_others(lab: Lab) -> None:
    engine = related(lab)
    thread_id = await start(engine, plan(["ask"], ["add a"], ["ask"], at_once=True, join="any"))
    thread = await drive_family(engine, thread_id)
    assert (thread.status, lab.numbers()) == ("failed", {"a": "1"})
    assert [end["status"] for end in ends(engine, thread_id)] == ["cancelled", "completed", "cancelled"]


@pytest.mark.requirement("R3")
async def test_a_fork_takes_the_ends_over_and_starts_no_child_again(lab: Lab) -> None:
    engine = related(lab)
    thread_id = await start(engine, plan(["add a"], ["add a"]))
    source = await drive_family(engine, thread_id)
    point = 3
    forked = await fork(engine, source, point, (), {})
    assert engine.store.load(forked.id).parent is None
    await drive_family(engine, forked.id)
    again, told = ends(engine, forked.id), ends(engine, thread_id)
    assert again[0] == told[0]
    assert again[1]["thread"] != told[1]["thread"]
    assert lab.numbers() == {"a": "3"}


@pytest.mark.requirement("R1", "R3")
async def test_after_a_rewind_the_children_are_started_anew_under_other_ids(lab: Lab) -> None:
    engine = related(lab)
    thread_id = await start(engine, plan(["add a"]))
    thread = await drive_family(engine, thread_id)
    lease = engine.store.claim(thread_id)
    assert not isinstance(lease, Held)
    held = CheckpointTaken(label="by hand", trees={})
    thread = engine.store.append(lease, thread, held, Rewound(to=1, checkpoint="c"))
    engine.store.release(lease, thread)
    await engine.resume(thread_id)
    await drive_family(engine, thread_id)
    _, first, second = kin(engine, thread_id)
    assert (first.id != second.id, lab.numbers()) == (True, {"a": "2"})


async def test_a_thread_whose_children_work_is_not_rewound(lab: Lab) -> None:
    engine = related(lab)
    thread_id = await start(engine, plan(["ask"]))
    thread = await drive_family(engine, thread_id)
    lease = engine.store.claim(thread_id)
    assert not isinstance(lease, Held)
    thread = engine.store.append(lease, thread, CheckpointTaken(label="by hand", trees={"world": "c0"}))
    engine.store.release(lease, thread)
    with pytest.raises(ProblemError, match="children"):
        await rewind(engine, thread, f"{thread_id}@{thread.version}", dry_run=True)


@pytest.mark.requirement("R6")
async def test_resuming_a_parent_resumes_the_child_that_was_interrupted(lab: Lab) -> None:
    engine = related(lab)
    thread_id = await start(engine, plan(["add a"]))
    await drive(engine, thread_id)
    lab.clock.forward(engine.auto_resume_s + 1)
    thread = engine.store.load(thread_id)
    child = kin(engine, thread_id)[1]
    assert not engine.goes_on(thread)
    lab.woken.clear()
    await engine.resume(thread_id)
    assert lab.woken == [child.id]
    assert (await drive_family(engine, thread_id)).outcome == "done"


async def test_a_child_has_the_budget_of_its_parent_and_asks_when_it_is_spent(lab: Lab) -> None:
    engine = related(lab)
    thread_id = await start(engine, plan(["add a"] * 3), budget=Budget(steps=2))
    thread = await drive_family(engine, thread_id)
    asked = asker(engine.store, thread)
    assert asked is not None and asked.asked is not None
    assert (asked.asked.topic, asked.parent) == ("budget", thread_id)


async def test_a_long_output_of_a_child_is_cut_in_its_parents_log(lab: Lab) -> None:
    assert bounded({"summary": "short"}) == {"summary": "short"}
    cut = bounded({"summary": "told", "diff": "x" * LONGEST_OUTPUT})
    assert cut["summary"] == "told" and cut["left_out"] > LONGEST_OUTPUT
    assert bounded(["x" * LONGEST_OUTPUT])["summary"] == ""


async def test_the_log_names_the_children_in_the_step_that_started_them(lab: Lab) -> None:
    engine = related(lab)
    thread_id = await start(engine, plan(["add a"]))
    await drive(engine, thread_id)
    spawned = events(engine, thread_id)[1]
    assert isinstance(spawned, Spawned)
    row = next(row for row in engine.store.list(Search()) if row.thread_id == spawned.children[0].thread)
    assert (row.parent, row.agent) == (thread_id, "errand")
