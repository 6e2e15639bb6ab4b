"""One SQLite file, shared safely by several processes: opening, transactions, and errors that name it."""

import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from state.problem import ProblemError

SCHEMA_VERSION = 5
"""Of this program. `state.migrations` holds one migration per number."""
BUSY_MS = 40
"""How long one statement waits for another process. Longer waits belong to the caller, which can await."""
OPENING_S = 10.0
"""How long opening waits, for whoever makes the file at the same moment."""
_WHOSE = """
    select
        user_version,
        (select count(*) from sqlite_master),
        (select count(*) from sqlite_master where name = 'events')
    from pragma_user_version
"""
"""One statement, so that it sees another process's migration whole or not at all."""


class StoreError(ProblemError):
    """The database cannot be used as asked; the message names the file."""

    def __init__(self, path: Path, what: str, hint: str) -> None:
        super().__init__("store", f"The database {str(path)!r} {what}.", hint)


class Locked(StoreError):
    """Another process is writing; the same call may succeed a moment later."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "is locked by another process", "Try again; `factor12 doctor` shows who holds it.")


class Database:
    """A connection with explicit transactions. Reads never block; writes fail fast with `Locked`."""

    def __init__(self, path: Path, durability: str = "normal") -> None:
        """Open and bring the schema up to date.

        Raises:
            StoreError: Unreadable, read-only, not a database, or written by a newer version.
        """
        self.path = path
        self._always_full = durability == "full"
        self._full = True
        with self.explained():
            _create_private(path)
            self.connection = sqlite3.connect(
                path, timeout=OPENING_S, isolation_level=None, check_same_thread=False, cached_statements=256
            )
            try:
                self._prepare()
                self.connection.execute(f"pragma busy_timeout={BUSY_MS}")
            except BaseException:
                self.connection.close()
                raise

    def close(self) -> None:
        self.connection.close()

    def rows(self, sql: str, *values: Any) -> list[Any]:
        with self.explained():
            return self.connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> Any | None:
        with self.explained():
            return self.connection.execute(sql, values).fetchone()

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Generator[sqlite3.Connection]:
        """Write, all or nothing. `durable` survives power loss, not only a crash of the process.

        Raises:
            Locked: Another process holds the write lock.
            StoreError: The disk is full, the file is read-only or corrupt.
        """
        connection = self.connection
        try:
            if (full := durable or self._always_full) is not self._full:
                connection.execute(f"pragma synchronous={'full' if full else 'normal'}")
                self._full = full
            with whole(connection):
                yield connection
        except (sqlite3.Error, OSError) as error:
            raise _explain(self.path, error) from error

    @contextmanager
    def snapshot(self) -> Generator[sqlite3.Connection]:
        """Read one state of the file, whatever others write meanwhile."""
        with self.explained():
            self.connection.execute("begin")
            try:
                yield self.connection
            finally:
                self.connection.execute("rollback")

    @contextmanager
    def explained(self) -> Generator[None]:
        """Turn SQLite's errors into one line that names the file and the next step."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise _explain(self.path, error) from error

    def _prepare(self) -> None:
        version, tables, ours = self.connection.execute(_WHOSE).fetchone()
        if version > SCHEMA_VERSION:
            what = f"has schema {version}, newer than this program ({SCHEMA_VERSION})"
            raise StoreError(self.path, what, "Upgrade factor12, or set FACTOR12_DATABASE_URL to another file.")
        if tables and not ours:
            raise StoreError(self.path, "belongs to another program", "Set FACTOR12_DATABASE_URL to another file.")
        if version < SCHEMA_VERSION:
            from state.migrations import migrate

            _enter_wal(self.connection)
            migrate(self.connection)


@contextmanager
def whole(connection: sqlite3.Connection) -> Generator[None]:
    """Write all of what the block writes, or nothing; nobody else writes meanwhile."""
    connection.execute("begin immediate")
    try:
        yield
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise


def _enter_wal(connection: sqlite3.Connection) -> None:
    """Switch the file over. Only here SQLite does not wait for another process that does the same."""
    deadline = monotonic() + OPENING_S
    while True:
        try:
            connection.execute("pragma journal_mode=wal")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or monotonic() > deadline:
                raise
            sleep(0.005)


def _create_private(path: Path) -> None:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _explain(path: Path, error: sqlite3.Error | OSError) -> StoreError:
    """Say it in one line. The low byte of SQLite's code is the class of the error: https://sqlite.org/rescode.html."""
    if isinstance(error, OSError):
        return StoreError(path, f"cannot be opened ({error.strerror})", f"Check the folder {str(path.parent)!r}.")
    match getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return Locked(path)
        case sqlite3.SQLITE_CANTOPEN if path.is_dir():
            return StoreError(path, "is a folder", "Set FACTOR12_DATABASE_URL to a file; it may be one in this folder.")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return StoreError(path, "cannot be written", "Check the rights of the file and of its folder.")
        case sqlite3.SQLITE_FULL:
            return StoreError(path, "has no room on its disk", "Free space, then repeat; nothing acknowledged is lost.")
        case sqlite3.SQLITE_IOERR:
            return StoreError(path, f"cannot be read or written ({error})", "Is its disk full, or failing?")
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            hint = f"Move it aside, with {path.name}-wal and {path.name}-shm, and restart the host."
            return StoreError(path, f"is damaged ({error})", hint)
        case _:
            return StoreError(path, f"failed: {error}", "See `factor12 doctor`.")
