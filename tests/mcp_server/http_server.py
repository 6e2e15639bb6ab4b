"""A real HTTP server in a process of its own, and clients that say who they are."""

import logging
import re
import subprocess
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Literal, TypeAlias

import anyio
import httpx2 as httpx
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

from mcp_server import http
from mcp_server.auth import make_token
from state.sqlite import Database
from tests.mcp_server.door import Calls, Era, Person, settings_in
from tests.mcp_server.process import FACTOR12, measured
from tests.mcp_server.toys import AGENTS, TOOLS

Doorway: TypeAlias = Literal["mcp", "sse"]


@contextmanager
def served(
    shop: Path, *words: str, command: tuple[str, ...] = FACTOR12, **variables: str
) -> Generator[tuple[subprocess.Popen[str], str]]:
    """Start a server on a free port; its process and where it listens."""
    known = measured(shop.parent / "state", **{"FACTOR12_TRUSTED_ROOTS": str(shop.parent), **variables})
    given = [*command, "serve", "--transport", "http", "--port", "0", *words]
    with subprocess.Popen(given, cwd=shop, env=known, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            found = re.search(r"listening at (http://[^ ]+)/", line)
            assert found, line + process.stderr.read()
            threading.Thread(target=process.stderr.read, daemon=True).start()  # a full pipe would stop the server
            yield process, found[1]
        finally:
            process.terminate()
            process.wait(10)


class _Heard(logging.Handler):
    """Waits for the line that says where a server listens."""

    def __init__(self) -> None:
        super().__init__()
        self.port = 0
        self.said = anyio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if found := re.search(r"listening at http://[\d.]+:(\d+)/", record.getMessage()):
            self.port = int(found[1])
            self.said.set()


@asynccontextmanager
async def listening(shop: Path, *, toys: bool = True, **changes: Any) -> AsyncGenerator[int]:
    """Serve the toys, or the product's agents, in this process, which costs a tenth of one of its own; the port."""
    heard, settings = _Heard(), settings_in(shop.parent, API_PORT=0, **changes)
    agents, tools = (AGENTS, TOOLS) if toys else (None, None)
    http.log.addHandler(heard)
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(http.serve, settings, shop, "http", agents, tools)
            with anyio.fail_after(60):
                await heard.said.wait()
                yield heard.port
            group.cancel_scope.cancel()
    finally:
        http.log.removeHandler(heard)


def token(shop: Path, principal: str, scopes: str = "read,run", lifetime_s: float | None = None) -> str:
    """Make a token in the database of the server beside."""
    database = Database(settings_in(shop.parent).database)
    _, secret = make_token(database, principal, tuple(scopes.split(",")), lifetime_s)
    database.close()
    return secret


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"} if secret else {}


@asynccontextmanager
async def caller(
    url: str, secret: str, era: Era = "2026-07-28", doorway: Doorway = "mcp", person: Person | None = None
) -> AsyncGenerator[Calls]:
    """Be a client with a token."""
    async with httpx.AsyncClient(headers=bearer(secret), trust_env=False, timeout=60) as client:
        way: Any = streamable_http_client(f"{url}/mcp", http_client=client)
        if doorway == "sse":
            way = sse_client(f"{url}/sse", headers=bearer(secret))
        with anyio.fail_after(60):
            async with Client(way, mode=era, elicitation_callback=person) as host:
                yield Calls(host)
