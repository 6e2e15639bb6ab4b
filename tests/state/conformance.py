"""What every store must do: each function takes a `Place` and asserts, and a new store runs all of `ALL`."""

from collections.abc import Callable
from typing import TypeAlias

import pytest

from state.events import Answered, Cancelled, CancelRequested, Finished, Interrupted, Resolved, Started
from state.fold import InvalidTransition
from state.problem import Problem, ProblemError
from state.store import Fenced, Held, Lease, Moved, Search, Store, UnknownThread
from state.thread import Thread
from tests.state.places import ELSEWHERE, LEASE_S, THREAD, Place, asked, dead_owner, launched, writing

Behaviour: TypeAlias = Callable[[Place], None]
DONE = Finished(output={"walls": 1}, outcome="done")
ONE = Resolved(key="one", hash="h", value=1, tool="count", args={})


def claimed(store: Store, thread_id: str = THREAD) -> Lease:
    lease = store.claim(thread_id)
    assert isinstance(lease, Lease), f"held by {lease.by}"
    return lease


def opened(store: Store, thread_id: str = THREAD) -> tuple[Lease, Thread]:
    thread = store.create(thread_id, launched()).thread
    return claimed(store, thread_id), thread


def versions(store: Store, thread_id: str = THREAD) -> list[int]:
    return [record.version for record in store.read(thread_id)]


# Creating


def a_created_thread_is_there_for_every_process(place: Place) -> None:
    created = place.open().create(THREAD, launched())
    assert created.new
    assert place.open(ELSEWHERE).load(THREAD) == created.thread


def an_unknown_thread_is_not_found_by_any_call(place: Place) -> None:
    store = place.open()
    for call in (store.load, store.read, store.claim, store.driven, store.touched):
        with pytest.raises(UnknownThread) as refusal:
            call("nobody")
        assert refusal.value.problem.kind == "not_found"
        assert "'nobody'" in refusal.value.problem.message


def the_same_idempotency_key_and_arguments_find_the_same_thread(place: Place) -> None:
    first = place.open().create("a", launched(), idempotency_key="k", arguments="x")
    again = place.open().create("b", launched(), idempotency_key="k", arguments="x")
    assert (again.new, again.thread) == (False, first.thread)
    with pytest.raises(UnknownThread):
        place.open().load("b")


def an_idempotency_key_finds_its_thread_as_it_is_by_now(place: Place) -> None:
    store = place.open()
    thread = store.create("a", launched(), idempotency_key="k").thread
    done = store.append(claimed(store, "a"), thread, ONE, DONE)
    assert store.create("b", launched(), idempotency_key="k").thread == done


def the_same_idempotency_key_with_other_arguments_is_a_conflict(place: Place) -> None:
    store = place.open()
    store.create("a", launched(), idempotency_key="k", arguments="x")
    with pytest.raises(ProblemError, match=r"'k'.*'a'") as refusal:
        store.create("b", launched(), idempotency_key="k", arguments="y")
    assert refusal.value.problem.kind == "conflict"


def an_idempotency_key_counts_per_principal_session_and_agent(place: Place) -> None:
    store = place.open()
    others = (launched(), launched(principal="eve"), launched(session="s-2"), launched(agent="plumber"))
    for number, event in enumerate(others):
        assert store.create(f"t{number}", event, idempotency_key="k", arguments=str(number)).new


def without_an_idempotency_key_every_creation_is_new(place: Place) -> None:
    store = place.open()
    assert all(store.create(name, launched(), arguments="x").new for name in ("a", "b"))


# Leases (R6)


def only_one_process_holds_a_thread(place: Place) -> None:
    opened(place.open(ELSEWHERE))
    assert place.open().claim(THREAD) == Held(ELSEWHERE)


def a_process_does_not_drive_its_own_thread_twice(place: Place) -> None:
    store = place.open()
    opened(store)
    assert isinstance(store.claim(THREAD), Held)


def the_lease_of_a_dead_process_is_taken_at_once(place: Place) -> None:
    gone = place.open(dead_owner())
    lease, thread = opened(gone)
    taken = claimed(place.open())
    assert taken.epoch > lease.epoch
    with pytest.raises(Fenced):
        gone.append(lease, thread, ONE)


def a_lease_that_stands_still_for_one_lifetime_is_taken(place: Place) -> None:
    opened(place.open(ELSEWHERE))
    store = place.open()
    assert isinstance(store.claim(THREAD), Held)
    place.clock.pass_by(LEASE_S - 1)
    assert isinstance(store.claim(THREAD), Held)
    place.clock.pass_by(1)
    claimed(store)


