"""Which checkpoints are kept: the newest and the young, and always what a thread that goes on may need."""

from pathlib import Path

import pytest

from agents.runtime.retention import Kept, Retention, retained
from state.events import (
    CheckpointTaken,
    Event,
    Finished,
    HeldFiles,
    Launched,
    RepositoryRef,
    Resolved,
    Resumed,
    Rewound,
    Started,
)
from state.log import SqliteStore
from state.sqlite import Database, StoreError
from state.store import Held, Store

DAY = 86400.0
SHOP = RepositoryRef(name="shop", root="/src/shop", mode="write")
ENDS = Finished(output={}, outcome="done")


class Clock:
    def __init__(self) -> None:
        self.now = 1000 * DAY

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> SqliteStore:
    return SqliteStore(Database(tmp_path / "log.db"), clock=clock)


def took(commit: str, label: str = "by hand") -> CheckpointTaken:
    return CheckpointTaken(label=label, trees={"shop": commit})


def changed(before: str, after: str) -> tuple[Event, ...]:
    started = Started(key=after, hash="h", risk="write", tool="edit", args={}, plan={})
    return started, Resolved(key=after, hash="h", value=1, trees={"shop": (before, after)})


def thread(store: Store, name: str, *events: Event, workspace: tuple[RepositoryRef, ...] = (SHOP,)) -> str:
    created = store.create(name, Launched(agent="a", session="s", task={}, at=0, workspace=workspace))
    lease = store.claim(name)
    assert not isinstance(lease, Held)
    assert store.release(lease, store.append(lease, created.thread, *events))
    return name


def kept(store: Store, now: float, *threads: str, days: float = 30, each: int = 100) -> Kept:
    return retained(store, threads, Retention(days, each), now)


def test_old_checkpoints_of_an_ended_thread_are_dropped_with_all_they_need(store: SqliteStore, clock: Clock) -> None:
    old = thread(store, "old", took("c0"), *changed("c0", "c1"), took("c2"), ENDS)
    clock.now += 31 * DAY
    young = thread(store, "young", took("d0"), *changed("d0", "d1"), ENDS)
    assert kept(store, clock.now, old, young) == Kept(frozenset({"d0", "d1"}), ("old@5", "old@2"))
    assert kept(store, clock.now, old, young, days=32).dropped == ()


def test_a_young_checkpoint_keeps_what_tells_the_threads_own_work_from_others(store: SqliteStore, clock: Clock) -> None:
    waiting = thread(store, "t", took("c0"), *changed("c0", "c1"), ENDS)
    clock.now += 31 * DAY
    store.signal(store.load(waiting), took("c2"))
    assert kept(store, clock.now, waiting) == Kept(frozenset({"c0", "c1", "c2"}), ("t@2",))


def test_only_the_newest_of_a_repository_are_kept(store: SqliteStore, clock: Clock) -> None:
    names: list[str] = []
    for number in range(4):
        names.append(thread(store, f"t{number}", took(f"c{number}"), ENDS))
        clock.now += 1
    assert kept(store, clock.now, *names, each=2) == Kept(frozenset({"c2", "c3"}), ("t1@2", "t0@2"))


@pytest.mark.requirement("R1")
def test_what_a_thread_that_goes_on_may_need_is_never_dropped(store: SqliteStore, clock: Clock) -> None:
    going = thread(store, "t", took("c0"), *changed("c0", "c1"), took("c2"), took("c3"))
    clock.now += 300 * DAY
    assert kept(store, clock.now, going, each=1) == Kept(frozenset({"c0", "c1"}), ("t@6", "t@5"))


@pytest.mark.requirement("R1")
def test_what_takes_back_the_newest_restore_is_never_dropped(store: SqliteStore, clock: Clock) -> None:
    back = Rewound(to=2, checkpoint="t@2", trees={"shop": ("c2", "c0")})
    again = Rewound(to=2, checkpoint="t@2", trees={"shop": ("c3", "c0")})
    restored = (took("c2", "before restore"), back, took("c3", "before restore"), again)
    gone = thread(
        store, "t", took("c0"), *changed("c0", "c1"), *restored, took("c4", "before restore"), Resumed(), ENDS
    )
    clock.now += 300 * DAY
    assert kept(store, clock.now, gone).dropped == ("t@9", "t@5", "t@2")
    assert "c3" in kept(store, clock.now, gone).commits


def test_what_an_own_work_tree_begins_with_and_what_is_not_settled_is_kept(store: SqliteStore, clock: Clock) -> None:
    own = SHOP.model_copy(update={"source": "/src/shop", "files": HeldFiles(root="/src/shop", commit="f0")})
    intent = Started(key="x", hash="h", risk="write", tool="take_over", args={}, plan={"wanted": "a" * 64})
    going = thread(store, "t", intent, workspace=(own,))
    ended = thread(store, "u", ENDS, workspace=(own.model_copy(update={"files": HeldFiles(root="/", commit="f1")}),))
    clock.now += 300 * DAY
    assert kept(store, clock.now, going, ended) == Kept(frozenset({"f0", "a" * 64}), ())


def test_a_log_that_cannot_be_read_stops_it(store: SqliteStore, clock: Clock) -> None:
    name = thread(store, "t", took("c0"))
    with store.database.transaction() as db:
        db.execute("update events set data = '{' where version = 2")
    with pytest.raises(StoreError):
        kept(store, clock.now, name)
