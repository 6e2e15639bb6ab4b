"""Fix an issue written in plain words: a model plans and proposes, code looks, checks, tries and judges."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, Field

from agents.runtime import patching, witness
from agents.runtime.briefing import about, named_files, sought
from agents.runtime.changeset import undo_all
from agents.runtime.definition import Agent
from agents.runtime.followup import Reason, follow_up
from agents.runtime.patching import Patch, repeated
from agents.runtime.planning import known_red, planned, shows
from agents.runtime.proof import Edited, Proof, Ran, checked, committed, scope_of
from agents.runtime.script import need, script, thought
from agents.runtime.trial import Bench, tried
from agents.runtime.witness import Witness, written
from state.problem import Problem
from state.steps import Done, Outcome, Step
from state.thread import Thread
from tools.commit import Commit
from tools.facts import gather
from tools.issue import Issue, read_issue

OWN_TEST = (
    "The test that shows it, {path}, was written in this run by the same model that wrote the fix: read it before you "
    "rely on it."
)

STILL_RED = (
    "Red as before: {tests}. That they have nothing to do with this issue is what the plan says; nothing proves it."
)


class Task(BaseModel):
    issue: str = Field(description="Issue number, path of an issue file, or the issue's text", examples=["123"])
    check: str = Field(
        default="", description="Test paths or ids, a runner's name, or `none`; default: what the issue names, else all"
    )
    source_repo: str = Field(default="", description="Where the issue is kept, if in another repository")
    branch: bool = Field(default=False, description="Also commit exactly these edits on a new branch")
    repairs: Annotated[int, Field(ge=0, le=5)] = Field(default=3, description="Further tries after a patch that fails")


class Attempt(BaseModel):
    why: str
    """Of the patch, in its author's words."""
    failed: str = ""
    files: list[str] = []


class Fix(BaseModel):
    summary: str
    issue: str = ""
    plan: str = ""
    files: list[Edited] = []
    evidence: Proof | None = None
    before: Ran | None = None
    after: Ran | None = None
    attempts: list[Attempt] = []
    test: str = ""
    undone: bool = False
    commit: Commit | None = None
    follow_up: str = ""
    notes: list[str] = []


@script
def next_step(task: Task, thread: Thread) -> Step:
    """Look, see what fails, plan, see a test fail, then patch and check until there is evidence, or give up whole."""
    issue = need(thread, read_issue)(task.issue, repo=task.source_repo)
    fix = Fix(summary="", issue=issue.title)
    scope = scope_of(task.check, issue)
    fix.before = checked(thread, scope)
    facts = need(thread, gather)(sought(issue, fix.before), files=named_files(issue, fix.before))
    plan, context = planned(thread, "plan_fix", about(thread, issue, facts, fix.before))
    fix.plan, context["plan"] = plan.wrong, plan.wrong
    if plan.missing != "nothing":
        return _short(fix, issue, plan.missing, plan.wrong, files=[one.path for one in facts.files])
    bench = Bench(scope, fix.before, known_red(plan, fix.before), allowed=_may_change(issue))
    if not scope.no_check and not shows(plan, fix.before):
        seen = written(thread, "write_test", scope, fix.before, context)
        if seen.check is None or seen.changed is None:
            return _without_test(thread, fix, issue, seen)
        fix.test = seen.changed.path
        bench = Bench(seen.scope, seen.check, [case.id for case in seen.red], seen, bench.allowed)
    return _repaired(task, thread, fix, issue, context, bench)


def _may_change(issue: Issue) -> list[str]:
    """Return the files that the issue itself asks to change, be they tests."""
    return [*issue.files_update, *issue.files_create, *(pair.file for pair in issue.pairs if pair.file)]


