"""Agents under the names that the official suite calls to see tasks: their threads are what the tasks are made of."""

from typing import Any

import anyio
from pydantic import BaseModel

from agents.runtime.definition import Agent
from agents.runtime.script import answer, need, script
from state.problem import Problem
from state.steps import Abort, Done, Step
from state.thread import Thread
from tools.base import Tool, Workspace, tool

LONGEST_S = 90
A_MOMENT_S = 0.3


@tool("read", timeout=LONGEST_S)
async def sleep(_: Workspace, seconds: float) -> str:
    """Take so long."""
    await anyio.sleep(seconds)
    return f"slept {seconds:g} s"


class Report(BaseModel):
    summary: str


class Computation(BaseModel):
    seconds: float = 0
    label: str = ""


class Nothing(BaseModel):
    pass


class File(BaseModel):
    filename: str = ""


@script
def _slow_compute(task: Computation, thread: Thread) -> Step:
    need(thread, sleep)(task.seconds)
    return Done(Report(summary=f"computed {task.label}"))


@script
def _failing_job(_: Nothing, thread: Thread) -> Step:
    need(thread, sleep)(A_MOMENT_S)
    return Abort(Problem(kind="limit", message="The job failed.", hint="It always does."))


@script
def _confirm_delete(task: File, thread: Thread) -> Step:
    said = answer(thread, "confirm", f"Delete {task.filename!r}?")
    return Done(Report(summary=f"{task.filename}: {said}"))


def _protocol_error_job(task: Nothing, thread: Thread) -> Step:
    raise RuntimeError("the agent is broken")


AGENTS: tuple[Agent[Any, Any], ...] = (
    Agent("slow_compute", "Compute", "Take so many seconds.", Computation, Report, _slow_compute),
    Agent("failing_job", "Fail", "Fail after a moment.", Nothing, Report, _failing_job),
    Agent("protocol_error_job", "Break", "Break down.", Nothing, Report, _protocol_error_job),
    Agent("confirm_delete", "Confirm", "Ask before it ends.", File, Report, _confirm_delete),
)
TOOLS: tuple[Tool[..., Any], ...] = (sleep,)


def greet(name: str) -> str:
    """Greet at once; never a task."""
    return f"Hello, {name}!"
