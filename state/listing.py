"""Find threads again: by session, repository, branch, issue, status, agent; the latest first."""

import json
from collections.abc import Iterable
from itertools import islice

from state.owner import is_dead
from state.sqlite import Database
from state.store import Owner, Row, Search

_COLUMNS = (
    "public, session, agent, status, outcome, waiting_on, question, repo, root, branch, issue, head, parent,"
    " created_at, updated_at, lease_owner, lease_until"
)

RECENT = 20
"""Threads among whose checkpoints is looked when none is named."""


def list_threads(database: Database, search: Search, principal: str, now: float) -> list[Row]:
    """Return at most `search.limit` rows, all if it is negative. `interrupted` is derived: running, no live lease."""
    where, values = ["principal = ?", "hidden = 0"], [principal]
    for column in ("session", "branch", "issue", "agent"):
        if (value := getattr(search, column)) is not None:
            where.append(f"{column} = ?")
            values.append(value)
    if search.repo is not None:
        where.append("(root = ? or repo = ?)")
        values += [search.repo, search.repo]
    derived = search.status in ("running", "interrupted")
    if search.status is not None:
        where.append("status = ?")
        values.append("running" if derived else search.status)
    found = database.rows(
        f"select {_COLUMNS} from threads where {' and '.join(where)} order by updated_at desc, id desc limit ?",
        *(*values, -1 if derived else search.limit),
    )
    rows = (_row(values, now) for values in found)
    kept = (row for row in rows if not derived or row.status == search.status)
    return list(kept if search.limit < 0 else islice(kept, search.limit))


def named_threads(database: Database, ids: Iterable[str], now: float) -> list[Row]:
    """Return the rows of those of these threads that there are."""
    query = f"select {_COLUMNS} from threads where public in (select value from json_each(?))"
    return [_row(values, now) for values in database.rows(query, json.dumps(list(ids)))]


def counted(database: Database) -> list[tuple[str, str, int, int]]:
    """Return agent, status, number of threads and of their events, of everybody's threads."""
    return database.rows("select agent, status, count(*), sum(head) from threads group by agent, status")


def with_key(database: Database, principal: str, key: str) -> str | None:
    """Return the thread that the principal launched under an idempotency key, whichever agent it runs."""
    found = database.row("select public from threads where principal = ? and idempotency_key = ?", principal, key)
    return None if found is None else str(found[0])


def hide(database: Database, thread_id: str) -> None:
    """Leave a thread out of lists. Its log stays readable by its id until `gc`, which forgets it once it has ended."""
    with database.transaction() as db:
        db.execute("update threads set hidden = 1 where public = ?", (thread_id,))


def _row(values: tuple[object, ...], now: float) -> Row:
    *columns, owner, until = values
    row = Row.model_validate(dict(zip(Row.model_fields, columns, strict=True)))
    if row.status == "running" and not _live(owner, until, now):
        return row.model_copy(update={"status": "interrupted"})
    return row


def _live(owner: object, until: object, now: float) -> bool:
    return (
        isinstance(owner, str) and isinstance(until, float) and until > now and not is_dead(Owner(*json.loads(owner)))
    )


def thread_ids(database: Database, principal: str, beginning: str, limit: int) -> list[str]:
    """Return the ids that begin so, the thread that moved last first."""
    found = database.rows(
        "select public from threads where principal = ? and hidden = 0 and substr(public, 1, ?) = ?"
        " order by updated_at desc, id desc limit ?",
        *(principal, len(beginning), beginning, limit),
    )
    return [public for (public,) in found]


def session_names(database: Database, principal: str, beginning: str, limit: int) -> list[str]:
    """Return the sessions whose names begin so: those with threads, and those that only went somewhere."""
    found = database.rows(
        "select session from threads where principal = ?1 and hidden = 0 and substr(session, 1, ?2) = ?3"
        " union select name from sessions where principal = ?1 and substr(name, 1, ?2) = ?3 order by 1 limit ?4",
        *(principal, len(beginning), beginning, limit),
    )
    return [name for (name,) in found]


def checkpoint_ids(database: Database, principal: str, beginning: str, limit: int) -> list[str]:
    """Return ids of checkpoints that begin so, of the threads that moved last, the latest checkpoint first."""
    thread, at, version = beginning.partition("@")
    threads = [thread] if at else thread_ids(database, principal, thread, RECENT)
    found = database.rows(
        "select public || '@' || version from threads join events on events.thread = threads.id"
        " where public in (select value from json_each(?)) and principal = ? and hidden = 0"
        " and kind = 'checkpoint_taken' and substr(version, 1, ?) = ?"
        " order by updated_at desc, threads.id desc, version desc limit ?",
        *(json.dumps(threads), principal, len(version), version, limit),
    )
    return [known for (known,) in found]


def heads(database: Database, ids: Iterable[str], principal: str | None = None) -> dict[str, int]:
    """Return how far each of the threads is; without those that there are not, or not for the principal."""
    whose, values = ("", ()) if principal is None else (" and principal = ? and hidden = 0", (principal,))
    found = database.rows(
        f"select public, head from threads where public in (select value from json_each(?)){whose}",
        *(json.dumps(list(ids)), *values),
    )
    return dict(found)
