"""What every HTTP request meets first: the right host, no other site's page, a bounded body, a known caller."""

from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_server.callers import KEPT, LOCAL


class Front:
    """Stands before every route."""

    def __init__(self, app: ASGIApp, security: TransportSecuritySettings) -> None:
        self._app = app
        self._guard = TransportSecurityMiddleware(security)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        if (refused := await self._guard.validate_request(Request(scope))) is not None:
            return await refused(scope, receive, send)
        scope[KEPT] = LOCAL
        return await self._app(scope, receive, send)