def _repaired(task: Task, thread: Thread, fix: Fix, issue: Issue, context: dict[str, Any], bench: Bench) -> Step:
    """Have patch after patch proposed, each with what became of the ones before, until one holds."""
    last = ""
    for number in range(1, task.repairs + 2):
        failed = [one.failed for one in fix.attempts]
        said = {**context, "tests": bench.tests, "last": last, "failed": failed}
        patch = thought(thread, "patch_fix", Patch, f"patch:{number}", **said)
        found = tried(thread, patch, bench, f":{number}")
        touched = list(dict.fromkeys(edit.path for edit in patch.edits))
        fix.attempts.append(Attempt(why=patch.why, failed=found.failed, files=touched))
        fix.files, fix.after, fix.evidence = list(found.files), found.after or fix.after, found.evidence
        if found.evidence is not None:
            return _held(task, thread, fix, issue, bench, patch)
        last = repeated(patch)
        if thread.denials or found.files:
            break
    return _given_up(thread, fix, issue, bench)


def _held(task: Task, thread: Thread, fix: Fix, issue: Issue, bench: Bench, patch: Patch) -> Step:
    assert fix.evidence is not None
    if bench.witness.changed:
        fix.files.append(bench.witness.changed)
        fix.notes.append(OWN_TEST.format(path=bench.witness.changed.path))
    if fix.after and (red := [case.id for case in fix.after.failures]):
        fix.notes.append(STILL_RED.format(tests=", ".join(red[:3])))
    if task.branch:
        own = [witness.as_commit(bench.witness.test)] if bench.witness.test else []
        done = committed(thread, issue, [*patching.as_commit(patch), *own])
        if isinstance(done, Problem):
            fix.notes.append(f"Not committed: {done}")
        else:
            fix.commit = done
    return _end(fix, fix.evidence.outcome, fix.evidence.why)


def _given_up(thread: Thread, fix: Fix, issue: Issue, bench: Bench) -> Step:
    """Leave nothing behind, and say what was tried."""
    left = [one.path for one in fix.files]
    left += undo_all(thread, [bench.witness.changed], ":test") if bench.witness.changed else []
    fix.undone, fix.test = not left, ""
    failed = [one.failed for one in fix.attempts]
    fix.follow_up = follow_up(issue, "NO_WORKING_PATCH", "No patch that was tried resolves it.", failed)
    told = f"Left as they are: {', '.join(left)}." if left else "No edit of this run is left in the files."
    count = f"{len(failed)} patches were" if len(failed) > 1 else "One patch was"
    why = f"{count} tried and taken back, the last for this: {failed[-1].rstrip('. ')}"
    return _end(fix, "denied" if thread.denials else "failed", f"{why}. {told}")


def _without_test(thread: Thread, fix: Fix, issue: Issue, seen: Witness) -> Step:
    if thread.denials:
        return _end(fix, "denied", "A person denied what it takes to see a test fail. Nothing was changed.")
    why = f"No test fails because of this issue, and none that does could be written: {seen.complaints[-1]}"
    fix.notes.append("With check=none it is worked on without evidence, and ends changed_unverified.")
    return _short(fix, issue, "NO_FAILING_TEST", why, tried=seen.complaints)


def _short(
    fix: Fix, issue: Issue, reason: Reason, why: str, *, tried: Sequence[str] = (), files: Sequence[str] = ()
) -> Step:
    """End without a change, with a draft of the issue that would help."""
    fix.follow_up = follow_up(issue, reason, why, tried, files)
    return _end(fix, "no_change", f"{reason}: {why} Nothing was changed; `follow_up` drafts the issue that would help.")


def _end(fix: Fix, outcome: Outcome, summary: str) -> Done:
    fix.summary = summary
    return Done(fix, outcome)


agent = Agent(
    "intelligent_issue",
    "Fix an issue in plain words",
    "Fix an issue written in plain words: plans with a model, has a failing test written if none fails, makes exact "
    "edits, runs the tests, repairs. `fixed` only with evidence; what does not prove itself is undone.",
    Task,
    Fix,
    next_step,
    mode="write",
    reads=("source_repo",),
)
