"""Review a change: what rules say, what a model finds and can quote, and what of it was said or dismissed before."""

from typing import Any

from pydantic import BaseModel, Field, model_validator

from agents.runtime.definition import Agent
from agents.runtime.script import attempt, need, script, thought
from state.problem import Problem
from state.steps import Done, Step
from state.thread import Thread
from tools.checks import run_check
from tools.linters import Lint, run_linter
from tools.reviewing.change import Change, read_change, read_parts
from tools.reviewing.findings import Claims, Finding, merged, verified
from tools.reviewing.memory import PARTS, REVIEW
from tools.reviewing.parts import Part
from tools.reviewing.recall import Recalled, recall_reviews
from tools.reviewing.report import Evidence, Ran, Report, report

MOST_KNOWN = 12


class Task(BaseModel):
    base: str = Field(
        default="", description="Branch or commit to compare with; default: the default branch", examples=["main"]
    )
    head: str = Field(default="", description="Branch or commit to review; default: the work tree, uncommitted too")
    staged: bool = Field(default=False, description="Review what is staged")
    patch: str = Field(default="", description="Review a patch file of the repository")
    paths: tuple[str, ...] = Field(default=(), description="Only these files or folders")
    check: str = Field(default="", description="Tests to run, or `none`; default: those changed, if trusted")
    dismiss: tuple[str, ...] = Field(default=(), description="`FINGERPRINT why` of findings never to report again")
    reopen: tuple[str, ...] = Field(default=(), description="Fingerprints dismissed by mistake")

    @model_validator(mode="after")
    def _one_change(self) -> "Task":
        given = [bool(self.base or self.head), self.staged, bool(self.patch)]
        if sum(given) > 1:
            raise ValueError("give base and head, or staged, or patch: one change at a time")
        return self


@script
def next_step(task: Task, thread: Thread) -> Step:
    """Read the change, ask rules, remember, let a model look at what it has not seen, and report what stands."""
    wanted = task.model_dump(include={"base", "head", "staged", "patch", "paths"})
    change = need(thread, read_change)(**wanted)
    if not change.files:
        return Done(Report(summary=f"Nothing to review: {change.compared} shows no change."), "no_change")
    lint = _linted(thread, change)
    evidence = Evidence(linter=_of_lint(lint), tests=_tested(task, thread, change), not_run=change.not_run)
    seen = need(thread, recall_reviews)(
        change.snapshot,
        lint=tuple(lint.findings) if isinstance(lint, Lint) else (),
        linted=isinstance(lint, Lint) and lint.verdict != "no_result" and lint.total == len(lint.findings),
        dismiss=task.dismiss,
        reopen=task.reopen,
    )
    found, dropped = _found(thread, change, seen)
    return Done(report(change, seen, found, dropped, evidence))


def _linted(thread: Thread, change: Change) -> Lint | Problem | None:
    return attempt(thread, run_linter)(paths=tuple(change.lint)) if change.lint else None


def _of_lint(lint: Lint | Problem | None) -> Ran | None:
    match lint:
        case None:
            return None
        case Problem():
            return Ran(verdict="no_result", why=str(lint))
        case Lint():
            return Ran(verdict=lint.verdict, why=lint.why, sandbox=lint.sandbox)


def _tested(task: Task, thread: Thread, change: Change) -> Ran | None:
    """Run the changed tests where that is real; tests that the call names run behind the gate of all tests."""
    named = tuple(task.check.split())
    if named == ("none",) or not (named or change.tests):
        return None
    check = attempt(thread, run_check)(paths=named or tuple(change.tests))
    if isinstance(check, Problem):
        return Ran(verdict="no_evidence", why=str(check))
    return Ran(verdict=check.verdict, why=check.why, sandbox=check.sandbox)


def _found(thread: Thread, change: Change, seen: Recalled) -> tuple[list[Finding], list[str]]:
    """Let a model look at each pack; keep what it can quote."""
    found: list[Finding] = []
    dropped: list[str] = []
    for number, pack in enumerate(seen.packs, 1):
        parts = need(thread, read_parts, f"{PARTS}{number}")(change.snapshot, pack)
        claims = thought(thread, "pr_review", Claims, f"{REVIEW}{number}", **_context(change, seen, parts))
        kept, wrong = verified(parts, claims)
        found += kept
        dropped += wrong
    once, doubled = merged(found)
    return once, dropped + ["said twice"] * doubled


def _context(change: Change, seen: Recalled, parts: list[Part]) -> dict[str, Any]:
    files = {part.file for part in parts}
    known = [one for one in seen.findings if one.file in files and one.state != "fixed"]
    return {
        "compared": change.compared,
        "names": change.names,
        "commits": change.commits,
        "known": [f"{one.file}:{one.line} {one.category}: {one.message}" for one in known[:MOST_KNOWN]],
        "parts": [{"origin": _origin(part), "text": part.shown()} for part in parts],
    }


def _origin(part: Part) -> str:
    return f"{part.file} ({part.about})" if part.about else part.file


agent = Agent(
    "pr_review",
    "Review a change",
    "Review a branch, staged or uncommitted work, or a patch file. Each finding quotes a line that was checked to "
    "stand in the change; earlier findings and dismissals are remembered. Edits nothing.",
    Task,
    Report,
    next_step,
)
