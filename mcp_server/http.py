"""Serve hosts over HTTP on one port: Streamable HTTP at `/mcp`, the older SSE at `/sse`, and `/health`.

Engine and drivers belong to the process and are entered around the transports: a connection that closes ends no thread.
"""

import logging
import signal
import socket
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from agents.runtime.definition import Agent
from mcp_server.app import build_server, table
from mcp_server.auth import Door
from mcp_server.compose import Runtime, running
from mcp_server.envelope import told
from mcp_server.front import BODY_BYTES, LOOPBACK, METADATA, Front, Needs, reachable_by
from mcp_server.home import here
from mcp_server.logs import configure
from mcp_server.loop import go_at_last, run
from mcp_server.outward import Outward
from mcp_server.sdk import Server
from mcp_server.service_tools import health
from mcp_server.settings import Settings, load
from mcp_server.slow_clients import Timely
from mcp_server.terminal import conceal
from state.problem import ProblemError
from tools.base import Tool

Transport: TypeAlias = Literal["http", "sse"]
log = logging.getLogger(__name__)

GRACE_S = 1
"""How long open streams may go on once the process was told to end; with the rest it is gone within three seconds."""
BACKLOG = 2048


class _Listener(uvicorn.Server):
    """Leaves signals to the process, which lets go of its threads before it ends."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def serve_http(
    env_file: Path | None, transport: Transport, host: str = "", port: int | None = None, **more: Any
) -> None:
    """Serve with the person's settings until a signal comes; `host`, `port` and whatever more is given go before them.

    Raises:
        ProblemError: The settings, the address or the database stand in the way.
    """
    given = {name: value for name, value in (("api_host", host or None), ("api_port", port)) if value is not None}
    settings = load(env_file, **more).model_copy(update=given)
    configure(settings, Outward(more=settings.secrets))
    conceal(settings.secrets)
    run(partial(serve, settings, here(), transport))


async def serve(
    settings: Settings,
    home: Path,
    transport: Transport,
    agents: tuple[Agent[Any, Any], ...] | None = None,
    tools: tuple[Tool[..., Any], ...] | None = None,
    build: Callable[[Runtime], Server] = build_server,
) -> None:
    """Serve on the settings' host and port.

    Raises:
        ProblemError: The address cannot be listened at, or the database cannot be used.
    """
    with _listening(settings.api_host, settings.api_port) as listening:
        settings = settings.model_copy(update={"api_port": int(listening.getsockname()[1])})
        async with running(settings, home, for_everybody=True, agents=agents, tools=tools) as runtime:
            door = Door(settings, runtime.database)
            _admit(settings, door)
            app = application(runtime, build(runtime), transport, door)
            listener = _Listener(
                uvicorn.Config(
                    app,
                    http=Timely,
                    log_config=None,
                    access_log=False,
                    server_header=False,
                    timeout_graceful_shutdown=GRACE_S,
                )
            )
            async with anyio.create_task_group() as group:
                group.start_soon(_on_signal, listener, runtime.bells.close)
                log.warning("listening at %s/%s", settings.listens_at, _PATHS[transport])
                await listener.serve([listening])
                group.cancel_scope.cancel()


_PATHS: dict[Transport, str] = {"http": "mcp", "sse": "sse"}


def application(runtime: Runtime, server: Server, transport: Transport, door: Door) -> Starlette:
    """Return what answers on one port. Requests for another host, or from another site's page, are refused."""
    security = reachable_by(runtime.settings)
    routes: list[BaseRoute] = [*server.sse_app(transport_security=security, max_request_body_size=BODY_BYTES).routes]
    if transport == "http":
        http = server.streamable_http_app(transport_security=security, max_request_body_size=BODY_BYTES)
        routes += http.routes

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        if transport == "sse":
            yield
            return
        async with server.session_manager.run():
            yield

    routes.append(Route("/health", _health(runtime), methods=["GET"]))
    if (oauth := door.oauth) is not None:
        described = JSONResponse(oauth.metadata())
        routes += [Route(f"{METADATA}{path}", described, methods=["GET"]) for path in ("", "/mcp", "/sse")]
    needs: Needs = {entry.name: entry.needs for entry in table(runtime)}
    app = Starlette(routes=routes, lifespan=lifespan, middleware=[Middleware(Front, door, security, needs)])
    if transport == "http":
        from mcp_server.rest import rest  # of no use to SSE alone

        app.router.default = rest(runtime, door)
    return app


def _admit(settings: Settings, door: Door) -> None:
    """Stay on this machine unless callers have to say who they are, or a person said that it need not be.

    Raises:
        ProblemError: `refused`.
    """
    if settings.api_host in LOOPBACK or door.closed or settings.auth == "off":
        return
    message = f"API_HOST={settings.api_host!r} is open to other machines, and nobody would have to say who they are."
    hint = "Make a token first (factor12 token create), set FACTOR12_OAUTH_ISSUER, or use 127.0.0.1 and a tunnel."
    raise ProblemError("refused", message, hint)


def _health(runtime: Runtime) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return JSONResponse(runtime.outward.value(await health(runtime.seen_by(request))))
        except ProblemError as error:
            status = 403 if error.problem.kind == "refused" else 503
            return JSONResponse({"error": told(error.problem)}, status)

    return answer


@contextmanager
def _listening(host: str, port: int) -> Generator[socket.socket]:
    """Have the address, before anything else is begun.

    Raises:
        ProblemError: `conflict`; it cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sends small answers at once instead of waiting for an acknowledgement.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
        except OSError as error:
            message = f"Port {port} of {host} cannot be had: {error.strerror}."
            raise ProblemError("conflict", message, "Choose another with --port or API_PORT.") from error
        listening.listen(BACKLOG)
        yield listening


async def _on_signal(listener: uvicorn.Server, close: Callable[[], None]) -> None:
    """Let calls in flight answer `running`, and end. Outside the main thread whoever started the server ends it."""
    if threading.current_thread() is not threading.main_thread():
        return
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        async for _ in signals:
            go_at_last()
            close()
            listener.should_exit = True