def stillness_is_measured_on_ones_own_monotonic_clock(place: Place) -> None:
    opened(place.open(ELSEWHERE))
    place.clock.wall += 100 * LEASE_S
    store = place.open()
    assert isinstance(store.claim(THREAD), Held), "the wall clock may have been set"
    place.clock.wall -= 200 * LEASE_S
    place.clock.steady += LEASE_S
    claimed(store)


def a_renewed_lease_is_not_taken(place: Place) -> None:
    holder, store = place.open(ELSEWHERE), place.open()
    lease, thread = opened(holder)
    for _ in range(4):
        assert isinstance(store.claim(THREAD), Held)
        place.clock.pass_by(LEASE_S - 1)
        assert holder.renew(lease) == thread.version
        assert holder.holds(lease)


def an_overtaken_driver_changes_nothing(place: Place) -> None:
    late, store = place.open(ELSEWHERE), place.open()
    lease, thread = opened(late)
    store.claim(THREAD)
    place.clock.pass_by(LEASE_S)
    claimed(store)
    with pytest.raises(Fenced):
        late.append(lease, thread, ONE)
    with pytest.raises(Fenced):
        late.renew(lease)
    assert not late.holds(lease)
    assert late.release(lease, thread), "there is nothing left to look for"
    assert store.driven(THREAD)
    assert versions(store) == [1]


def every_claim_has_a_later_epoch(place: Place) -> None:
    store = place.open()
    lease, thread = opened(store)
    epochs = [lease.epoch]
    for _ in range(3):
        store.release(lease, thread)
        lease = claimed(store)
        epochs.append(lease.epoch)
    assert epochs == sorted(set(epochs))


def a_released_thread_is_free_at_once(place: Place) -> None:
    holder = place.open(ELSEWHERE)
    lease, thread = opened(holder)
    assert holder.driven(THREAD)
    assert holder.release(lease, thread)
    assert not holder.driven(THREAD)
    claimed(place.open())


def a_release_fails_when_a_signal_came_first(place: Place) -> None:
    store = place.open()
    lease, thread = opened(store)
    after = place.open(ELSEWHERE).signal(thread, CancelRequested(channel="cli"))
    assert not store.release(lease, thread)
    assert store.driven(THREAD)
    assert store.release(lease, after)


def a_lease_that_ran_out_or_whose_owner_is_dead_drives_nothing(place: Place) -> None:
    opened(place.open(ELSEWHERE), "still")
    opened(place.open(dead_owner()), "dead")
    store = place.open()
    assert [store.driven(name) for name in ("still", "dead")] == [True, False]
    place.clock.pass_by(LEASE_S + 1)
    assert not store.driven("still")


# Appending


def an_append_is_read_back_as_it_was_folded(place: Place) -> None:
    store = place.open()
    lease, thread = opened(store)
    started = Started(key="two", hash="h", risk="write", tool="paint", args={"wall": "é\u2028\x00"}, plan=[1, None])
    after = store.append(lease, thread, ONE, started, durable=True)
    assert after.version == 3
    assert place.open().load(THREAD) == after
    assert [record.event for record in store.read(THREAD)] == [launched(), ONE, started]


def several_events_are_appended_all_or_none(place: Place) -> None:
    store = place.open()
    lease, thread = opened(store)
    with pytest.raises(InvalidTransition):
        store.append(lease, thread, ONE, DONE, ONE)
    with pytest.raises(ProblemError, match="cannot keep"):
        store.append(lease, thread, ONE, Resolved(key="two", hash="h", value="\ud800", tool="t", args={}))
    assert versions(store) == [1]


def what_cannot_be_read_back_is_not_acknowledged(place: Place) -> None:
    store = place.open()
    lease, thread = opened(store)
    deep: list[object] = []
    for _ in range(220):
        deep = [deep]
    for value in (deep, 10**4400, "\udcff"):
        with pytest.raises(ProblemError) as refusal:
            store.append(lease, thread, Resolved(key="one", hash="h", value=value, tool="t", args={}))
        assert refusal.value.problem.kind == "bad_input"
    assert store.append(lease, thread, ONE) == store.load(THREAD)


def an_append_after_a_signal_is_moved_and_lands_when_repeated(place: Place) -> None:
    store = place.open()
    lease, thread = opened(store)
    signalled = place.open(ELSEWHERE).signal(thread, CancelRequested(channel="cli"))
    with pytest.raises(Moved):
        store.append(lease, thread, ONE)
    assert store.renew(lease) == signalled.version
    assert store.append(lease, signalled, ONE).version == 3


