"""Run a repository's tests and say what they said; edit nothing."""

from pydantic import BaseModel, Field

from agents.runtime.definition import Agent
from agents.runtime.script import need, script
from state.steps import Done, Step
from state.thread import Thread
from tools.checks import run_check
from tools.evidence import Check


class Task(BaseModel):
    paths: tuple[str, ...] = Field(
        default=(), description="Test files, folders or ids; default: all tests", examples=["tests/test_auth.py"]
    )
    select: str = Field(default="", description="Only tests whose name contains this")


class Report(BaseModel):
    summary: str
    check: Check


@script
def next_step(task: Task, thread: Thread) -> Step:
    """Run the check once; red tests, or none at all, are a failure."""
    check = need(thread, run_check)(paths=task.paths, select=task.select)
    counts = check.counts
    told = f"{counts.passed} passed, {counts.failed} failed, {counts.error} errors, {counts.skipped} skipped."
    summary = f"No evidence: {check.why}" if check.verdict == "no_evidence" else told
    return Done(Report(summary=summary, check=check), "done" if check.verdict == "passed" else "failed")


agent = Agent(
    "testing",
    "Run tests",
    "Run a repository's tests and return a state per test with compact failures. Edits nothing.",
    Task,
    Report,
    next_step,
)
