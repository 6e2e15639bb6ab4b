"""What a session remembers beside its threads: its stack of repositories; and which repositories a person trusts."""

import json
from pathlib import Path
from sqlite3 import Connection

from state.problem import ProblemError
from state.sqlite import Database

DEEPEST = 100
"""Repositories on a stack; the oldest are forgotten."""


def push(database: Database, principal: str, session: str, root: str) -> None:
    """Make `root` the session's current repository, unless it is already. Opens a session that there was not."""
    with database.transaction() as db:
        roots = _stack(db, principal, session) or []
        if roots[-1:] != [root]:
            _keep(db, principal, session, [*roots, root][-DEEPEST:])


def begin(database: Database, principal: str, session: str) -> None:
    """Open a session that has no repository yet, unless there is one."""
    with database.transaction() as db:
        db.execute("insert or ignore into sessions values (?, ?, '[]')", (principal, session))


def pop(database: Database, principal: str, session: str) -> str | None:
    """Go back to the repository before the current one and return it; `None` when that was the last."""
    with database.transaction() as db:
        if not (roots := _stack(db, principal, session)):
            return None
        _keep(db, principal, session, roots[:-1])
    return roots[-2] if len(roots) > 1 else None


def current(database: Database, principal: str, session: str) -> str | None:
    """Return the repository that a call without one means, if the session went anywhere."""
    return (stack(database, principal, session) or [None])[-1]


def stack(database: Database, principal: str, session: str) -> list[str] | None:
    """Return the session's repositories, the current one last; `None` if there is no such session."""
    with database.explained():
        return _stack(database.connection, principal, session)


def trust(database: Database, path: Path, at: float, config: str = "") -> None:
    """Record that a person lets programs of the repository at `path`, symlinks resolved, run.

    `config` is the digest of the settings that they saw there, which count in full as long as they stay the same.

    Raises:
        ProblemError: `bad_input`; the path is not UTF-8, so nothing could name it again.
    """
    if not _is_text(path):
        raise ProblemError("bad_input", f"The path {str(path)!r} is not UTF-8.", "Rename the folder, then trust it.")
    with database.transaction(durable=True) as db:
        db.execute("insert or replace into trusted (path, at, config) values (?, ?, ?)", (str(path), at, config))


def distrust(database: Database, path: Path) -> bool:
    """Take the trust in a repository back; False if there was none."""
    with database.transaction(durable=True) as db:
        return _is_text(path) and db.execute("delete from trusted where path = ?", (str(path),)).rowcount > 0


def is_trusted(database: Database, path: Path) -> bool:
    """Tell whether a person said that programs of exactly this repository may run."""
    return trusted_config(database, path) is not None


def trusted_config(database: Database, path: Path) -> str | None:
    """Return the digest of the settings that were trusted with exactly this repository; `None` if it is not trusted."""
    row = database.row("select config from trusted where path = ?", str(path)) if _is_text(path) else None
    return None if row is None else str(row[0])


def trusted_paths(database: Database) -> list[Path]:
    return [Path(path) for (path,) in database.rows("select path from trusted order by path")]


def _stack(db: Connection, principal: str, session: str) -> list[str] | None:
    found = db.execute("select stack from sessions where principal = ? and name = ?", (principal, session)).fetchone()
    return json.loads(found[0]) if found else None


def _keep(db: Connection, principal: str, session: str, roots: list[str]) -> None:
    db.execute("insert or replace into sessions values (?, ?, ?)", (principal, session, json.dumps(roots)))


def _is_text(path: Path) -> bool:
    """A folder's name may hold bytes that no text column takes."""
    return str(path).encode("utf-8", "replace").decode() == str(path)
