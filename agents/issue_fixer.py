"""Fix an issue that says what stands now and what should stand instead; prove it with the repository's tests."""

from datetime import UTC, datetime

from pydantic import BaseModel, Field

from agents.runtime.changeset import apply_all, undo_all
from agents.runtime.definition import Agent
from agents.runtime.script import answer, attempt, need, script
from state.problem import Problem
from state.steps import Done, Step
from state.thread import Thread
from tools.changes import Changed
from tools.checks import run_check
from tools.commit import Commit, CommitFile, commit_edits
from tools.evidence import Check, EditedFile, Evidence, harm, judge
from tools.issue import Issue, read_issue
from tools.locate import Located, locate
from tools.runners.results import RUNNERS


class Task(BaseModel):
    issue: str = Field(description="Issue number, path of an issue file, or the issue's text")
    check: str = Field(
        default="", description="Test paths or ids, a runner's name, or `none`; default: what the issue names, else all"
    )
    branch: bool = Field(default=False, description="Also commit exactly these edits on a new branch")


class Fix(BaseModel):
    summary: str
    issue: str = ""
    files: list[Changed] = []
    evidence: Evidence | None = None
    before: Check | None = None
    after: Check | None = None
    undone: bool = False
    commit: Commit | None = None
    notes: list[str] = []


@script
def next_step(task: Task, thread: Thread) -> Step:
    """Find every place, see the check fail, edit, see it pass; what breaks a test is taken back."""
    issue = need(thread, read_issue)(task.issue)
    fix = Fix(summary="", issue=issue.title)
    if not issue.pairs:
        return _end(fix, "no_change", "The issue has no 'Current Code' with its 'Should Be', so nothing was changed.")
    place = _placed(thread, issue)
    if not place.edits:
        return _end(fix, "no_change", "Everything the issue asks for stands in the files already.")
    before = _check(thread, "before", task, issue)
    changed, problem = apply_all(thread, place.edits)
    fix.files, fix.before = changed, before
    if problem:
        return _take_back(thread, fix, f"{problem} Nothing of the issue was left in the files.")
    fix.after = _check(thread, "after", task, issue, before.report)
    fix.evidence = judge(before, fix.after, [_edited(change) for change in changed])
    if broke := harm(before, fix.after):
        return _take_back(thread, fix, f"The edit was taken back: {broke}")
    if task.branch:
        _commit(thread, fix, place, issue)
    return _end(fix, fix.evidence.outcome, fix.evidence.why)
