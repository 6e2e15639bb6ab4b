"""Content by digest: outputs too large for the log, and what an undo needs."""

import hashlib

from state.sqlite import Database


def put_blob(database: Database, data: bytes, now: float) -> str:
    """Keep `data` once and return its sha256 in hex. Kept again it counts as new, so that no `gc` takes it away."""
    digest = hashlib.sha256(data).hexdigest()
    with database.transaction() as db:
        db.execute(
            "insert into blobs values (?, ?, ?, ?) on conflict (digest) do update set put_at = excluded.put_at",
            (digest, len(data), data, now),
        )
    return digest


def get_blob(database: Database, digest: str) -> bytes | None:
    found = database.row("select data from blobs where digest = ?", digest)
    return found[0] if found else None
