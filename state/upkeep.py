"""What a person does to the store as a whole: measure it, check it, rebuild its index, forget old threads."""

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from state.fold import reduce
from state.rows import INDEXED, NAMED, decode, indexed, named, work_trees
from state.sqlite import BUSY_MS, Database
from state.thread import ENDED, Thread

DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
"""How an event names a blob, whatever field or plan it stands in."""
FRESH_S = 3600.0
"""A driver keeps a blob before it appends the event that names it: younger ones are never collected."""
_OLD = (
    f"status in ({', '.join(map(repr, sorted(ENDED)))}) and (updated_at < ? or hidden = 1)"
    " and public not in (select value from json_each(?))"
)
_DERIVED = ("head", *NAMED, *INDEXED)


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is. `bytes` is what the file and its write-ahead log take; the other sizes are payload."""

    bytes: int
    threads: int
    events: int
    event_bytes: int
    blobs: int
    blob_bytes: int


@dataclass(frozen=True, slots=True)
class Collected:
    """What `gc` removed; `bytes` is by how much the file shrank."""

    threads: int
    events: int
    blobs: int
    bytes: int


def size(database: Database) -> Size:
    """Measure the store."""
    (threads,) = database.rows("select count(*) from threads")[0]
    events, event_bytes = database.rows("select count(*), coalesce(sum(length(data)), 0) from events")[0]
    blobs, blob_bytes = database.rows("select count(*), coalesce(sum(size), 0) from blobs")[0]
    return Size(_bytes(database.path), threads, events, event_bytes, blobs, blob_bytes)


def gc(database: Database, older_than: float, now: float, keep: Iterable[str] = ()) -> Collected:
    """Forget threads that ended and were not touched since `older_than`, then blobs that no event names.

    Times are epoch seconds. Those in `keep` stay; waiting and running threads stay whatever their age. The space goes
    back to the disk.

    Raises:
        Locked: Another process is writing; the same call may be repeated.
    """
    before, old = _bytes(database.path), (older_than, json.dumps([*keep]))
    with database.transaction() as db:
        events = db.execute(f"delete from events where thread in (select id from threads where {_OLD})", old)
        threads = db.execute(f"delete from threads where {_OLD}", old)
        db.execute("delete from repo_leases where thread not in (select id from threads)")
        blobs = _drop_unnamed_blobs(db, min(older_than, now - FRESH_S))
    _give_back(database)
    return Collected(threads.rowcount, events.rowcount, blobs, max(0, before - _bytes(database.path)))


def ended(database: Database, before: float) -> list[str]:
    """Return the ids of the threads that `gc` would forget, whoever they belong to."""
    old = (before, "[]")
    return [public for (public,) in database.rows(f"select public from threads where {_OLD} order by id", *old)]


def every(database: Database) -> list[str]:
    """Return the ids of all threads, whoever they belong to."""
    return [public for (public,) in database.rows("select public from threads order by id")]


def drift(database: Database) -> list[str]:
    """Return the ids of threads whose row does not say what their log says (R1). Nothing is changed."""
    with database.snapshot() as db:
        return [thread.id for _, thread in _drifted(db)]


def rebuild(database: Database) -> list[str]:
    """Write such rows anew from their logs, with the work trees they hold, and return the threads' ids."""
    columns = ", ".join(f"{name} = ?" for name in _DERIVED)
    with database.transaction(durable=True) as db:
        drifted = list(_drifted(db))
        for row, thread in drifted:
            db.execute(f"update threads set {columns} where id = ?", (*_derived(thread), row))
            db.execute("delete from repo_leases where thread = ?", (row,))
        for row, thread in drifted:
            for key in work_trees(thread):
                db.execute("insert or ignore into repo_leases values (?, ?)", (key, row))
    return [thread.id for _, thread in drifted]


def integrity(database: Database) -> list[str]:
    """Return what is wrong, a line each: SQLite's own findings, logs that cannot be read, blobs that changed.

    A damaged log is named by its thread and version, and keeps no other from being read.
    """
    with database.snapshot() as db:
        return [*_as_far_as_readable(_pages(db)), *_as_far_as_readable(_flaws(db))]


def _as_far_as_readable(flaws: Iterator[str]) -> Iterator[str]:
    try:
        yield from flaws
    except sqlite3.DatabaseError as error:
        yield f"SQLite: {error}."


def _pages(db: sqlite3.Connection) -> Iterator[str]:
    yield from (f"SQLite: {line}." for (line,) in db.execute("pragma integrity_check") if line != "ok")


def _flaws(db: sqlite3.Connection) -> Iterator[str]:
    for row, public, head in db.execute("select id, public, head from threads order by id").fetchall():
        match _fold(db, row, public):
            case str(flaw):
                yield f"Thread {public!r}: {flaw}."
            case Thread(version=version) if version < head:
                yield f"Thread {public!r}: version {version + 1} is missing."
            case _:
                pass
    for (row,) in db.execute("select distinct thread from events where thread not in (select id from threads)"):
        yield f"Row {row}: events of no thread."
    for digest, data in db.execute("select digest, data from blobs"):
        if hashlib.sha256(data).hexdigest() != digest:
            yield f"Blob {digest!r} is not what it was."


def _bytes(path: Path) -> int:
    return sum(part.stat().st_size for part in (path, path.with_name(f"{path.name}-wal")) if part.exists())


def _drop_unnamed_blobs(db: sqlite3.Connection, put_before: float) -> int:
    named = {digest for (data,) in db.execute("select data from events") for digest in DIGEST.findall(data)}
    old = db.execute("select digest from blobs where put_at < ?", (put_before,)).fetchall()
    unnamed = [(digest,) for (digest,) in old if digest not in named]
    db.executemany("delete from blobs where digest = ?", unnamed)
    return len(unnamed)


def _give_back(database: Database) -> None:
    """Shrink the file. Waits for writers, as it needs the file for itself for a moment."""
    with database.explained():
        database.connection.execute("pragma busy_timeout=10000")
        try:
            database.connection.execute("vacuum")
            database.connection.execute("pragma wal_checkpoint(truncate)").fetchall()
        finally:
            database.connection.execute(f"pragma busy_timeout={BUSY_MS}")


def _fold(db: sqlite3.Connection, row: int, public: str) -> Thread | str:
    """Return the thread that the log says, or where the log cannot be read."""
    thread = Thread(id=public)
    try:
        for version, kind, key, data in db.execute(
            "select version, kind, key, data from events where thread = ? order by version", (row,)
        ):
            if version != thread.version + 1:
                return f"version {thread.version + 1} is missing"
            thread = reduce(thread, decode(kind, key, data))
    except (ValueError, sqlite3.DatabaseError) as error:
        return f"version {thread.version + 1} is damaged ({str(error).splitlines()[0]})"
    return thread if thread.version else "version 1 is missing"


def _drifted(db: sqlite3.Connection) -> Iterator[tuple[int, Thread]]:
    """Yield row id and thread where the row or the work trees differ from the log. Unreadable logs are skipped."""
    for row, public, *stored in db.execute(f"select id, public, {', '.join(_DERIVED)} from threads").fetchall():
        if isinstance(thread := _fold(db, row, public), str):
            continue
        held = {key for (key,) in db.execute("select key from repo_leases where thread = ?", (row,))}
        if tuple(stored) != _derived(thread) or held != set(work_trees(thread)):
            yield row, thread


def _derived(thread: Thread) -> tuple[Any, ...]:
    return (thread.version, *named(thread), *indexed(thread))