def each_record_says_when_it_was_appended(place: Place) -> None:
    store = place.open()
    lease, thread = opened(store)
    place.clock.pass_by(2.5)
    store.append(lease, thread, ONE)
    first, second = store.read(THREAD)
    assert second.at - first.at == 2.5


def a_log_is_read_from_any_version_in_any_portion(place: Place) -> None:
    store = place.open()
    lease, thread = opened(store)
    thread = store.append(lease, thread, *(ONE.model_copy(update={"key": str(number)}) for number in range(5)))
    assert versions(store) == [1, 2, 3, 4, 5, 6]
    assert [record.version for record in store.read(THREAD, after=2, limit=3)] == [3, 4, 5]
    assert store.read(THREAD, after=thread.version) == []


def an_ended_thread_takes_no_event_from_anybody(place: Place) -> None:
    store = place.open()
    lease, thread = opened(store)
    done = store.append(lease, thread, DONE)
    with pytest.raises(InvalidTransition):
        store.append(lease, done, ONE)
    with pytest.raises(InvalidTransition):
        store.signal(done, CancelRequested(channel="cli"))


# Signals


def a_signal_needs_no_lease_and_is_seen_by_the_next_driver(place: Place) -> None:
    store = place.open()
    lease, thread = opened(store)
    waiting = store.append(lease, thread, asked("colour"))
    store.release(lease, waiting)
    answered = Answered(key="colour", answer="blue", channel="cli")
    after = place.open(ELSEWHERE).signal(waiting, answered)
    assert after.status == "running"
    assert store.load(THREAD) == after
    assert store.due(since=0.0) == [THREAD]


def the_first_of_two_signals_wins(place: Place) -> None:
    store = place.open()
    lease, thread = opened(store)
    waiting = store.append(lease, thread, asked("colour"))
    store.signal(waiting, Answered(key="colour", answer="blue", channel="cli"))
    with pytest.raises(Moved):
        place.open(ELSEWHERE).signal(waiting, Answered(key="colour", answer="red", channel="mcp"))
    assert store.load(THREAD).results["colour"] == "blue"


def a_signal_may_end_a_thread(place: Place) -> None:
    store = place.open()
    thread = store.create(THREAD, launched(workspace=(writing("tree"),))).thread
    store.signal(thread, CancelRequested(channel="cli"), Cancelled())
    assert store.load(THREAD).status == "cancelled"
    store.create("next", launched(workspace=(writing("tree"),)))


# Finding again


def running_threads_that_nobody_drives_are_due(place: Place) -> None:
    store = place.open()
    lease, thread = opened(store, "driven")
    store.create("undriven", launched())
    opened(place.open(dead_owner()), "left")
    waiting_lease, waiting = opened(store, "waiting")
    store.release(waiting_lease, store.append(waiting_lease, waiting, asked("colour")))
    assert sorted(store.due(since=0.0)) == ["left", "undriven"]
    store.release(lease, thread)
    assert "driven" in store.due(since=0.0)


def a_thread_is_due_when_its_lease_ran_out(place: Place) -> None:
    opened(place.open(ELSEWHERE))
    store = place.open()
    assert store.due(since=0.0) == []
    place.clock.pass_by(LEASE_S + 1)
    assert store.due(since=0.0) == [THREAD]


def a_thread_in_trouble_or_left_long_ago_is_not_due(place: Place) -> None:
    store = place.open()
    lease, thread = opened(store, "trouble")
    problem = Problem(kind="internal", message="The driver failed.")
    store.release(lease, store.append(lease, thread, Interrupted(problem=problem)))
    store.create("old", launched())
    place.clock.pass_by(1000)
    store.create("new", launched())
    assert store.due(since=place.clock.wall - 900) == ["new"]


def threads_that_others_drive_do_not_hide_those_that_are_due(place: Place) -> None:
    store = place.open()
    for number in range(4):
        opened(place.open(ELSEWHERE), f"driven{number}")
        place.clock.pass_by(1)
    for name in ("first", "second", "third"):
        store.create(name, launched())
        place.clock.pass_by(1)
    assert store.due(since=0.0, limit=2) == ["first", "second"]


def a_list_shows_the_latest_first_and_only_ones_own(place: Place) -> None:
    store = place.open()
    for name in ("a", "b", "c"):
        store.create(name, launched())
        place.clock.pass_by(1)
    store.create("hers", launched(principal="eve"))
    assert [row.thread_id for row in store.list(Search())] == ["c", "b", "a"]
    assert [row.thread_id for row in store.list(Search(limit=2))] == ["c", "b"]
    assert [row.thread_id for row in store.list(Search(limit=-1))] == ["c", "b", "a"]
    assert [row.thread_id for row in store.list(Search(), "eve")] == ["hers"]


