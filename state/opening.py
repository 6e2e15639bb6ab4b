"""A new thread's row, and the work trees that nobody else writes to while it lives (R20)."""

from sqlite3 import Connection

from state.problem import ProblemError
from state.rows import INDEXED, NAMED, indexed, named, work_trees
from state.thread import Thread

EVENT = "insert into events (thread, version, kind, key, data, at) values (?, ?, ?, ?, ?, ?)"


def open_row(
    db: Connection,
    thread: Thread,
    now: float,
    idempotency_key: str | None = None,
    arguments: str = "",
    lender: int | None = None,
) -> int:
    """Insert the row of a new thread, take the work trees it writes to (R20), and return the row's id.

    Those that the row `lender` holds are handed down by it.

    Raises:
        ProblemError: `busy`; a work tree is taken. Names the holder.
    """
    columns = ("public", "idempotency_key", "arguments", "head", "updated_at", *NAMED, *INDEXED)
    values = (thread.id, idempotency_key, arguments, thread.version, now, *named(thread), *indexed(thread))
    places = ", ".join("?" * len(columns))
    row = db.execute(f"insert into threads ({', '.join(columns)}) values ({places})", values).lastrowid or 0
    take_work_trees(db, row, thread, lender)
    return row


def take_work_trees(db: Connection, row: int, thread: Thread, lender: int | None = None) -> None:
    """Take the work trees that the thread writes to.

    Raises:
        ProblemError: `busy`; another thread than the lender has one.
    """
    for key, name in work_trees(thread).items():
        if db.execute("update repo_leases set thread = ? where key = ? and thread = ?", (row, key, lender)).rowcount:
            continue
        query = "select public, principal from repo_leases join threads on id = thread where key = ?"
        if held := db.execute(query, (key,)).fetchone():
            raise _busy(name, held[0] if held[1] == thread.principal else None)
        db.execute("insert into repo_leases values (?, ?)", (key, row))


def _busy(name: str, holder: str | None) -> ProblemError:
    """Say who holds a work tree; a thread of somebody else's is not named."""
    if holder is None:
        message = f"Somebody else is working in {name!r}; one work tree has one writer."
        return ProblemError("busy", message, 'Launch with isolation "worktree", or again later.')
    hint = f"Wait for it (`thread_wait`), answer it, or cancel it (`thread_cancel`): {holder}."
    message = f"Thread {holder!r} is working in {name!r}; one work tree has one writer."
    return ProblemError("busy", message, f'{hint} Or launch with isolation "worktree".')
