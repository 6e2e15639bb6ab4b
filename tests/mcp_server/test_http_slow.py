"""Clients that take their time: a connection is not held for one that says nothing, and the others are served."""

from pathlib import Path

import anyio
import httpx2 as httpx
import pytest

from mcp_server import front, slow_clients
from tests.mcp_server.http_server import listening

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("said", [b"", b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ", b"GET"])
async def test_a_client_that_does_not_say_what_it_wants_is_sent_away(
    shop: Path, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(slow_clients, "HEAD_S", 0.3)
    async with listening(shop) as port, await anyio.connect_tcp("127.0.0.1", port) as slow:
        if said:
            await slow.send(said)
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"http://127.0.0.1:{port}/health")).json()["status"] == "ok"
        with pytest.raises(anyio.EndOfStream):
            await slow.receive()


async def test_a_body_that_does_not_come_is_not_waited_for(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "BODY_S", 0.3)
    async with listening(shop) as port, await anyio.connect_tcp("127.0.0.1", port) as slow:
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


async def test_a_stream_may_be_silent_for_as_long_as_it_likes(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_clients, "HEAD_S", 0.1)
    monkeypatch.setattr(front, "BODY_S", 0.1)
    async with listening(shop) as port, await anyio.connect_tcp("127.0.0.1", port) as client:
        await client.send(f"GET /sse HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        said = b""
        while b"endpoint" not in said:
            said += await client.receive()
        with anyio.move_on_after(0.5):
            while True:
                assert await client.receive()
