"""The MCP door as a host finds it: a composed process in memory, or the real server in a process of its own."""

import os
import signal
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from mcp import Client, StdioServerParameters
from mcp_types import CallToolResult

from agents.runtime.definition import Agent
from mcp_server.app import build_server
from mcp_server.catalogue import AGENTS, TOOLS
from mcp_server.compose import Runtime, running
from mcp_server.settings import Settings
from tests.agents.runtime import toys
from tools.base import Tool

CHECKOUT = Path(__file__).resolve().parents[2]
MODERN, LEGACY = "2026-07-28", "legacy"
TOYS: tuple[Agent[Any, Any], ...] = (toys.errand,)


@dataclass(frozen=True)
class Said:
    """What a call answered: the structured result, the text beside it, and whether it is an error."""

    fields: Mapping[str, Any]
    text: str
    is_error: bool

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]

    @property
    def kind(self) -> str:
        """The kind of the error that a failure is, once it is seen to be one line with a next step (R15)."""
        assert self.is_error, self.text
        assert "\n" not in self.fields["error"]["message"]
        assert self.fields["next"], self.text
        return self.fields["error"]["kind"]


def said(result: CallToolResult) -> Said:
    text = "\n".join(part.text for part in result.content if part.type == "text")
    return Said(result.structured_content or {}, text, bool(result.is_error))


async def call(client: Client, name: str, /, **arguments: Any) -> Said:
    """Call a tool as a model does."""
    return said(await client.call_tool(name, arguments))


@dataclass
class Door:
    """One process over a state folder and its repositories, composed in memory."""

    folder: Path
    home: Path
    agents: tuple[Agent[Any, Any], ...] = TOYS
    tools: Sequence[Tool[..., Any]] = toys.TOOLS
    settings: dict[str, Any] = field(default_factory=dict[str, Any])

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[Runtime]:
        """Compose a process; several may be open at the same time, as processes of their own would be."""
        given: dict[str, Any] = {"state_dir": self.folder / "state", "base_path": self.folder / "src", **self.settings}
        async with running(Settings(**given), self.home, agents=self.agents, tools=tuple(self.tools)) as runtime:
            yield runtime

    @asynccontextmanager
    async def client(self, mode: str = MODERN, **options: Any) -> AsyncGenerator[Client]:
        """Be a client of such a process; `elicitation_callback` is what makes it declare elicitation."""
        async with (
            self.opened() as runtime,
            Client(build_server(runtime), mode=mode, read_timeout_seconds=60, **options) as client,
        ):
            yield client


def real(folder: Path, home: Path) -> Door:
    """Return a door with the agents and tools of the product, whose person trusts the repositories."""
    return Door(folder, home, AGENTS, TOOLS, {"trusted_roots": (folder / "src",)})


def environment(folder: Path) -> dict[str, str]:
    """Return what a host gives the server it starts."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(CHECKOUT),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "FACTOR12_STATE_DIR": str(folder / "state"),
        "FACTOR12_TRUSTED_ROOTS": str(folder / "src"),
    }


def server(folder: Path, home: Path, **variables: str) -> StdioServerParameters:
    """Return how a host starts the real server."""
    arguments = ["-m", "mcp_server", "serve"]
    given = {**environment(folder), **variables}
    return StdioServerParameters(command=sys.executable, args=arguments, env=given, cwd=home)


@asynccontextmanager
async def host(folder: Path, home: Path, mode: str = "auto", **options: Any) -> AsyncGenerator[Client]:
    """Start the real server as a host does, and be its client."""
    async with Client(server(folder, home), mode=mode, read_timeout_seconds=60, **options) as client:
        yield client


def served_process(folder: Path) -> psutil.Process:
    """Return the server process among this one's children that works on the state folder."""
    for child in psutil.Process().children():
        if child.environ().get("FACTOR12_STATE_DIR") == str(folder / "state"):
            return child
    raise AssertionError("no server runs")


def kill(process: psutil.Process, what: signal.Signals) -> None:
    process.send_signal(what)
