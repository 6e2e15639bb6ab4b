"""What every HTTP request meets first: the right host, no other site's page, a bounded body in time, a known caller."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import TypeAlias
from urllib.parse import urlsplit

import anyio
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.transport_security import (
    RequestBodyLimitMiddleware,
    TransportSecurityMiddleware,
    TransportSecuritySettings,
)
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_server import callers
from mcp_server.auth import Door, Unauthenticated
from mcp_server.callers import KEPT, NOBODY, Caller
from mcp_server.envelope import refusal
from mcp_server.open_streams import while_let_in
from mcp_server.settings import Settings
from state.problem import Problem, ProblemError

Needs: TypeAlias = Mapping[str, callers.Scope]
"""Which scope each tool needs."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")
HTTP_PORT = 80
BODY_BYTES = 4 << 20
"""What one request may bring."""
BODY_S = 30.0
"""How long a client may take to bring it."""
METADATA = "/.well-known/oauth-protected-resource"
OPEN = frozenset({"/healthz", "/readyz", "/docs", "/openapi.json"})
OPEN_UNDER = (METADATA, "/webhooks/")
"""What needs no token: without anybody's data, or signed by itself."""


class Front:
    """Stands before every route."""

    def __init__(self, app: ASGIApp, door: Door, security: TransportSecuritySettings, needs: Needs) -> None:
        self._app = RequestBodyLimitMiddleware(app, BODY_BYTES)
        self._door = door
        self._needs = needs
        self._guard = TransportSecurityMiddleware(security)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        if (refused := await self._guard.validate_request(Request(scope))) is not None:
            return await refused(scope, receive, send)
        is_open = scope["path"] in OPEN or scope["path"].startswith(OPEN_UNDER)
        try:
            caller = NOBODY if is_open else await self._door.caller(Headers(scope=scope))
        except Unauthenticated as error:
            return await self._challenge(error)(scope, receive, send)
        except ProblemError as error:
            return await _problem(error.problem, 503)(scope, receive, send)
        if (missing := self._missing(caller, Headers(scope=scope))) is not None:
            return await self._insufficient(missing)(scope, receive, send)
        _keep(scope, caller)

        async def let_in() -> bool:
            try:
                return is_open or await self._door.caller(Headers(scope=scope)) == caller
            except (Unauthenticated, ProblemError):
                return False

        return await self._app(scope, _in_time(receive), while_let_in(send, let_in))

    def _missing(self, caller: Caller, headers: Headers) -> callers.Scope | None:
        """Return the scope that a call lacks, where its headers say what it calls; elsewhere the call itself fails."""
        if headers.get("mcp-method") != "tools/call":
            return None
        needed = self._needs.get(headers.get("mcp-name", ""))
        return needed if needed is not None and needed not in caller.scopes else None

    def _challenge(self, error: Unauthenticated) -> Response:
        why = {"error": "invalid_token"} if error.presented else {}
        hint = "Send `Authorization: Bearer …` with a token that `factor12 token create` made."
        message = "The token does not count." if error.presented else "Who is asking? This server wants a token."
        return _problem(
            Problem(kind="refused", message=message, hint=hint), 401, self._bearer({**why, "scope": "read run"})
        )

    def _insufficient(self, scope: callers.Scope) -> Response:
        message = f"This needs the scope {scope!r}, which the token does not have."
        problem = Problem(kind="refused", message=message, hint="Use a token that has it.")
        return _problem(problem, 403, self._bearer({"error": "insufficient_scope", "scope": scope}))

    def _bearer(self, fields: Mapping[str, str]) -> str:
        """Return the challenge as RFC 6750 and RFC 9728 have it."""
        oauth = self._door.oauth
        where = {} if oauth is None else {"resource_metadata": metadata_url(oauth.resource)}
        return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in {**fields, **where}.items())


def metadata_url(resource: str) -> str:
    """Return where the description of a resource is: its path comes last (RFC 9728, section 3.1)."""
    split = urlsplit(resource)
    return f"{split.scheme}://{split.netloc}{METADATA}{split.path}"


def reachable_by(settings: Settings) -> TransportSecuritySettings:
    """Return by which names clients may call, and which sites' pages: this machine's, and those a person set."""
    own = () if _is_everywhere(settings.api_host) else (settings.api_host,)
    names = [f"[{name}]" if ":" in name else name for name in dict.fromkeys((*LOOPBACK, *own))]
    hosts = [f"{name}:{settings.api_port}" for name in names]
    if settings.api_port == HTTP_PORT:
        hosts += names  # clients leave it out
    hosts += (host.lower() for host in settings.allowed_hosts)
    if settings.public_url:
        hosts.append(urlsplit(settings.public_url).netloc.lower())
    origins = [f"{scheme}://{host}" for host in hosts for scheme in ("http", "https")]
    return TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=origins)


def _is_everywhere(host: str) -> bool:
    """Whether it stands for every address. It is no name to call by: a page of any site may do that."""
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False


def _keep(scope: Scope, caller: Caller) -> None:
    """Note the caller in the request, for our doors and for the SDK, which gives a session to one caller only."""
    scope[KEPT] = caller
    if caller.principal:
        known = AccessToken(
            token="", client_id=caller.principal, scopes=sorted(caller.scopes), subject=caller.principal
        )
        scope["user"] = AuthenticatedUser(known)


def _in_time(receive: Receive) -> Receive:
    """Wait for a request's body only so long; after it, a client may be silent as long as it likes."""
    deadline = anyio.current_time() + BODY_S
    whole = False

    async def received() -> Message:
        nonlocal whole
        if whole:
            return await receive()
        with anyio.move_on_after(max(0.0, deadline - anyio.current_time())):
            message = await receive()
            whole = not message.get("more_body", False)
            return message
        raise ClientDisconnect

    return received


def _problem(problem: Problem, status: int, challenge: str = "") -> Response:
    headers = {"WWW-Authenticate": challenge} if challenge else None
    return JSONResponse(refusal(problem), status, headers)