def a_list_is_narrowed_by_every_filter_and_by_all_together(place: Place) -> None:
    store = place.open()
    ref = writing("", "shop").model_copy(update={"branch": "dev"})
    store.create("wanted", launched(session="s-9", agent="fixer", task={"issue": "7"}, workspace=(ref,)))
    store.create("other", launched())
    filters = {"session": "s-9", "agent": "fixer", "issue": "7", "repo": "shop", "branch": "dev"}
    for name, value in {**filters, "status": "interrupted"}.items():
        found = store.list(Search.model_validate({name: value}))
        assert [row.thread_id for row in found if row.thread_id == "wanted"] == ["wanted"], name
        assert name == "status" or len(found) == 1
        assert store.list(Search.model_validate({name: "' or 1=1 --"})) == []
    (row,) = store.list(Search.model_validate({**filters, "repo": "/repos/shop"}))
    assert (row.repo, row.root, row.branch, row.issue, row.version) == ("shop", "/repos/shop", "dev", "7", 1)


def a_list_tells_running_from_interrupted(place: Place) -> None:
    store = place.open()
    opened(store, "running")
    opened(place.open(dead_owner()), "dead")
    store.create("undriven", launched())
    states = {row.thread_id: row.status for row in store.list(Search())}
    assert states == {"running": "running", "dead": "interrupted", "undriven": "interrupted"}
    assert [row.thread_id for row in store.list(Search(status="running"))] == ["running"]
    assert len(store.list(Search(status="interrupted"))) == 2
    assert len(store.list(Search(status="interrupted", limit=1))) == 1


def a_list_shows_how_each_thread_stands(place: Place) -> None:
    store = place.open()
    lease, thread = opened(store, "waiting")
    store.append(lease, thread, asked("colour"))
    lease, thread = opened(store, "done")
    store.append(lease, thread, DONE)
    rows = {row.thread_id: row for row in store.list(Search())}
    assert (rows["waiting"].status, rows["waiting"].question) == ("waiting", "colour")
    assert (rows["done"].status, rows["done"].outcome, rows["done"].question) == ("completed", "done", None)
    assert rows["done"].created_at == launched().at


def a_thread_is_touched_by_its_driver_and_by_signals(place: Place) -> None:
    store = place.open()
    lease, thread = opened(store)
    touched = [store.touched(THREAD)]
    for act in (lambda: store.renew(lease), lambda: store.signal(thread, CancelRequested(channel="cli"))):
        place.clock.pass_by(1)
        act()
        touched.append(store.touched(THREAD))
    assert touched == [place.clock.wall - 2, place.clock.wall - 1, place.clock.wall]


def a_change_by_another_process_is_noticed(place: Place) -> None:
    store, other = place.open(), place.open(ELSEWHERE)
    before = store.changes()
    assert store.changes() == before
    other.create(THREAD, launched())
    assert store.changes() != before


# Work trees (R20)


def a_work_tree_has_one_writer(place: Place) -> None:
    store = place.open()
    store.create("holder", launched(workspace=(writing("tree"),)))
    with pytest.raises(ProblemError, match=r"'holder'.*'shop'") as refusal:
        place.open(ELSEWHERE).create("second", launched(workspace=(writing("tree"),)))
    assert refusal.value.problem.kind == "busy"
    with pytest.raises(UnknownThread):
        store.load("second")


def readers_and_other_work_trees_are_not_held_up(place: Place) -> None:
    store = place.open()
    store.create("holder", launched(workspace=(writing("tree"),)))
    reader = writing("tree").model_copy(update={"mode": "read"})
    store.create("reader", launched(workspace=(reader,)))
    store.create("elsewhere", launched(workspace=(writing("other tree"),)))


def a_thread_takes_all_its_work_trees_or_none(place: Place) -> None:
    store = place.open()
    store.create("holder", launched(workspace=(writing("b", "lib"),)))
    with pytest.raises(ProblemError, match="'lib'"):
        store.create("second", launched(workspace=(writing("a"), writing("b", "lib"))))
    store.create("third", launched(workspace=(writing("a"),)))


def a_waiting_thread_keeps_its_work_tree_and_an_ended_one_gives_it_back(place: Place) -> None:
    store = place.open()
    thread = store.create("holder", launched(workspace=(writing("tree"),))).thread
    lease = claimed(store, "holder")
    waiting = store.append(lease, thread, asked("colour"))
    store.release(lease, waiting)
    with pytest.raises(ProblemError):
        store.create("second", launched(workspace=(writing("tree"),)))
    running = store.signal(waiting, Answered(key="colour", answer="blue", channel="cli"))
    store.append(claimed(store, "holder"), running, DONE)
    store.create("second", launched(workspace=(writing("tree"),)))


