"""The MCP door over toys: a composed process in a folder of small repositories, and clients of both eras at it."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import anyio
from mcp import Client
from mcp.client import ClientRequestContext
from mcp_types import CallToolResult, ElicitRequestParams, ElicitResult, RequestParamsMeta, TextContent
from pydantic import BaseModel

from agents.runtime.definition import Agent
from agents.runtime.script import need, script, thought
from mcp_server.app import build_server
from mcp_server.compose import Runtime, running
from mcp_server.settings import Settings
from state.problem import Problem
from state.steps import Abort, Done, Step
from state.thread import Thread
from tests.agents.runtime.toys import TOOLS as TOYS
from tests.agents.runtime.toys import errand, lines
from tools.base import Tool, Workspace, tool

Era: TypeAlias = Literal["legacy", "2026-07-28"]
ERAS: tuple[Era, ...] = ("legacy", "2026-07-28")
TICK_S = 0.01


@tool("read", timeout=30)
async def hold(workspace: Workspace, name: str) -> str:
    """Say that it is here, then wait until a file of that name stands in the repository."""
    root = workspace.repository().root
    (workspace.scratch / "holding").touch()
    while not (root / name).exists():
        with anyio.move_on_after(TICK_S):
            await anyio.Event().wait()
    return (root / name).read_text()


class Wish(BaseModel):
    name: str = "go"


class Got(BaseModel):
    summary: str


@script
def _held(task: Wish, thread: Thread) -> Step:
    return Done(Got(summary=need(thread, hold)(task.name)))


class Mood(BaseModel):
    how: Literal["abort", "crash", "fail", "deny"] = "abort"


def _moody(task: Mood, _: Thread) -> Step:
    match task.how:
        case "abort":
            return Abort(Problem(kind="limit", message="It is too much.", hint="Ask for less."))
        case "crash":
            raise RuntimeError("the agent is broken")
        case "fail":
            return Done(Got(summary="It did not work."), "failed")
        case "deny":
            return Done(Got(summary="A person said no."), "denied")


class Word(BaseModel):
    word: str


@script
def _decided(task: Wish, thread: Thread) -> Step:
    """Ask the model, by the one prompt that is always there."""
    context: dict[str, Any] = {"agent": "decider", "description": "Pick a word.", "task": {}}
    return Done(Got(summary=thought(thread, "call_agent", Word, "pick", **context).word))


worker = replace(errand, mode="write")
holder: Agent[Any, Any] = Agent("holder", "Hold", "Wait for a file.", Wish, Got, _held)
decider: Agent[Any, Any] = Agent("decider", "Decide", "Let the model pick a word.", Wish, Got, _decided)
moody: Agent[Any, Any] = Agent("moody", "Moody", "End badly.", Mood, Got, _moody)
AGENTS: tuple[Agent[Any, Any], ...] = (worker, holder, decider, moody)
TOOLS: tuple[Tool[..., Any], ...] = (*TOYS, hold)


@dataclass(frozen=True)
class Door:
    """One client's connection to a process, and what stands behind it."""

    client: Client
    runtime: Runtime

    async def call(self, name: str, _meta: Mapping[str, Any] | None = None, /, **arguments: Any) -> CallToolResult:
        return await self.client.call_tool(name, arguments, meta=RequestParamsMeta(**_meta) if _meta else None)

    async def told(self, name: str, _meta: Mapping[str, Any] | None = None, /, **arguments: Any) -> dict[str, Any]:
        """Call a tool that must succeed, and return what it answers."""
        result = await self.call(name, _meta, **arguments)
        assert not result.is_error, text_of(result)
        return structured(result)

    async def problem(self, name: str, _meta: Mapping[str, Any] | None = None, /, **arguments: Any) -> dict[str, str]:
        """Call a tool that must fail, and return its error."""
        result = await self.call(name, _meta, **arguments)
        assert result.is_error, text_of(result)
        error: dict[str, str] = structured(result)["error"]
        return error


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
    given: dict[str, Any] = {"FACTOR12_STATE_DIR": folder / "state", "SISTER_REPO_BASE_PATH": folder, **changes}
    return Settings(**given)


Reply: TypeAlias = Callable[[ElicitRequestParams], ElicitResult]


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
    agents: tuple[Agent[Any, Any], ...] = AGENTS,
    **changes: Any,
) -> AsyncGenerator[Door]:
    """Open a process over the repositories in `folder`, and a client at it."""
    async with AsyncExitStack() as stack:
        settings = settings_in(folder, **changes)
        runtime = await stack.enter_async_context(running(settings, folder / home, agents=agents, tools=TOOLS))
        stack.enter_context(anyio.fail_after(30))
        client = Client(build_server(runtime), mode=era, elicitation_callback=person)
        yield Door(await stack.enter_async_context(client), runtime)


def task(*told: str) -> dict[str, Any]:
    """Return an errand's arguments: `add a 2`, `peek a`, `send box 1`, `ask`, `ask person`, `think`."""
    return lines(*told)
