"""Fix an issue that says what stands now and what should stand instead; prove it with the repository's tests."""

from pydantic import BaseModel, Field

from agents.runtime.changeset import apply_all, undo_all
from agents.runtime.definition import Agent
from agents.runtime.proof import Edited, Proof, Ran, checked, checked_again, committed, reviewed, scope_of
from agents.runtime.script import Wanted, answer, need, script
from state.problem import Problem
from state.steps import Abort, Done, Outcome, Step
from state.thread import Thread
from tools.commit import Commit
from tools.evidence import harm, judge
from tools.issue import Issue, read_issue
from tools.ladder import MOST
from tools.locate import Ambiguity, Located, Pair, locate
from tools.replaced import CommitFile, Replacement

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
    files: list[Edited] = []
    evidence: Proof | None = None
    before: Ran | None = None
    after: Ran | None = None
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
    scope = scope_of(task.check, issue)
    fix.before = checked(thread, scope)
    fix.files, problem = apply_all(thread, place.edits)
    if problem:
        return _take_back(thread, fix, str(problem))
    after = checked_again(thread, scope, fix.before)
    if isinstance(after, Problem):
        return _take_back(thread, fix, str(after))
    fix.after = after
    if broke := harm(fix.before, fix.after):
        return _take_back(thread, fix, broke)
    fix.evidence = judge(fix.before, fix.after, reviewed(thread, fix.files))
    if task.branch:
        _commit(thread, issue, place, fix)
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


def _take_back(thread: Thread, fix: Fix, why: str) -> Step:
    left = undo_all(thread, fix.files)
    fix.undone = bool(fix.files) and not left
    told = f"Left as they are: {', '.join(left)}." if left else "No edit of this run is left in the files."
    return _end(fix, "denied" if thread.denials else "failed", f"{why.rstrip('.')}. {told}")


def _commit(thread: Thread, issue: Issue, place: Located, fix: Fix) -> None:
    """Commit the edits; that it could not is a note, not a failure."""
    files = [
        CommitFile(path=file.path, edits=[Replacement(old=edit.old, new=edit.new) for edit in file.edits])
        for file in place.edits
    ]
    done = committed(thread, issue, files)
    if isinstance(done, Problem):
        fix.notes.append(f"Not committed: {done}")
    else:
        fix.commit = done


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
