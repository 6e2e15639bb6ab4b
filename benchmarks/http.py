"""The server over HTTP: one call beside the bare SDK's, and two hundred clients over a thousand waiting threads."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, sleep
from typing import Any

import anyio
import httpx2

from benchmarks.figures import Figure, at_most, at_most_times
from benchmarks.server import CHECKOUT, SDK
from benchmarks.threads import make_finished, make_waiting

OURS = ("mcp_server", "serve", "--transport", "http", "--port")
BARE = ("benchmarks.bare",)
ERA = "2026-07-28"
CALLS, CLIENTS, EACH, WAITING = 200, 200, 10, 1000


@contextmanager
def listening(program: tuple[str, ...], state: Path) -> Generator[str]:
    """Start a server on a free port, and say where its MCP endpoint is once it answers there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "FACTOR12_STATE_DIR": str(state), "XDG_CONFIG_HOME": str(state / "config")}
    command = [sys.executable, "-m", *program, str(port)]
    with subprocess.Popen(command, cwd=CHECKOUT, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            while not _answers(port):
                assert process.poll() is None, "the server has gone"
                sleep(0.05)
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            process.terminate()
            process.wait(10)


def _answers(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


@asynccontextmanager
async def host(url: str) -> AsyncGenerator["Host"]:
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as client:
        yield Host(client, url)


class Host:
    """A client of the newest revision: every request stands by itself."""

    def __init__(self, client: httpx2.AsyncClient, url: str) -> None:
        self._client = client
        self._url = url

    async def call(self, tool: str, **arguments: Any) -> float:
        """Call a tool, which must not fail, and return the seconds it took."""
        known: dict[str, Any] = {
            "io.modelcontextprotocol/protocolVersion": ERA,
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        params = {"name": tool, "arguments": arguments, "_meta": known}
        headers = {
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": ERA,
            "Mcp-Method": "tools/call",
            "Mcp-Name": tool,
        }
        start = perf_counter()
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        answer = await self._client.post(self._url, json=message, headers=headers)
        taken = perf_counter() - start
        assert answer.status_code == 200, answer.text
        body = answer.text if answer.text.startswith("{") else answer.text.partition("data: ")[2]
        assert not json.loads(body.splitlines()[0])["result"].get("isError"), body
        return taken


def figures(folder: Path) -> Iterator[Figure]:
    known, state = make_finished(folder / "http" / "factor12.db"), folder / "http"
    with listening(OURS, state) as ours, listening(BARE, state) as bare:
        wait, empty = anyio.run(_in_turns, ours, bare, known)
    what = "thread_wait on an ended thread over HTTP, p50"
    yield at_most_times(what, 1e3 * wait, "ms", 1e3 * empty, f"{SDK}'s empty tool", 1.5)
    crowd = folder / "http-crowd"
    make_waiting(crowd / "factor12.db", WAITING)
    with listening(OURS, crowd) as url:
        taken = anyio.run(_crowd, url)
    middle, last = median(taken), quantiles(taken, n=100)[-1]
    yield at_most("errors of 200 HTTP clients at once over 1,000 waiting threads", CLIENTS * EACH - len(taken), "", 0)
    yield at_most_times("their status call, p99", 1e3 * last, "ms", 1e3 * middle, "its own p50", 10)


async def _in_turns(ours: str, bare: str, known: str) -> tuple[float, float]:
    async with host(ours) as at, host(bare) as beside:
        pairs = [(await at.call("thread_wait", thread_id=known), await beside.call("nothing")) for _ in range(CALLS)]
    waits, empties = zip(*pairs, strict=True)
    return median(waits), median(empties)


async def _crowd(url: str) -> list[float]:
    taken: list[float] = []

    async def client(at: Host) -> None:
        taken.extend([await at.call("thread_wait", wait=0) for _ in range(EACH)])

    async with AsyncExitStack() as stack, anyio.create_task_group() as group:
        for at in [await stack.enter_async_context(host(url)) for _ in range(CLIENTS)]:
            group.start_soon(client, at)
    return taken
