"""Serve one host over stdin and stdout, and leave cleanly however it ends: signal, end of input, death of the host."""

import gc
import logging
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage

from agents.runtime.definition import Agent
from mcp_server.app import build_server
from mcp_server.compose import running
from mcp_server.home import here
from mcp_server.logs import configure
from mcp_server.loop import go_at_last, run
from mcp_server.outward import Outward
from mcp_server.sdk import Server
from mcp_server.settings import Settings, load
from mcp_server.wire import Wire, claimed
from tools.base import Tool

ToServer: TypeAlias = MemoryObjectSendStream[SessionMessage | Exception]
FromServer: TypeAlias = MemoryObjectReceiveStream[SessionMessage]

log = logging.getLogger(__name__)

GRACE_S = 0.5
"""For the answers of calls in flight: they return `running` as soon as the process is going."""
PARENT_S = 1.0


def serve_stdio(env_file: Path | None = None, **given: Any) -> None:
    """Serve with the person's settings until the host closes the connection, dies, or a signal comes.

    Settings that are given go before theirs.

    Raises:
        ProblemError: The settings or the database stand in the way.
    """
    settings = load(env_file, **given)
    configure(settings, Outward(more=settings.secrets))
    run(partial(serve, settings, here()))


async def serve(
    settings: Settings,
    home: Path,
    agents: tuple[Agent[Any, Any], ...] | None = None,
    tools: tuple[Tool[..., Any], ...] | None = None,
) -> None:
    """Serve over this process's stdin and stdout. Engine and drivers belong to the process, not to a connection.

    Raises:
        ProblemError: The database cannot be used, or stdin or stdout is closed.
    """
    with claimed() as (source, sink):
        if os.isatty(source):
            log.warning("this speaks MCP over stdin and stdout; it is started by a host, not by hand")
        async with running(settings, home, agents=agents, tools=tools) as runtime:
            server = build_server(runtime)
            gc.freeze()
            gc.enable()
            await _serve(server, Wire(source, sink), runtime.bells.close)


async def _serve(server: Server, wire: Wire, close: Callable[[], None]) -> None:
    """Serve one connection. Its end of input is not the server's at once, which would drop the calls in flight."""
    leave, receiving = anyio.Event(), anyio.CancelScope()
    to_server, inbox = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    outbox, from_server = anyio.create_memory_object_stream[SessionMessage](0)
    async with anyio.create_task_group() as watchers:
        watchers.start_soon(_on_signal, leave)
        watchers.start_soon(_on_orphaned, leave)
        async with anyio.create_task_group() as connection:
            connection.start_soon(_receive, wire, to_server, leave, receiving)
            connection.start_soon(_send, wire, from_server, leave)
            connection.start_soon(server.run_streams, inbox, outbox)
            await leave.wait()
            go_at_last()
            close()
            with anyio.move_on_after(GRACE_S):
                await wire.drained()
            receiving.cancel()
            connection.cancel_scope.deadline = anyio.current_time() + GRACE_S
        watchers.cancel_scope.cancel()


async def _receive(wire: Wire, to_server: ToServer, leave: anyio.Event, until: anyio.CancelScope) -> None:
    async with to_server:
        with until:
            await wire.receive(to_server)
            leave.set()
            await anyio.sleep_forever()


async def _send(wire: Wire, from_server: FromServer, leave: anyio.Event) -> None:
    async with from_server:
        try:
            await wire.send(from_server)
        except (BrokenPipeError, ConnectionResetError):
            leave.set()


async def _on_signal(leave: anyio.Event) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        async for _ in signals:
            leave.set()


async def _on_orphaned(leave: anyio.Event) -> None:
    """Leave when the host dies without closing stdin, which a program that it started may hold open."""
    parent = os.getppid()
    while os.getppid() == parent:
        with anyio.move_on_after(PARENT_S):
            await leave.wait()
    leave.set()
