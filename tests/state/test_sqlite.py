"""A database that cannot be used as asked says so in one line that names the file, and loses nothing."""

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from state.blobs import put_blob
from state.events import Resolved
from state.log import SqliteStore
from state.sqlite import BUSY_MS, SCHEMA_VERSION, Database, Locked, StoreError
from state.store import Held, Lease, Search
from state.thread import Thread
from tests.state.places import THREAD, SqlitePlace, launched

ONE = Resolved(key="one", hash="h", value=1, tool="count", args={})
LARGE = ONE.model_copy(update={"value": "x" * 100_000})


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqlitePlace(tmp_path).open()


@pytest.fixture
def held(store: SqliteStore) -> tuple[Lease, Thread]:
    """Return the lease of a thread with two events."""
    thread = store.create(THREAD, launched()).thread
    lease = store.claim(THREAD)
    assert isinstance(lease, Lease)
    return lease, store.append(lease, thread, ONE)


def complaint(path: Path, call: Callable[[], Any]) -> StoreError:
    """Return what a call complains about: one line that names the file, and one that says what to do."""
    with pytest.raises(StoreError) as refusal:
        call()
    problem = refusal.value.problem
    assert problem.kind == "store"
    assert repr(str(path)) in problem.message
    assert "\n" not in str(problem) and problem.hint
    return refusal.value


