"""Find threads again: by session, repository, branch, issue, status, agent; the latest first."""

import json
from itertools import islice

from state.owner import is_dead
from state.sqlite import Database
from state.store import Owner, Row, Search

_COLUMNS = (
    "public, session, agent, status, outcome, question, repo, root, branch, issue, head, parent, created_at,"
    " updated_at, lease_owner, lease_until"
)


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
