"""A host that speaks JSON-RPC by hand with a real server process, so that tests see every byte and every exit code."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from signal import Signals
from typing import Any

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

CHECKOUT = Path(__file__).resolve().parents[2]
TOYS = (sys.executable, "-m", "tests.mcp_server.toy_server")
REAL = (sys.executable, "-m", "mcp_server", "serve")
LONGEST_LINE = 1 << 24
TICK_S = 0.01
HELLO = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "by-hand", "version": "1"},
}
ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "by-hand", "version": "1"},
}


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Return an environment that has nothing of the machine's own settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FACTOR12_", "SISTER_"))}
    ours = {
        "PYTHONPATH": str(CHECKOUT),
        "FACTOR12_STATE_DIR": str(folder / "state"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "SISTER_REPO_BASE_PATH": str(folder),
    }
    return {**kept, **ours, **more}


class Host:
    """One server process and the lines that go to and fro."""

    def __init__(self, process: Process) -> None:
        assert process.stdout is not None
        self.process = process
        self.lines: list[str] = []
        """Everything that came on stdout."""
        self._from = BufferedByteReceiveStream(process.stdout)
        self._next = 0

    async def send(self, line: bytes) -> None:
        assert self.process.stdin is not None
        await self.process.stdin.send(line + b"\n")

    async def ask(self, method: str, **params: Any) -> int:
        """Send a request and return its id."""
        self._next += 1
        message = {"jsonrpc": "2.0", "id": self._next, "method": method, "params": params}
        await self.send(json.dumps(message).encode())
        return self._next

    async def call(self, name: str, **arguments: Any) -> int:
        """Ask for a tool call and return its id."""
        return await self.ask("tools/call", name=name, arguments=arguments)

    async def receive(self) -> dict[str, Any]:
        """Return the next message, whatever it is."""
        line = (await self._from.receive_until(b"\n", LONGEST_LINE)).decode()
        self.lines.append(line)
        message: dict[str, Any] = json.loads(line)
        return message

    async def answer(self, known: int | str | None) -> dict[str, Any]:
        """Return the response to a request; other messages are passed over."""
        while (message := await self.receive()).get("id") != known or "method" in message:
            pass
        return message

    async def refusal(self, frame: bytes, known: int | str | None) -> dict[str, Any]:
        """Send any bytes and return the error that answers them; long ones are written while reading."""
        error = dict[str, Any]()
        async with anyio.create_task_group() as group:
            group.start_soon(self.send, frame)
            error.update((await self.answer(known))["error"])
        return error

    async def told(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool and return its structured result."""
        answer = await self.answer(await self.call(name, **arguments))
        found: dict[str, Any] = answer["result"]["structuredContent"]
        return found

    async def greet(self) -> None:
        await self.answer(await self.ask("initialize", **HELLO))
        await self.send(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')

    async def close(self) -> int:
        """End the input, as a host does that has had enough, and return the exit code."""
        assert self.process.stdin is not None
        await self.process.stdin.aclose()
        return await self.process.wait()

    async def signal(self, number: Signals) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return await self.process.wait()


@asynccontextmanager
async def hosted(
    folder: Path, home: Path, command: Sequence[str] = TOYS, *, greeted: bool = True, more: Mapping[str, str] = {}
) -> AsyncGenerator[Host]:
    """Start a server in the repository `home` and end it with the block, if nothing else has ended it."""
    process = await anyio.open_process(command, cwd=home, env=environment(folder, **more), stderr=subprocess.PIPE)
    with anyio.fail_after(60):
        try:
            host = Host(process)
            if greeted:
                await host.greet()
            yield host
        finally:
            if process.returncode is None:
                process.kill()
            with anyio.CancelScope(shield=True):
                await process.aclose()


async def until(path: Path) -> None:
    """Wait for a file to stand there."""
    there = path.exists
    while not there():
        with anyio.move_on_after(TICK_S):
            await anyio.Event().wait()
