"""The clients that hosts are made of, each brought to one shape: it lists tools, calls them, and may fill in forms."""

import json
import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream
from mcp import Client, StdioServerParameters
from mcp.client.sse import sse_client

from tests.mcp_server.door import Calls, Era, Person, accept
from tests.node.programs import FOLDER, INSPECTOR, NODE

Transport: TypeAlias = Literal["stdio", "sse", "http"]
LONGEST_LINE = 1 << 20
CONNECT_MS = "60000"
TOLD_OF_FAILURE = 5
"""The inspector's exit code for a result that is an error; 6 would be a schema that does not do for every host."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server is, or how it is started."""

    transport: Transport
    era: Era
    params: StdioServerParameters
    url: str = ""


class Host(Protocol):
    """A client at a server."""

    fills_in: bool
    """Whether it has forms for a person to fill in."""

    async def tools(self) -> list[str]: ...

    async def call(self, tool: str, *answers: str, **arguments: Any) -> dict[str, Any]:
        """Return the structured result. Forms are filled in with the answers in their order; each must be asked for."""
        ...


@dataclass(frozen=True)
class Python:
    """The SDK that the server is made with."""

    client: Client
    person: Person
    fills_in = True

    async def tools(self) -> list[str]:
        return [tool.name for tool in (await self.client.list_tools()).tools]

    async def call(self, tool: str, *answers: str, **arguments: Any) -> dict[str, Any]:
        self.person.replies[:] = map(accept, answers)
        found: dict[str, Any] | None = (await Calls(self.client).call(tool, **arguments)).structured_content
        assert found is not None and not self.person.replies
        return found


@asynccontextmanager
async def python(server: Server) -> AsyncGenerator[Host]:
    person = Person()
    match server.transport:
        case "stdio":
            reached = server.params
        case "sse":
            reached = sse_client(server.url)
        case "http":
            reached = server.url
    async with Client(reached, mode=server.era, elicitation_callback=person) as client:
        yield Python(client, person)


@dataclass(frozen=True)
class TypeScript:
    """One of the two TypeScript SDKs, told line by line."""

    process: Process
    said: BufferedByteReceiveStream
    fills_in = True

    async def tools(self) -> list[str]:
        return (await self._tell())["tools"]

    async def call(self, tool: str, *answers: str, **arguments: Any) -> dict[str, Any]:
        told = await self._tell(tool=tool, arguments=arguments, answers=answers)
        assert told["shown"] == len(answers)
        return told["structured"]

    async def _tell(self, **told: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        await self.process.stdin.send(json.dumps(told).encode() + b"\n")
        return json.loads(await self.said.receive_until(b"\n", LONGEST_LINE))


@asynccontextmanager
async def typescript(program: str, server: Server) -> AsyncGenerator[Host]:
    told = {
        "transport": server.transport,
        "era": server.era,
        "url": server.url,
        **server.params.model_dump(mode="json"),
    }
    process = await anyio.open_process([NODE, FOLDER / program, json.dumps(told)], stderr=None)
    async with process:
        assert process.stdout is not None and process.stdin is not None
        yield TypeScript(process, BufferedByteReceiveStream(process.stdout))
        await process.stdin.aclose()
        assert await process.wait() == 0


@dataclass(frozen=True)
class Inspector:
    """The inspector's command line: a connection, and over stdio a server, for every single call."""

    server: Server
    home: Path
    fills_in = False

    async def tools(self) -> list[str]:
        listed = await self._run("--method", "tools/list", "--strict")
        return [tool["name"] for tool in listed["tools"]]

    async def call(self, tool: str, *answers: str, **arguments: Any) -> dict[str, Any]:
        assert not answers
        words = ("--method", "tools/call", "--tool-name", tool, "--tool-args-json", json.dumps(arguments))
        return (await self._run(*words))["structuredContent"]

    async def _run(self, *words: str) -> dict[str, Any]:
        era = "legacy" if self.server.era == "legacy" else "modern"
        shape = ("--cli", "--protocol-era", era, "--format", "json", "--quiet", "--connect-timeout", CONNECT_MS)
        command = [NODE, INSPECTOR, *shape, *words, *self._target()]
        done = await anyio.run_process(command, check=False, env={**os.environ, "HOME": str(self.home)})
        assert done.returncode in {0, TOLD_OF_FAILURE}, (done.returncode, done.stderr.decode())
        return json.loads(done.stdout)["result"]

    def _target(self) -> Sequence[str]:
        if self.server.transport != "stdio":
            return ("--transport", self.server.transport, "--server-url", self.server.url)
        params = self.server.params
        variables = [word for name, value in (params.env or {}).items() for word in ("-e", f"{name}={value}")]
        return ("--cwd", str(params.cwd), *variables, params.command, *params.args)


@asynccontextmanager
async def inspector(server: Server, home: Path) -> AsyncGenerator[Host]:
    yield Inspector(server, home)
