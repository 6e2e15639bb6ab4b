"""Run what proves a change before and after it, look at what was edited, commit it: what agents that fix share."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, NamedTuple, TypeAlias

from agents.runtime.script import attempt, need
from state.problem import Problem
from state.thread import Thread
from tools.base import PLAIN
from tools.changes import Changed
from tools.checks import run_check
from tools.commit import Commit, commit_edits
from tools.errors import ToolError
from tools.evidence import Check, Evidence
from tools.issue import Issue
from tools.replaced import CommitFile
from tools.review import Made, Review, review_edits
from tools.runners.results import RUNNERS, Runner

Ran: TypeAlias = Annotated[Check, PLAIN]
"""A check in an agent's output: all of it, but without the schema, which `testing` shows. Hosts read every schema."""
Edited: TypeAlias = Annotated[Changed, PLAIN]
Proof: TypeAlias = Annotated[Evidence, PLAIN]
NO_CHECK = "none"
"""What a call says that wants no check."""


class Scope(NamedTuple):
    """What a check runs: the paths, or all; by the runner, or the one that is found."""

    paths: tuple[str, ...] = ()
    runner: Runner | None = None
    no_check: bool = False


def scope_of(check: str, issue: Issue) -> Scope:
    """Return what proves the fix: what the call names, else what the issue names, else all tests."""
    if check == NO_CHECK:
        return Scope(no_check=True)
    named = check.split() or list(issue.checks)
    runner: Runner | None = next((known for known in RUNNERS if named == [known]), None)
    return Scope((), runner) if runner else Scope(tuple(named))


def checked(thread: Thread, scope: Scope) -> Check:
    """Run the check before anything is changed."""
    if scope.no_check:
        return Check(runner=None, command=[], verdict="no_evidence", why="the call asked for no check.")
    return need(thread, run_check, "before")(paths=scope.paths, runner=scope.runner, confirm=True)


def checked_again(thread: Thread, scope: Scope, before: Check, key: str = "after") -> Check | Problem:
    """Run the same once more; that it could not run, or a person said no, must not leave edits nobody answers for."""
    if scope.no_check:
        return before
    try:
        return attempt(thread, run_check, key)(
            paths=scope.paths, runner=scope.runner, baseline=before.report, confirm=True
        )
    except ToolError as error:  # its result is too large to judge by
        return error.problem


def reviewed(thread: Thread, files: Sequence[Changed], key: str = "review_edits") -> list[Review]:
    """Look at what the edits did to the tests, and whether the files still are as the edits left them."""
    made = [Made(path=file.path, before=file.before, after=file.after, repo=file.repo) for file in files if file.after]
    return need(thread, review_edits, key)(made)


def committed(thread: Thread, issue: Issue, files: Sequence[CommitFile]) -> Commit | Problem:
    """Commit exactly these replacements on a branch of their own."""
    stamp = datetime.fromtimestamp(thread.launched_at, UTC)
    branch = f"agent/issue-{issue.number or 0}-{stamp:%Y%m%d_%H%M%S}"
    title = f"Fix #{issue.number}: {issue.title}" if issue.number else issue.title
    return attempt(thread, commit_edits)(branch, title, list(files), thread.launched_at)