@contextmanager
def another_process(path: Path, statement: str) -> Generator[None]:
    """Hold a lock from another process while the block runs."""
    program = (
        f"import sqlite3; c = sqlite3.connect({str(path)!r}); c.execute({statement!r}); print(1, flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None and child.stdout is not None
        assert child.stdout.readline() == b"1\n"
        yield
        child.communicate(b"\n")


# Opening


def test_a_new_file_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "state" / "factor12.db"
    database = Database(path)
    SqliteStore(database).create(THREAD, launched())
    modes = {name.name: stat.S_IMODE(name.stat().st_mode) for name in (path.parent, *path.parent.iterdir())}
    assert modes == {"state": 0o700, path.name: 0o600, f"{path.name}-wal": 0o600, f"{path.name}-shm": 0o600}


def test_a_file_opens_again_without_the_schema_library(tmp_path: Path) -> None:
    SqlitePlace(tmp_path).open()
    program = (
        "import sys; from pathlib import Path; from state.sqlite import Database;"
        f"Database(Path({str(tmp_path / 'factor12.db')!r})); print('sqlite_utils' in sys.modules)"
    )
    root = Path(__file__).resolve().parents[2]
    assert subprocess.check_output([sys.executable, "-c", program], cwd=root, text=True) == "False\n"


def test_a_new_file_has_the_schema_and_lets_readers_be(tmp_path: Path) -> None:
    path = tmp_path / "factor12.db"
    Database(path).close()
    assert raw(path, "pragma user_version") == [(SCHEMA_VERSION,)]
    assert raw(path, "pragma journal_mode") == [("wal",)]


def test_a_newer_schema_is_refused_and_left_alone(store: SqliteStore) -> None:
    path = store.database.path
    raw(path, f"pragma user_version = {SCHEMA_VERSION + 1}")
    assert "newer than this program" in str(complaint(path, lambda: Database(path)))
    assert raw(path, "pragma user_version") == [(SCHEMA_VERSION + 1,)]


def test_a_file_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    raw(path, "create table notes (text)")
    before = path.read_bytes()
    assert "another program" in str(complaint(path, lambda: Database(path)))
    assert path.read_bytes() == before


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "factor12.db"
    raw(path, "create table events (text)")
    assert "already exists" in str(complaint(path, lambda: Database(path)))
    assert raw(path, "select name from sqlite_master") == [("events",)]


@pytest.mark.parametrize("content", [b"not a database, but long enough to look like one" * 100, b"\xff" * 5000])
def test_what_is_not_a_database_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "factor12.db"
    path.write_bytes(content)
    assert "damaged" in str(complaint(path, lambda: Database(path)))
    assert path.read_bytes() == content


def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    path = tmp_path / "factor12.db"
    path.touch()
    SqliteStore(Database(path)).create(THREAD, launched())


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    assert "is a folder." in str(complaint(tmp_path, lambda: Database(tmp_path)))


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "factor12.db"
    complaint(path, lambda: Database(path))


# Locked


@pytest.mark.requirement("R15")
@pytest.mark.parametrize("statement", ["begin exclusive", "begin immediate"])
def test_another_writer_is_reported_at_once_and_reading_goes_on(
    store: SqliteStore, held: tuple[Lease, Thread], statement: str
) -> None:
    lease, thread = held
    path = store.database.path
    with another_process(path, statement):
        for write in (
            lambda: store.append(lease, thread, ONE),
            lambda: store.create("other", launched()),
            lambda: store.renew(lease),
            lambda: store.put(b"data"),
        ):
            assert isinstance(complaint(path, write), Locked)
        assert store.load(THREAD) == thread
        assert Database(path).row("select count(*) from threads") == (1,)
    assert store.append(lease, thread, ONE).version == 3


@pytest.fixture
def maker(tmp_path: Path) -> Generator[sqlite3.Connection]:
    """Whoever makes the file `new.db` at this moment."""
    connection = sqlite3.connect(tmp_path / "new.db", isolation_level=None)
    connection.execute("begin immediate")
    yield connection
    connection.close()


def test_whoever_makes_the_file_at_the_same_moment_is_waited_for(
    tmp_path: Path, maker: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sleep(_: float) -> None:
        maker.execute("rollback")

    monkeypatch.setattr("state.sqlite.sleep", sleep)
    database = Database(tmp_path / "new.db")
    assert database.row("select count(*) from threads") == (0,)
    assert not maker.in_transaction, "it was in the way"


@pytest.mark.requirement("R15")
def test_whoever_makes_the_file_for_ever_is_reported(
    tmp_path: Path, maker: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("state.sqlite.OPENING_S", 0.0)
    assert isinstance(complaint(tmp_path / "new.db", lambda: Database(tmp_path / "new.db")), Locked)
    assert maker.in_transaction


@pytest.mark.requirement("R6")
def test_who_claims_at_the_same_moment_and_is_slower_hears_who_holds_the_thread(
    store: SqliteStore, tmp_path: Path
) -> None:
    store.create(THREAD, launched())
    quicker, leases = SqlitePlace(tmp_path).open(), list[Lease | Held]()

    def overtake(statement: str) -> None:
        if statement == "begin immediate" and not leases:
            leases.append(quicker.claim(THREAD))

    store.database.connection.set_trace_callback(overtake)  # it is called before the statement takes the lock
    assert isinstance(store.claim(THREAD), Held)
    assert isinstance(leases[0], Lease)


def test_an_open_reader_stands_in_nobodys_way(store: SqliteStore, held: tuple[Lease, Thread]) -> None:
    lease, thread = held
    other = Database(store.database.path)
    with other.snapshot() as db:
        assert db.execute("select head from threads").fetchone() == (2,)
        thread = store.append(lease, thread, ONE)
        assert db.execute("select head from threads").fetchone() == (2,), "one state, whatever others write"
    assert other.row("select head from threads") == (3,)


def test_a_lock_is_waited_for_only_a_moment() -> None:
    assert BUSY_MS < 100, "an event loop stands still meanwhile"


# Read-only


def read_only_connection(folder: Path) -> Database:
    database = SqlitePlace(folder).open().database
    database.connection.execute("pragma query_only = on")
    return database


@pytest.mark.requirement("R15")
def test_a_store_that_may_not_be_written_says_so_and_can_still_be_read(tmp_path: Path) -> None:
    place = SqlitePlace(tmp_path)
    thread = place.open().create(THREAD, launched()).thread
    database = read_only_connection(tmp_path)
    store = SqliteStore(database)
    assert "cannot be written" in str(complaint(place.path, lambda: store.claim(THREAD)))
    assert "cannot be written" in str(complaint(place.path, lambda: store.create("other", launched())))
    assert store.load(THREAD) == thread
    assert [row.thread_id for row in store.list(Search())] == [THREAD]


READ_ONLY = """
import sys
from pathlib import Path
from state.log import SqliteStore
from state.sqlite import Database, StoreError
from tests.state.places import THREAD, launched
try:
    store = SqliteStore(Database(Path(sys.argv[1])))
    print(store.load(THREAD).version)
    store.create("other", launched())
except StoreError as error:
    print(error)
"""


@pytest.mark.requirement("R15")
@pytest.mark.skipif(os.geteuid() == 0 and shutil.which("setpriv") is None, reason="rights do not bind root without it")
@pytest.mark.parametrize("sealed", ["file", "folder"])
def test_a_file_without_the_right_to_write_says_so_and_can_still_be_read(tmp_path: Path, sealed: str) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    place = SqlitePlace(folder)
    store = place.open()
    store.create(THREAD, launched())
    for part in folder.iterdir():
        part.chmod(0o400)
    folder.chmod(0o500 if sealed == "folder" else 0o700)
    bound = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    root = Path(__file__).resolve().parents[2]
    command = [*bound, sys.executable, "-c", READ_ONLY, str(place.path)]
    read, refused = subprocess.check_output(command, cwd=root, text=True).splitlines()
    folder.chmod(0o700)
    assert read == "1"
    assert str(place.path) in refused and "cannot be written" in refused


# Full


@pytest.mark.requirement("R4", "R15")
def test_a_full_disk_is_reported_and_nothing_acknowledged_is_lost(
    store: SqliteStore, held: tuple[Lease, Thread]
) -> None:
    lease, thread = held
    path, connection = store.database.path, store.database.connection
    (pages,) = connection.execute("pragma page_count").fetchone()
    connection.execute(f"pragma max_page_count = {pages}")
    assert "no room" in str(complaint(path, lambda: store.append(lease, thread, LARGE)))
    assert "no room" in str(complaint(path, lambda: put_blob(store.database, b"x" * 100_000, 0.0)))
    assert not connection.in_transaction
    assert store.load(THREAD) == thread
    connection.execute(f"pragma max_page_count = {pages + 1000}")
    assert store.append(lease, thread, LARGE) == store.load(THREAD)


# Damaged


@pytest.mark.requirement("R15")
@pytest.mark.parametrize(
    "damage",
    [
        "update events set data = 'nonsense' where version = 2",
        "update events set data = '{' where version = 2",
        "update events set kind = 'stranger' where version = 2",
        "update events set key = null where version = 2",
        "update events set kind = 'launched', key = null where version = 2",
        "update events set data = cast(x'ff7b' as text) where version = 2",
        'update events set kind = \'settled\', data = \'{"verdict":"again","by":"probe"}\' where version = 2',
        "delete from events where version = 2",
        "update events set version = 5 where version = 2",
        "delete from events",
    ],
)
def test_a_damaged_log_is_named_and_keeps_no_other_from_being_read(
    store: SqliteStore, held: tuple[Lease, Thread], damage: str
) -> None:
    path = store.database.path
    assert store.load(THREAD) == held[1]
    with store.database.transaction() as db:
        db.execute(damage)
    other = store.create("other", launched()).thread
    said = str(complaint(path, lambda: store.load(THREAD)))
    assert THREAD in said or "UTF-8" in said
    assert store.load("other") == other
    assert {row.thread_id for row in store.list(Search())} == {THREAD, "other"}


@pytest.mark.requirement("R15")
def test_a_torn_page_is_reported_as_damage(tmp_path: Path) -> None:
    place = SqlitePlace(tmp_path)
    store = place.open()
    store.create(THREAD, launched())
    store.database.connection.execute("pragma wal_checkpoint(truncate)").fetchall()
    store.database.close()
    content = bytearray(place.path.read_bytes())
    (root,) = raw(place.path, "select rootpage from sqlite_master where name = 'events'")[0]
    content[(root - 1) * 4096 : root * 4096] = b"\x55" * 4096
    place.path.write_bytes(content)
    assert "damaged" in str(complaint(place.path, lambda: place.open().load(THREAD)))


# Transactions


@pytest.mark.requirement("R4")
def test_a_durable_write_waits_for_the_disk_and_others_do_not(store: SqliteStore) -> None:
    def synchronous() -> int:
        return store.database.connection.execute("pragma synchronous").fetchone()[0]

    normal, full = 1, 2
    for durable, expected in ((False, normal), (True, full), (True, full), (False, normal)):
        with store.database.transaction(durable=durable):
            assert synchronous() == expected


@pytest.mark.requirement("R4")
def test_full_durability_holds_for_every_write(tmp_path: Path) -> None:
    database = Database(tmp_path / "factor12.db", durability="full")
    for durable in (False, True):
        with database.transaction(durable=durable) as db:
            assert db.execute("pragma synchronous").fetchone() == (2,)


def test_what_fails_in_the_middle_is_undone_and_the_next_write_works(store: SqliteStore) -> None:
    with pytest.raises(ZeroDivisionError), store.database.transaction() as db:
        db.execute("insert into trusted (path, at) values ('/x', 1.0)")
        raise ZeroDivisionError
    assert store.database.rows("select * from trusted") == []
    store.create(THREAD, launched())


def test_a_mistake_in_a_statement_is_told_with_the_file(store: SqliteStore) -> None:
    database = store.database
    assert "no such table" in str(complaint(database.path, lambda: database.rows("select * from absent")))


WITHOUT_ROOM_IN_A_FILE = """
import os, resource, sys
from pathlib import Path
from state.blobs import put_blob
from state.sqlite import Database, StoreError
database = Database(Path(sys.argv[1]))
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, limits[1]))
try:
    put_blob(database, os.urandom(1 << 20), 0.0)
except StoreError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, limits)
"""


@pytest.mark.requirement("R15")
def test_a_disk_that_fails_to_write_is_reported_and_nothing_of_it_is_kept(
    store: SqliteStore, held: tuple[Lease, Thread]
) -> None:
    path, root = store.database.path, Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", WITHOUT_ROOM_IN_A_FILE, str(path)]
    said = subprocess.check_output(command, cwd=root, text=True)
    assert said.startswith(f"The database {str(path)!r} cannot be read or written (disk I/O error)."), said
    assert said.count("\n") == 1 and said.endswith("failing?\n")
    assert store.load(THREAD) == held[1]
    store.append(*held, ONE.model_copy(update={"key": "two"}))


def raw(path: Path, statement: str) -> list[Any]:
    """Run one statement as a program that knows nothing of factor12."""
    connection = sqlite3.connect(path)
    found = connection.execute(statement).fetchall()
    connection.commit()
    connection.close()
    return found
