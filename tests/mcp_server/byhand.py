"""A host that speaks JSON-RPC by hand with a real server process, so that tests see every byte and every exit code."""

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from tests.mcp_server.process import TOYS, started

LONGEST_LINE = 1 << 24
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
        """Return the next message, whatever it is; every line must be protocol."""
        line = (await self._from.receive_until(b"\n", LONGEST_LINE)).decode()
        self.lines.append(line)
        message: dict[str, Any] = json.loads(line)
        assert message["jsonrpc"] == "2.0"
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

    async def result(self, known: int) -> dict[str, Any]:
        """Return the structured result of the call with that id."""
        found: dict[str, Any] = (await self.answer(known))["result"]["structuredContent"]
        return found

    async def told(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool and return its structured result."""
        return await self.result(await self.call(name, **arguments))

    async def greet(self) -> None:
        await self.answer(await self.ask("initialize", **HELLO))
        await self.send(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')

    async def hang_up(self) -> None:
        """End the input, as a host does that has had enough."""
        assert self.process.stdin is not None
        await self.process.stdin.aclose()

    async def ends(self, within_s: float) -> int:
        """Return the exit code."""
        with anyio.fail_after(within_s):
            return await self.process.wait()

    async def rest(self) -> bytes:
        """Return what stands on stdout after the last line that was read."""
        rest = self._from.buffer
        assert self.process.stdout is not None
        async for chunk in self.process.stdout:
            rest += chunk
        return rest


@asynccontextmanager
async def hosted(
    home: Path, command: Sequence[str] = TOYS, *, greeted: bool = True, **variables: str
) -> AsyncGenerator[Host]:
    """Start a server in the repository `home` and end it with the block, if nothing else has ended it.

    Its stderr is in a file of that name beside the repository.
    """
    how = started(home, command, **variables)
    with (home.parent / "stderr").open("ab") as errors:
        process = await anyio.open_process([how.command, *how.args], cwd=how.cwd, env=how.env, stderr=errors)
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
