"""A host without an SDK: the real server in a child, its lines written and read one by one."""

import json
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from tests.mcp_server.hosting import server

LONGEST = 1 << 22
PATIENCE_S = 30.0
HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}}


@dataclass
class Raw:
    """One connection, after its handshake."""

    process: Process
    lines: BufferedByteReceiveStream
    heard: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    async def write(self, line: bytes) -> None:
        assert self.process.stdin is not None
        await self.process.stdin.send(line + b"\n")

    async def say(self, method: str, number: int | None = None, /, **params: Any) -> None:
        """Send a request, or a notification without a number."""
        known = {} if number is None else {"id": number}
        await self.write(json.dumps({"jsonrpc": "2.0", **known, "method": method, "params": params}).encode())

    async def call(self, number: int, tool: str, **arguments: Any) -> None:
        await self.say("tools/call", number, name=tool, arguments=arguments)

    async def hear(self, number: int | None) -> dict[str, Any]:
        """Read to the answer of that number; every line must be protocol."""
        with anyio.fail_after(PATIENCE_S):
            while True:
                message = json.loads(await self.lines.receive_until(b"\n", LONGEST))
                assert message["jsonrpc"] == "2.0"
                self.heard.append(message)
                if "method" not in message and message.get("id") == number:
                    return message

    async def result(self, number: int) -> dict[str, Any]:
        """Read to the structured result of the call of that number."""
        return (await self.hear(number))["result"]["structuredContent"]

    async def hang_up(self) -> None:
        assert self.process.stdin is not None
        await self.process.stdin.aclose()

    async def ends(self, within_s: float) -> int:
        """Return the exit code."""
        with anyio.fail_after(within_s):
            return await self.process.wait()

    async def rest(self) -> bytes:
        """Return what stands on stdout after the last line that was read."""
        rest = self.lines.buffer
        assert self.process.stdout is not None
        async for chunk in self.process.stdout:
            rest += chunk
        return rest


@asynccontextmanager
async def raw(folder: Path, home: Path, **variables: str) -> AsyncGenerator[Raw]:
    """Start the real server and shake hands; what still runs at the end is killed."""
    how = server(folder, home, **variables)
    with (folder / "stderr").open("ab") as errors:
        process = await anyio.open_process(
            [how.command, *how.args],
            cwd=home,
            env=how.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        try:
            assert process.stdout is not None
            client = Raw(process, BufferedByteReceiveStream(process.stdout))
            await client.say("initialize", 0, **HELLO)
            await client.hear(0)
            await client.say("notifications/initialized")
            yield client
        finally:
            if process.returncode is None:
                process.kill()
            with anyio.CancelScope(shield=True):
                await process.aclose()
