"""The MCP door in memory: a composed process in a folder of small repositories, and clients of both eras at it."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import anyio
from mcp import Client
from mcp.client import ClientRequestContext
from mcp_types import CallToolResult, ElicitRequestParams, ElicitResult, RequestParamsMeta, TextContent

from mcp_server.app import build_server
from mcp_server.compose import Runtime, running
from mcp_server.settings import Settings
from tests.agents.runtime.toys import lines
from tests.mcp_server.toys import AGENTS, TOOLS

Era: TypeAlias = Literal["legacy", "2026-07-28"]
ERAS: tuple[Era, ...] = ("legacy", "2026-07-28")


@dataclass(frozen=True)
class Calls:
    """What a client at a door asks of it."""

    client: Client

    async def call(self, name: str, _meta: Mapping[str, Any] | None = None, /, **arguments: Any) -> CallToolResult:
        return await self.client.call_tool(name, arguments, meta=RequestParamsMeta(**_meta) if _meta else None)

    async def told(self, name: str, _meta: Mapping[str, Any] | None = None, /, **arguments: Any) -> dict[str, Any]:
        """Call a tool that must succeed, and return what it answers."""
        result = await self.call(name, _meta, **arguments)
        assert not result.is_error, text_of(result)
        return structured(result)

    async def problem(self, name: str, _meta: Mapping[str, Any] | None = None, /, **arguments: Any) -> dict[str, str]:
        """Call a tool that must fail, and return its error: one line, with what to do next (R15)."""
        result = await self.call(name, _meta, **arguments)
        assert result.is_error, text_of(result)
        error: dict[str, str] = structured(result)["error"]
        assert "\n" not in error["message"] and error["hint"] == structured(result)["next"], text_of(result)
        return error


@dataclass(frozen=True)
class Door(Calls):
    """A client at a process in memory, and what stands behind it."""

    runtime: Runtime


def structured(result: CallToolResult) -> dict[str, Any]:
    found: dict[str, Any] | None = result.structured_content
    assert found is not None
    return found


def text_of(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


def settings_in(folder: Path, **changes: Any) -> Settings:
    """Return settings that depend on nothing of the machine, for a state folder of their own."""
    own: dict[str, Any] = {
        "state_dir": folder / "state",
        "base_path": folder,
        "prompts_dir": folder / "state" / "prompts",
    }
    given = {"FACTOR12_STATE_DIR": "state_dir", "SISTER_REPO_BASE_PATH": "base_path"}
    return Settings(**own | {given.get(name, name): value for name, value in changes.items()})


@dataclass
class Person:
    """Who sits at a client and fills in its forms, from a script; `cancel` once it is over."""

    replies: list[ElicitResult] = field(default_factory=list[ElicitResult])
    shown: list[ElicitRequestParams] = field(default_factory=list[ElicitRequestParams])

    async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        self.shown.append(params)
        return self.replies.pop(0) if self.replies else ElicitResult(action="cancel")


def accept(answer: Any) -> ElicitResult:
    return ElicitResult(action="accept", content={"answer": answer})


DECLINE = ElicitResult(action="decline")
CANCEL = ElicitResult(action="cancel")


@asynccontextmanager
async def door(
    folder: Path,
    era: Era = "2026-07-28",
    *,
    person: Person | None = None,
    home: str = "shop",
    toys: bool = True,
    patience_s: float = 30,
    **changes: Any,
) -> AsyncGenerator[Door]:
    """Open a process over the repositories in `folder`, and a client at it; without toys, with the product's agents."""
    agents, tools = (AGENTS, TOOLS) if toys else (None, None)
    async with running(settings_in(folder, **changes), folder / home, agents=agents, tools=tools) as runtime:
        with anyio.fail_after(patience_s):
            async with Client(build_server(runtime), mode=era, elicitation_callback=person) as client:
                yield Door(client, runtime)


def task(*told: str) -> dict[str, Any]:
    """Return an errand's arguments: `add a 2`, `peek a`, `send box 1`, `ask`, `ask person`, `think`."""
    return lines(*told)
