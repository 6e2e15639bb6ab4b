"""Measuring, checking, rebuilding and forgetting: the log is the truth, and what lives is never forgotten."""

from pathlib import Path
from shutil import rmtree
from sqlite3 import Connection
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state.artifacts import Artifact
from state.events import Answered, Event, Finished, Interrupted, Resolved
from state.log import SqliteStore
from state.problem import ProblemError
from state.sqlite import Locked
from state.store import Lease, Search, UnknownThread
from state.thread import Thread
from state.upkeep import FRESH_S, drift, gc, integrity, rebuild, size
from tests.state.logs import PROBLEM, logs
from tests.state.places import SqlitePlace, asked, launched, writing

DONE = Finished(output=1, outcome="done")


@pytest.fixture
def place(tmp_path: Path) -> SqlitePlace:
    return SqlitePlace(tmp_path)


@pytest.fixture
def store(place: SqlitePlace) -> SqliteStore:
    return place.open()


def write(store: SqliteStore, thread_id: str, *events: Event, **fields: Any) -> Thread:
    """Create a thread with these events and let go of it."""
    thread = store.create(thread_id, launched(**fields)).thread
    lease = store.claim(thread_id)
    assert isinstance(lease, Lease)
    thread = store.append(lease, thread, *events)
    store.release(lease, thread)
    return thread


def kept(store: SqliteStore, data: bytes) -> Resolved:
    """Keep a large output, and return the event that names it."""
    artifact = Artifact(digest=store.put(data), size=len(data), preview="…")
    return Resolved(key="large", value={"$artifact": artifact.model_dump()}, tool="look", args={})


def ids(store: SqliteStore) -> set[str]:
    return {row.thread_id for row in store.list(Search())}


# Forgetting


def test_only_what_ended_and_was_not_touched_since_is_forgotten(place: SqlitePlace, store: SqliteStore) -> None:
    write(store, "old", DONE)
    write(store, "waiting", asked("q"))
    write(store, "interrupted", Interrupted(problem=PROBLEM))
    store.create("running", launched())
    place.clock.pass_by(100)
    since = place.clock.wall
    write(store, "new", DONE)
    gone = gc(store.database, since, place.clock.wall)
    assert (gone.threads, gone.events) == (1, 2)
    assert ids(store) == {"waiting", "interrupted", "running", "new"}
    with pytest.raises(UnknownThread):
        store.load("old")
    for name in ids(store):
        assert store.load(name)
    assert integrity(store.database) == []


def test_blobs_are_forgotten_with_the_last_event_that_names_them(place: SqlitePlace, store: SqliteStore) -> None:
    write(store, "old", kept(store, b"only old"))
    shared = kept(store, b"shared")
    write(store, "older", shared, DONE)
    write(store, "waiting", shared, asked("q"))
    unnamed = store.put(b"unnamed")
    place.clock.pass_by(2 * FRESH_S)
    gone = gc(store.database, place.clock.wall, place.clock.wall)
    assert (gone.threads, gone.blobs) == (1, 1)
    assert store.get(unnamed) is None
    assert store.get(shared.value["$artifact"]["digest"]) == b"shared"
    store.signal(store.load("old"), DONE)
    place.clock.pass_by(1)
    assert gc(store.database, place.clock.wall, place.clock.wall).blobs == 1


def test_a_blob_whose_event_is_still_to_come_is_not_forgotten(place: SqlitePlace, store: SqliteStore) -> None:
    digest = store.put(b"old content, needed again")
    place.clock.pass_by(2 * FRESH_S)
    assert store.put(b"old content, needed again") == digest
    assert gc(store.database, place.clock.wall + 1, place.clock.wall).blobs == 0
    assert store.get(digest) is not None


def test_the_room_goes_back_to_the_disk(place: SqlitePlace, store: SqliteStore) -> None:
    for number in range(20):
        write(store, f"t{number}", Resolved(key="one", value="x" * 50_000, tool="look", args={}), DONE)
    before = place.path.stat().st_size + place.path.with_name(f"{place.path.name}-wal").stat().st_size
    place.clock.pass_by(1)
    gone = gc(store.database, place.clock.wall, place.clock.wall)
    assert gone.bytes > 1_000_000
    assert size(store.database).bytes == before - gone.bytes < 200_000
    assert gc(store.database, place.clock.wall, place.clock.wall).threads == 0


def test_a_store_that_is_being_written_is_not_half_forgotten(place: SqlitePlace, store: SqliteStore) -> None:
    write(store, "old", DONE)
    place.clock.pass_by(1)
    writer = place.open()
    with writer.database.transaction(), pytest.raises(Locked):
        gc(store.database, place.clock.wall, place.clock.wall)
    assert ids(store) == {"old"}
    assert gc(store.database, place.clock.wall, place.clock.wall).threads == 1


def test_a_driver_goes_on_while_old_threads_are_forgotten(place: SqlitePlace, store: SqliteStore) -> None:
    write(store, "old", DONE)
    driver = place.open()
    thread = driver.create("driven", launched()).thread
    lease = driver.claim("driven")
    assert isinstance(lease, Lease)
    place.clock.pass_by(1)
    gc(store.database, place.clock.wall, place.clock.wall)
    assert driver.append(lease, thread, DONE) == store.load("driven")


# Measuring


def test_a_size_counts_threads_events_and_content(store: SqliteStore) -> None:
    assert (size(store.database).events, size(store.database).event_bytes) == (0, 0)
    write(store, "a", kept(store, b"x" * 30_000))
    store.create("b", launched())
    found = size(store.database)
    assert (found.threads, found.events, found.blobs, found.blob_bytes) == (2, 3, 1, 30_000)
    assert 100 < found.event_bytes < 1000
    assert found.bytes > 30_000


