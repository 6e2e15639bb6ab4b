"""Content by digest: outputs too large for the log, and what an undo needs."""

import hashlib
from sqlite3 import Connection

from state.sqlite import Database


def put_blob(database: Database, data: bytes, now: float) -> str:
    """Keep `data` once and return its sha256 in hex."""
    with database.transaction() as db:
        return insert_blob(db, data, now)


def insert_blob(db: Connection, data: bytes, now: float) -> str:
    """Do the same inside a transaction. Content that is kept again counts as new, so that no `gc` takes it away."""
    digest = hashlib.sha256(data).hexdigest()
    db.execute(
        "insert into blobs values (?, ?, ?, ?) on conflict (digest) do update set put_at = excluded.put_at",
        (digest, len(data), data, now),
    )
    return digest


def get_blob(database: Database, digest: str) -> bytes | None:
    found = database.row("select data from blobs where digest = ?", digest)
    return found[0] if found else None
