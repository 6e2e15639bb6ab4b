"""Content by digest: outputs too large for the log, and what an undo needs."""

import hashlib

from state.sqlite import Database


def put_blob(database: Database, data: bytes, now: float) -> str:
    """Keep `data` once and return its sha256 in hex."""
    digest = hashlib.sha256(data).hexdigest()
    if database.row("select 1 from blobs where digest = ?", digest) is None:
        with database.transaction() as db:
            db.execute("insert or ignore into blobs values (?, ?, ?, ?)", (digest, len(data), data, now))
    return digest


def get_blob(database: Database, digest: str) -> bytes | None:
    found = database.row("select data from blobs where digest = ?", digest)
    return found[0] if found else None