def an_idempotent_launch_does_not_stand_in_its_own_way(place: Place) -> None:
    store, event = place.open(), launched(workspace=(writing("tree"),))
    store.create("a", event, idempotency_key="k")
    assert not store.create("b", event, idempotency_key="k").new


# Content


def content_is_kept_once_and_found_by_its_digest(place: Place) -> None:
    store = place.open()
    digest = store.put(b"\x00large\xff")
    assert digest == store.put(b"\x00large\xff")
    assert place.open().get(digest) == b"\x00large\xff"
    assert store.get("0" * 64) is None


def a_thread_may_begin_with_more_than_its_launch(place: Place) -> None:
    store = place.open()
    created = store.create(THREAD, launched(), ONE, DONE)
    assert (created.thread.version, created.thread.outcome) == (3, "done")
    assert store.load(THREAD) == created.thread
    with pytest.raises(InvalidTransition):
        store.create("b", launched(), DONE, ONE)
    with pytest.raises(UnknownThread):
        store.load("b")


def a_thread_that_begins_ended_takes_no_work_tree(place: Place) -> None:
    store = place.open()
    store.create(THREAD, launched(workspace=(writing("tree"),)), DONE)
    assert store.create("next", launched(workspace=(writing("tree"),))).new


CREATION: tuple[Behaviour, ...] = (
    a_created_thread_is_there_for_every_process,
    an_unknown_thread_is_not_found_by_any_call,
    the_same_idempotency_key_and_arguments_find_the_same_thread,
    an_idempotency_key_finds_its_thread_as_it_is_by_now,
    the_same_idempotency_key_with_other_arguments_is_a_conflict,
    an_idempotency_key_counts_per_principal_session_and_agent,
    without_an_idempotency_key_every_creation_is_new,
    a_thread_may_begin_with_more_than_its_launch,
    a_thread_that_begins_ended_takes_no_work_tree,
)
LEASES: tuple[Behaviour, ...] = (
    only_one_process_holds_a_thread,
    a_process_does_not_drive_its_own_thread_twice,
    the_lease_of_a_dead_process_is_taken_at_once,
    a_lease_that_stands_still_for_one_lifetime_is_taken,
    stillness_is_measured_on_ones_own_monotonic_clock,
    a_renewed_lease_is_not_taken,
    an_overtaken_driver_changes_nothing,
    every_claim_has_a_later_epoch,
    a_released_thread_is_free_at_once,
    a_release_fails_when_a_signal_came_first,
    a_lease_that_ran_out_or_whose_owner_is_dead_drives_nothing,
)
APPENDS: tuple[Behaviour, ...] = (
    an_append_is_read_back_as_it_was_folded,
    several_events_are_appended_all_or_none,
    what_cannot_be_read_back_is_not_acknowledged,
    an_append_after_a_signal_is_moved_and_lands_when_repeated,
    each_record_says_when_it_was_appended,
    a_log_is_read_from_any_version_in_any_portion,
    an_ended_thread_takes_no_event_from_anybody,
)
SIGNALS: tuple[Behaviour, ...] = (
    a_signal_needs_no_lease_and_is_seen_by_the_next_driver,
    the_first_of_two_signals_wins,
    a_signal_may_end_a_thread,
)
SEARCHES: tuple[Behaviour, ...] = (
    running_threads_that_nobody_drives_are_due,
    a_thread_is_due_when_its_lease_ran_out,
    a_thread_in_trouble_or_left_long_ago_is_not_due,
    threads_that_others_drive_do_not_hide_those_that_are_due,
    a_list_shows_the_latest_first_and_only_ones_own,
    a_list_is_narrowed_by_every_filter_and_by_all_together,
    a_list_tells_running_from_interrupted,
    a_list_shows_how_each_thread_stands,
    a_thread_is_touched_by_its_driver_and_by_signals,
    a_change_by_another_process_is_noticed,
)
WORK_TREES: tuple[Behaviour, ...] = (
    a_work_tree_has_one_writer,
    readers_and_other_work_trees_are_not_held_up,
    a_thread_takes_all_its_work_trees_or_none,
    a_waiting_thread_keeps_its_work_tree_and_an_ended_one_gives_it_back,
    an_idempotent_launch_does_not_stand_in_its_own_way,
)
CONTENT: tuple[Behaviour, ...] = (content_is_kept_once_and_found_by_its_digest,)
ALL = (*CREATION, *LEASES, *APPENDS, *SIGNALS, *SEARCHES, *WORK_TREES, *CONTENT)