# Checking and rebuilding

TAMPERINGS = (
    "update threads set status = 'completed'",
    "update threads set head = head + 3",
    "update threads set head = 1",
    "update threads set question = null, waiting_on = null",
    "update threads set session = 'other', agent = 'other', principal = 'eve'",
    "update threads set repo = null, root = null, branch = 'x', issue = 'y'",
    "update threads set outcome = 'fixed', trouble = 1, generation = 9, created_at = 0.5",
    "delete from repo_leases",
    "insert into repo_leases select 'another', id from threads",
)


@pytest.mark.requirement("R1")
@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_a_row_that_disagrees_with_its_log_is_found_and_written_anew(store: SqliteStore, tampering: str) -> None:
    waiting = write(store, "waiting", asked("q"), workspace=(writing("tree"),))
    before = rows(store.database.connection)
    with store.database.transaction() as db:
        db.execute(tampering)
    assert drift(store.database) == ["waiting"]
    assert rows(store.database.connection) != before, "looking changes nothing"
    assert rebuild(store.database) == ["waiting"]
    assert rows(store.database.connection) == before
    assert (drift(store.database), rebuild(store.database)) == ([], [])
    store.signal(waiting, Answered(key="q", answer="yes", channel="cli"))


@pytest.mark.requirement("R1")
def test_only_rows_that_disagree_are_written_anew(store: SqliteStore) -> None:
    for name in ("a", "b", "c"):
        write(store, name, DONE)
    with store.database.transaction() as db:
        db.execute("update threads set status = 'running' where public = 'b'")
    assert rebuild(store.database) == ["b"]
    assert {row.status for row in store.list(Search())} == {"completed"}


@pytest.mark.requirement("R1")
def test_a_work_tree_that_an_ended_thread_still_held_becomes_free(store: SqliteStore) -> None:
    write(store, "ended", DONE, workspace=(writing("tree"),))
    with store.database.transaction() as db:
        db.execute("insert into repo_leases select 'tree', id from threads")
    with pytest.raises(ProblemError, match="'ended'"):
        store.create("next", launched(workspace=(writing("tree"),)))
    assert rebuild(store.database) == ["ended"]
    store.create("next", launched(workspace=(writing("tree"),)))


@pytest.mark.requirement("R1")
@given(log=logs(), tampering=st.sampled_from(TAMPERINGS))
@settings(max_examples=25, deadline=None)
def test_the_rows_of_any_log_are_what_rebuilding_makes_of_it(log: list[Event], tampering: str) -> None:
    folder = Path(mkdtemp())
    try:
        store = SqlitePlace(folder).open()
        write(store, "t", *log[1:])
        assert drift(store.database) == []
        before = rows(store.database.connection)
        with store.database.transaction() as db:
            db.execute(tampering)
        rebuild(store.database)
        assert rows(store.database.connection) == before
        store.database.close()
    finally:
        rmtree(folder)


@pytest.mark.requirement("R15")
@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("update events set data = 'x' where version = 2 and thread = 1", "Thread 'bad': version 2 is damaged"),
        ("update events set kind = 'y' where version = 2 and thread = 1", "Thread 'bad': version 2 is damaged"),
        ("update events set data = cast(x'ff' as text) where id = 2", "Thread 'bad': version 2 is damaged"),
        ("update events set kind = 'cancelled', key = null where id = 2", "Thread 'bad': version 2 is damaged"),
        ("delete from events where version = 2 and thread = 1", "Thread 'bad': version 2 is missing."),
        ("delete from events where version = 3 and thread = 1", "Thread 'bad': version 3 is missing."),
        ("delete from events where thread = 1", "Thread 'bad': version 1 is missing."),
        ("update blobs set data = x'00'", "Blob '"),
        ("insert into events values (null, 99, 1, 'x', null, '{}', 0.0)", "Row 99: events of no thread."),
    ],
)
def test_each_damage_is_named_and_the_other_threads_stay_readable(store: SqliteStore, damage: str, says: str) -> None:
    write(store, "bad", kept(store, b"x"), DONE)
    good = write(store, "good", DONE)
    assert integrity(store.database) == []
    with store.database.transaction() as db:
        db.execute(damage)
    (found,) = integrity(store.database)
    assert found.startswith(says) and "\n" not in found
    assert store.load("good") == good
    assert rebuild(store.database) in ([], ["bad"])
    assert store.load("good") == good


@pytest.mark.requirement("R15")
def test_a_torn_page_is_found_and_does_not_stop_the_look(place: SqlitePlace) -> None:
    store = place.open()
    write(store, "bad", DONE)
    (root,) = store.database.rows("select rootpage from sqlite_master where name = 'events'")[0]
    store.database.connection.execute("pragma wal_checkpoint(truncate)").fetchall()
    store.database.close()
    content = bytearray(place.path.read_bytes())
    content[(root - 1) * 4096 : root * 4096] = b"\x55" * 4096
    place.path.write_bytes(content)
    found = integrity(place.open().database)
    assert any(line.startswith("SQLite: ") for line in found)
    assert any(line.startswith("Thread 'bad': version 1 is damaged") for line in found)


def rows(db: Connection) -> list[Any]:
    """Return everything that is derived from logs."""
    return [*db.execute("select * from threads order by id"), *db.execute("select * from repo_leases order by key")]


def test_what_is_to_be_kept_is_not_forgotten_however_old(place: SqlitePlace) -> None:
    store = place.open()
    for name in ("a", "b"):
        store.create(name, launched(), DONE)
    place.clock.wall += 100
    assert gc(store.database, place.clock.wall, place.clock.wall, keep=["a"]).threads == 1
    assert store.load("a").ended
    with pytest.raises(UnknownThread):
        store.load("b")
