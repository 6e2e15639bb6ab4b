"""Who a bearer token speaks for: tokens a person made here, and what an OAuth server signed."""

import logging
import secrets
from time import time

from starlette.datastructures import Headers

from mcp_server.callers import LOCAL, SCOPES, Caller, scopes_in
from mcp_server.oauth import OAuth
from mcp_server.settings import Settings
from state import tokens
from state.problem import ProblemError
from state.sqlite import Database
from state.tokens import Token

log = logging.getLogger(__name__)

PREFIX = "f12_"
"""By which scanners, and our own redaction, know a token."""
SECRET_BYTES = 32


class Unauthenticated(Exception):
    """Nobody may come in without a token that counts. `presented`: there was one, which does not."""

    def __init__(self, *, presented: bool) -> None:
        super().__init__("a token is needed")
        self.presented = presented


class Door:
    """Lets callers in by their tokens; while none was ever made, by their being on this machine."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._policy = settings.auth
        self._database = database
        self.oauth = OAuth(settings) if settings.oauth_issuer else None

    @property
    def closed(self) -> bool:
        """Whether everybody must have a token."""
        if self._policy == "auto":
            return self.oauth is not None or tokens.any_made(self._database)
        return self._policy == "required"

    async def caller(self, headers: Headers) -> Caller:
        """Return who sends a request with these headers.

        Raises:
            Unauthenticated: Without a token that counts.
            ProblemError: The store, or the OAuth server, cannot be asked.
        """
        if not self.closed:
            return LOCAL
        given = headers.getlist("authorization")
        scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated(presented=False)
        known = self._by_own(token) if token.startswith(PREFIX) else await self._by_oauth(token)
        if known is None:
            raise Unauthenticated(presented=True)
        return known

    def _by_own(self, token: str) -> Caller | None:
        found = tokens.find(self._database, token)
        if found is None or not found.counts_at(time()):
            return None
        return Caller(found.principal, scopes_in(found.scopes))

    async def _by_oauth(self, token: str) -> Caller | None:
        return None if self.oauth is None else await self.oauth.caller(token)


def make_token(
    database: Database, principal: str, scopes: tuple[str, ...], lifetime_s: float | None
) -> tuple[Token, str]:
    """Make a token and return it with its secret, which is shown this once and kept nowhere.

    Raises:
        ProblemError: `bad_input`; a scope that there is not, or none.
    """
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        what = f"There is no scope {unknown[0][:80]!r}." if unknown else "A token without a scope is of no use."
        raise ProblemError("bad_input", what, f"Scopes: {', '.join(SCOPES)}.")
    now = time()
    made = Token(
        id=secrets.token_hex(4),
        principal=principal,
        scopes=tuple(scope for scope in SCOPES if scope in scopes),
        created_at=now,
        expires_at=None if lifetime_s is None else now + lifetime_s,
    )
    secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    tokens.add(database, made, secret)
    return made, secret
