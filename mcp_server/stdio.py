"""Serve one host over stdin and stdout, and leave cleanly however it ends (R11, R17)."""

import os
import signal
from pathlib import Path

import anyio

from mcp_server.app import build_server
from mcp_server.compose import Runtime, running
from mcp_server.guard import check_folders
from mcp_server.logs import configure
from mcp_server.outward import Outward
from mcp_server.settings import Settings, load

GRACE_S = 0.1
"""For answers on their way out: a waiting call answers `running` as soon as the process is going."""


def serve_stdio(env_file: Path | None = None) -> None:
    """Serve until the host closes the connection, or a signal comes.

    Raises:
        ProblemError: The settings, the installation or the database stand in the way.
    """
    check_folders()
    settings = load(env_file)
    configure(settings, Outward())
    anyio.run(_serve, settings, Path.cwd())


async def _serve(settings: Settings, home: Path) -> None:
    async with running(settings, home) as runtime:
        server = build_server(runtime)
        async with anyio.create_task_group() as group:
            group.start_soon(_leave_on_signal, runtime)
            try:
                await server.run_stdio_async()
            except* (BrokenPipeError, ConnectionResetError):
                pass
            await _leave(runtime)


async def _leave_on_signal(runtime: Runtime) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            await _leave(runtime)


async def _leave(runtime: Runtime) -> None:
    """Answer what waits, let go of every lease, end the children, and go. The thread that reads stdin never unwinds."""
    runtime.engine.bells.close()
    await runtime.dispatcher.stop()
    await anyio.sleep(GRACE_S)
    runtime.database.close()
    os._exit(0)
