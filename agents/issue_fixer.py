"""Fix an issue that says what stands now and what should stand instead; prove it with the repository's tests."""

from datetime import UTC, datetime

from pydantic import BaseModel, Field

from agents.runtime.changeset import apply_all, undo_all
from agents.runtime.definition import Agent
from agents.runtime.script import Wanted, answer, attempt, need, script
from state.problem import Problem
from state.steps import Abort, Done, Outcome, Step
from state.thread import Thread
from tools.changes import Changed
from tools.checks import run_check
from tools.commit import Commit, commit_edits
from tools.errors import ToolError
from tools.evidence import Check, Evidence, harm, judge
from tools.issue import Issue, read_issue
from tools.ladder import MOST
from tools.locate import Ambiguity, Located, Pair, locate
from tools.replaced import CommitFile, Replacement
from tools.review import Made, Review, review_edits
from tools.runners.results import RUNNERS, Runner

QUOTING = ("issues",)
"""Where issues are kept: they quote the text they are about, and are never meant unless named."""


class Task(BaseModel):
    issue: str = Field(description="Issue number, path of an issue file, or the issue's text", examples=["123"])
    check: str = Field(
        default="", description="Test paths or ids, a runner's name, or `none`; default: what the issue names, else all"
    )
    source_repo: str = Field(default="", description="Where the issue is kept, if in another repository")
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
    issue = need(thread, read_issue)(task.issue, repo=task.source_repo)
    fix = Fix(summary="", issue=issue.title)
    if not issue.pairs:
        return _end(fix, "no_change", "The issue has no 'Current Code' with its 'Should Be', so nothing was changed.")
    place = _placed(thread, issue)
    if not place.edits:
        return _end(fix, "no_change", "Everything the issue asks for stands in the files already.")
    fix.before = _checked(thread, task, issue)
    fix.files, problem = apply_all(thread, place.edits)
    if problem:
        return _take_back(thread, fix, str(problem))
    after = _checked_again(thread, task, issue, fix.before)
    if isinstance(after, Problem):
        return _take_back(thread, fix, str(after))
    fix.after = after
    if broke := harm(fix.before, fix.after):
        return _take_back(thread, fix, broke)
    fix.evidence = judge(fix.before, fix.after, _reviewed(thread, fix))
    if task.branch:
        fix.commit = _committed(thread, issue, place, fix)
    return _end(fix, fix.evidence.outcome, fix.evidence.why)


def _placed(thread: Thread, issue: Issue) -> Located:
    """Return where each pair stands; several places are a question, none is the end."""
    pairs = [Pair(file=pair.file, old=pair.old, new=pair.new) for pair in issue.pairs]
    place = need(thread, locate)(pairs, skip=QUOTING)
    if place.ambiguous and not place.missing:
        chosen = {str(one.pair): _chosen(thread, issue, one) for one in place.ambiguous}
        place = need(thread, locate, "locate:chosen")(pairs, chosen=chosen, skip=QUOTING)
    for gone in place.missing:
        where = f"in {gone.file}" if gone.file else "in any tracked file"
        told = f"Pair {gone.pair + 1} (issue line {issue.pairs[gone.pair].line}): its text does not stand {where}."
        raise Wanted(Abort(Problem(kind="not_found", message=told, hint=gone.why)))
    return place


def _chosen(thread: Thread, issue: Issue, several: Ambiguity) -> str:
    options = tuple(f"{one.path}:{one.line}" for one in several.candidates)
    line = issue.pairs[several.pair].line
    count = f"{'at least ' if several.total >= MOST else ''}{several.total}"
    text = f"The text of pair {several.pair + 1} (issue line {line}) stands in {count} places. Which one is meant?"
    return str(answer(thread, f"place:{several.pair + 1}", text, options))


def _checked(thread: Thread, task: Task, issue: Issue) -> Check:
    """Run what proves the fix: what the call names, else what the issue names, else all tests."""
    if task.check == "none":
        return Check(runner=None, command=[], verdict="no_evidence", why="the call asked for no check.")
    paths, runner = _named(task, issue)
    return need(thread, run_check, "before")(paths=paths, runner=runner, confirm=True)


def _checked_again(thread: Thread, task: Task, issue: Issue, before: Check) -> Check | Problem:
    """Run the same once more; that it could not run, or a person said no, must not leave edits nobody answers for."""
    if task.check == "none":
        return before
    paths, runner = _named(task, issue)
    try:
        return attempt(thread, run_check, "after")(paths=paths, runner=runner, baseline=before.report, confirm=True)
    except ToolError as error:  # its result is too large to judge by
        return error.problem


def _reviewed(thread: Thread, fix: Fix) -> list[Review]:
    made = [
        Made(path=file.path, before=file.before, after=file.after, repo=file.repo)
        for file in fix.files
        if file.before and file.after
    ]
    return need(thread, review_edits)(made)


def _named(task: Task, issue: Issue) -> tuple[tuple[str, ...], Runner | None]:
    named = task.check.split() or list(issue.checks)
    runner: Runner | None = next((known for known in RUNNERS if named == [known]), None)
    return () if runner else tuple(named), runner


def _take_back(thread: Thread, fix: Fix, why: str) -> Step:
    left = undo_all(thread, fix.files)
    fix.undone = bool(fix.files) and not left
    told = f"Left as they are: {', '.join(left)}." if left else "No edit of this run is left in the files."
    return _end(fix, "denied" if thread.denials else "failed", f"{why.rstrip('.')}. {told}")


def _committed(thread: Thread, issue: Issue, place: Located, fix: Fix) -> Commit | None:
    """Commit exactly these replacements on a branch of their own; that it could not is a note, not a failure."""
    stamp = datetime.fromtimestamp(thread.launched_at, UTC)
    files = [
        CommitFile(path=file.path, edits=[Replacement(old=edit.old, new=edit.new) for edit in file.edits])
        for file in place.edits
    ]
    branch = f"agent/issue-{issue.number or 0}-{stamp:%Y%m%d_%H%M%S}"
    title = f"Fix #{issue.number}: {issue.title}" if issue.number else issue.title
    done = attempt(thread, commit_edits)(branch, title, files, thread.launched_at)
    if isinstance(done, Problem):
        fix.notes.append(f"Not committed: {done}")
        return None
    return done


def _end(fix: Fix, outcome: Outcome, summary: str) -> Done:
    fix.summary = summary
    return Done(fix, outcome)


agent = Agent(
    "issue_fixer",
    "Fix an issue",
    "Fix an issue that shows the current code and what it should be: finds the one place, runs the tests, edits, runs "
    "them again, and returns `fixed` only with evidence. Edits stay uncommitted; what breaks a test is undone.",
    Task,
    Fix,
    next_step,
    mode="write",
    reads=("source_repo",),
)
