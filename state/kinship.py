"""What one thread's step changes in others, in its own transaction: children open, one ends, a cancel goes down."""

import logging
from collections.abc import Mapping
from sqlite3 import Connection
from typing import Any, cast

from pydantic_core import to_json

from state.events import CancelRequested, ChildEnded, Event, Launched
from state.fold import InvalidTransition, reduce, replay
from state.opening import EVENT, open_row
from state.rows import INDEXED, Damaged, decode_all, encode, indexed, work_trees
from state.thread import Thread

log = logging.getLogger(__name__)

LONGEST_OUTPUT = 16_384
"""Bytes of a child's output that its parent is told; the child's own log has all of it."""
LONGEST_SUMMARY = 2_000
CASCADE = "parent"
"""The channel of a cancel that comes from the parent's."""
_WRITE = f"update threads set {', '.join(f'{name} = ?' for name in INDEXED)}, updated_at = ?, head = ? where id = ?"


def open_children(db: Connection, row: int, children: Mapping[str, Launched], now: float) -> None:
    """Open the threads that the thread of `row` starts; work trees that it holds and they write to become theirs."""
    for thread_id, launched in children.items():
        child = open_row(db, replay(thread_id, [launched]), now, lender=row)
        db.execute(EVENT, (child, 1, *encode(launched), now))


def conclude(db: Connection, row: int, thread: Thread, now: float) -> None:
    """Let go of the work trees of a thread that has ended; its parent hears of it, and gets back what it lent."""
    if thread.parent and (found := _load(db, thread.parent)) is not None:
        parent_row, parent = found
        if parent.family is not None and parent.family.expects(thread.id):
            after = _told(db, parent_row, parent, ending(parent.family.spawned.key, thread), now)
            mine = [(parent_row, key, row) for key in work_trees(after)]
            db.executemany("update repo_leases set thread = ? where key = ? and thread = ?", mine)
            if after.family and after.family.decided:
                ask_children_to_stop(db, after, now)
    db.execute("delete from repo_leases where thread = ?", (row,))


def ask_children_to_stop(db: Connection, thread: Thread, now: float) -> None:
    """Cancel what the thread rests for, down to the last grandchild. Whoever drives them settles what is in flight."""
    family = thread.family
    for ref in family.open if family else ():
        if (found := _load(db, ref.thread)) is None:
            continue
        row, child = found
        if not child.ended and not child.cancelling:
            after = _told(db, row, child, CancelRequested(channel=CASCADE, reason=f"by thread {thread.id}"), now)
            ask_children_to_stop(db, after, now)


def ending(key: str, child: Thread) -> ChildEnded:
    """Return what the log of a parent says of a child that has ended; `key` is that of its `Spawned`."""
    assert child.status in ("completed", "failed", "cancelled")
    return ChildEnded(
        key=key,
        thread=child.id,
        status=child.status,
        outcome=child.outcome,
        output=bounded(child.output),
        problem=child.reason,
        moves=child.moves,
    )


def bounded(output: Any) -> Any:
    """Return a child's output; of one that is long only its summary, and how long it is."""
    if (size := len(to_json(output))) <= LONGEST_OUTPUT:
        return output
    told = cast("dict[str, Any]", output).get("summary") if isinstance(output, dict) else None
    return {"summary": str(told or "")[:LONGEST_SUMMARY], "left_out": size}


def _load(db: Connection, public: str) -> tuple[int, Thread] | None:
    """Return row and thread; `None` if it is not here or cannot be read, which must not keep others from ending."""
    if (found := db.execute("select id from threads where public = ?", (public,)).fetchone()) is None:
        return None
    query = "select kind, key, data from events where thread = ? order by version"
    try:
        return found[0], replay(public, decode_all(db.execute(query, found).fetchall()))
    except (Damaged, InvalidTransition) as error:
        log.error("thread %s cannot be read, and is not told about its family: %s", public, error)
        return None


def _told(db: Connection, row: int, thread: Thread, event: Event, now: float) -> Thread:
    """Append to another thread's log, as a signal does."""
    after = reduce(thread, event)
    db.execute(_WRITE, (*indexed(after), now, after.version, row))
    db.execute(EVENT, (row, after.version, *encode(event), now))
    return after
