"""Clients that take their time: a connection is not held for one that says nothing, and the others are served."""

import logging
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import httpx2 as httpx
import pytest

from mcp_server import front, http, slow_clients
from tests.conftest import repository
from tests.mcp_server.door import settings_in
from tests.mcp_server.toys import AGENTS, TOOLS

pytestmark = pytest.mark.anyio


class _Heard(logging.Handler):
    """Waits for the line that says where a server listens."""

    def __init__(self) -> None:
        super().__init__()
        self.port = 0
        self.said = anyio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if found := re.search(r"listening at http://127\.0\.0\.1:(\d+)/", record.getMessage()):
            self.port = int(found[1])
            self.said.set()


@asynccontextmanager
async def listening(tmp_path: Path) -> AsyncGenerator[int]:
    """Serve in this process; the port."""
    shop, heard = repository(tmp_path / "src/shop", {"README": "A shop."}), _Heard()
    http.log.addHandler(heard)
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(http.serve, settings_in(shop.parent, API_PORT=0), shop, "http", AGENTS, TOOLS)
            with anyio.fail_after(60):
                await heard.said.wait()
                yield heard.port
            group.cancel_scope.cancel()
    finally:
        http.log.removeHandler(heard)


@pytest.mark.parametrize("said", [b"", b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ", b"GET"])
async def test_a_client_that_does_not_say_what_it_wants_is_sent_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(slow_clients, "HEAD_S", 0.3)
    async with listening(tmp_path) as port, await anyio.connect_tcp("127.0.0.1", port) as slow:
        if said:
            await slow.send(said)
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"http://127.0.0.1:{port}/health")).json()["status"] == "ok"
        with pytest.raises(anyio.EndOfStream):
            await slow.receive()


async def test_a_body_that_does_not_come_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "BODY_S", 0.3)
    async with listening(tmp_path) as port, await anyio.connect_tcp("127.0.0.1", port) as slow:
        head = (
            f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: 99\r\n"
        )
        await slow.send(f"{head}Accept: application/json, text/event-stream\r\n\r\n{{".encode())
        with anyio.fail_after(20):
            said = b""
            try:
                while True:
                    said += await slow.receive()
            except anyio.EndOfStream:
                pass
    assert b" 200 " not in said


async def test_a_stream_may_be_silent_for_as_long_as_it_likes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_clients, "HEAD_S", 0.1)
    monkeypatch.setattr(front, "BODY_S", 0.1)
    async with listening(tmp_path) as port, await anyio.connect_tcp("127.0.0.1", port) as client:
        await client.send(f"GET /sse HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        said = b""
        while b"endpoint" not in said:
            said += await client.receive()
        with anyio.move_on_after(0.5):
            while True:
                assert await client.receive()
