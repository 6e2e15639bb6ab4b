"""A real HTTP server in a process of its own, and clients that say who they are."""

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

from tests.mcp_server.door import Calls, Era, Person
from tests.mcp_server.process import FACTOR12, measured

Doorway: TypeAlias = Literal["mcp", "sse"]


@contextmanager
def served(
    shop: Path, *words: str, command: tuple[str, ...] = FACTOR12, **variables: str
) -> Generator[tuple[subprocess.Popen[str], str]]:
    """Start a server on a free port; its process and where it listens."""
    known = measured(shop.parent.parent / "state", **{"FACTOR12_TRUSTED_ROOTS": str(shop.parent), **variables})
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


def token(shop: Path, *words: str) -> str:
    """Make a token as a person does, in the database of the server beside."""
    known = measured(shop.parent.parent / "state")
    made = subprocess.run([*FACTOR12, "token", "create", *words], env=known, capture_output=True, text=True, timeout=30)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"} if secret else {}


@asynccontextmanager
async def caller(
    url: str, secret: str, era: Era = "2026-07-28", doorway: Doorway = "mcp", person: Person | None = None
) -> AsyncGenerator[Calls]:
    """Be a client with a token."""
    async with httpx.AsyncClient(headers=bearer(secret), trust_env=False, timeout=60) as http:
        way: Any = streamable_http_client(f"{url}/mcp", http_client=http)
        if doorway == "sse":
            way = sse_client(f"{url}/sse", headers=bearer(secret))
        with anyio.fail_after(60):
            async with Client(way, mode=era, elicitation_callback=person) as client:
                yield Calls(client)
