"""Agents and tools that do as a test says. `python -m tests.mcp_server.toys` is `factor12 serve` over them."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import anyio
from pydantic import BaseModel

from agents.runtime.definition import Agent
from agents.runtime.script import need, script, thought
from mcp_server.logs import configure
from mcp_server.outward import Outward
from mcp_server.settings import load
from mcp_server.stdio import serve
from state.problem import Problem
from state.steps import Abort, Done, Step
from state.thread import Thread
from tests.agents.runtime.toys import TOOLS as TOYS
from tests.agents.runtime.toys import errand
from tools.base import Tool, Workspace, tool

TICK_S = 0.01


@tool("read", timeout=30)
async def hold(workspace: Workspace, name: str) -> str:
    """Say that it is here, then wait until a file of that name stands in the repository."""
    (workspace.scratch / "holding").touch()
    path = workspace.repository().root / name
    await until(path)
    return path.read_text()


async def until(path: Path) -> None:
    """Wait for a file to stand there."""
    there = path.exists
    while not there():
        with anyio.move_on_after(TICK_S):
            await anyio.Event().wait()


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


AGENTS: tuple[Agent[Any, Any], ...] = (
    replace(errand, mode="write"),
    Agent("holder", "Hold", "Wait for a file.", Wish, Got, _held),
    Agent("decider", "Decide", "Let the model pick a word.", Wish, Got, _decided),
    Agent("moody", "Moody", "End badly.", Mood, Got, _moody),
)
TOOLS: tuple[Tool[..., Any], ...] = (*TOYS, hold)


def main() -> None:
    """Serve the toys as the real command serves its agents; with `--transport http` on a free port."""
    settings = load()
    configure(settings, Outward())
    if "http" not in sys.argv:
        return anyio.run(serve, settings, Path.cwd(), AGENTS, TOOLS)
    from mcp_server import http

    return anyio.run(http.serve, settings.model_copy(update={"api_port": 0}), Path.cwd(), "http", AGENTS, TOOLS)


if __name__ == "__main__":
    main()
