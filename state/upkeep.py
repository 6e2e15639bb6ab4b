"""What a person does to the store as a whole: measure it, check it, rebuild its index, forget old threads."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from sqlite3 import Connection
from typing import Any

from pydantic import ValidationError

from state.rows import INDEXED, NAMED, decode, indexed, named
from state.sqlite import Database
from state.thread import ENDED, InvalidTransition, Thread, reduce

DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
"""How an event names a blob, whatever field or plan it stands in."""
FRESH_S = 3600.0
"""A driver keeps a blob before it appends the event that names it; younger ones are never collected."""
_ENDED = f"status in ({', '.join(repr(status) for status in sorted(ENDED))})"
_DERIVED = ("head", *NAMED, *INDEXED)


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is. `bytes` is the file with its log of changes; `blob_bytes` and `event_bytes` are payload."""

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
    return Size(_bytes(database), threads, events, event_bytes, blobs, blob_bytes)


def gc(database: Database, older_than: float, now: float) -> Collected:
    """Forget threads that ended and were not touched since `older_than`, then blobs that no event names.

    Times are epoch seconds. Waiting and running threads stay whatever their age. The space goes back to the disk.

    Raises:
        Locked: Another process is writing; what was removed before stays removed, and the same call may be repeated.
    """
    before = _bytes(database)
    with database.transaction() as db:
        old = f"select id from threads where {_ENDED} and updated_at < ?"
        events = db.execute(f"delete from events where thread in ({old})", (older_than,)).rowcount
        threads = db.execute(f"delete from threads where {_ENDED} and updated_at < ?", (older_than,)).rowcount
    blobs = _drop_unnamed(database, min(older_than, now - FRESH_S))
    with database.explained():
        database.connection.execute("vacuum")
        database.connection.execute("pragma wal_checkpoint(truncate)").fetchall()
    return Collected(threads, events, blobs, max(0, before - _bytes(database)))


def drift(database: Database) -> list[str]:
    """Return the ids of threads whose row does not say what their log says. Nothing is changed."""
    with database.explained():
        return [public for _, public, _ in _drifted(database.connection)]


def rebuild(database: Database) -> list[str]:
    """Write the rows of such threads anew, and the work trees they hold; return their ids."""
    columns = ", ".join(f"{name} = ?" for name in _DERIVED)
    with database.transaction(durable=True) as db:
        drifted = list(_drifted(db))
        for row, _, thread in drifted:
            db.execute(f"update threads set {columns} where id = ?", (*_derive(thread), row))
            db.execute("delete from repo_leases where thread = ?", (row,))
            for key in _held(thread):
                db.execute("insert or ignore into repo_leases values (?, ?)", (key, row))
    return [public for _, public, _ in drifted]


def integrity(database: Database) -> list[str]:
    """Return what is wrong with the file, one line each: SQLite's own findings, logs that cannot be read, bad blobs."""
    found = [f"SQLite: {line}" for (line,) in database.rows("pragma integrity_check") if line != "ok"]
    for row, public in database.rows("select id, public from threads order by id"):
        with database.explained():
            found += [f"thread {public!r}: {flaw}" for flaw in _Log(database.connection, row, public).flaws()]
    stray = "select count(*) from events where thread not in (select id from threads)"
    if count := database.rows(stray)[0][0]:
        found.append(f"{count} events belong to no thread")
    with database.explained(), closing(database.connection.execute("select digest, data from blobs")) as blobs:
        found += [f"blob {digest}: other content" for digest, data in blobs if hashlib.sha256(data).hexdigest() != digest]
    return found
