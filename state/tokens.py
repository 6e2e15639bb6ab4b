"""Bearer tokens that a person made. Only a digest is kept: who reads the file learns none of them."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from state.sqlite import Database


class Token(NamedTuple):
    """What is known of a token. Times are seconds since the epoch."""

    id: str
    principal: str
    scopes: tuple[str, ...]
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None

    def counts_at(self, now: float) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


_COLUMNS = "id, principal, scopes, created_at, expires_at, revoked_at"


def add(database: Database, token: Token, secret: str) -> None:
    """Keep a new token. The secret is random, so a plain digest of it cannot be guessed back."""
    id, principal, scopes, *times = token
    values = (id, principal, ",".join(scopes), *times, _digest(secret))
    with database.transaction(durable=True) as db:
        db.execute(f"insert into tokens ({_COLUMNS}, digest) values (?, ?, ?, ?, ?, ?, ?)", values)


def find(database: Database, secret: str) -> Token | None:
    """Return the token of that secret, whether it still counts or not."""
    row = database.row(f"select {_COLUMNS} from tokens where digest = ?", _digest(secret))
    return None if row is None else _token(*row)


def listed(database: Database) -> Sequence[Token]:
    """Return every token there ever was, oldest first."""
    return [_token(*row) for row in database.rows(f"select {_COLUMNS} from tokens order by created_at, id")]


def revoke(database: Database, id: str, now: float) -> bool:
    """Let a token count no more; False if there is none of that id that still does."""
    with database.transaction(durable=True) as db:
        changed = "update tokens set revoked_at = ? where id = ? and revoked_at is null"
        return db.execute(changed, (now, id)).rowcount > 0


def any_made(database: Database) -> bool:
    """Tell whether a person ever made one: from then on, nobody is let in without."""
    return database.row("select 1 from tokens limit 1") is not None


def _token(id: str, principal: str, scopes: str, *times: Any) -> Token:
    return Token(id, principal, tuple(scopes.split(",")), *times)


def _digest(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
