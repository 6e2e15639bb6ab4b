"""Tell how complex an issue is, and have it done: by the agent that fits it, or in parts, one after the other."""

from typing import Literal, TypeAlias

from pydantic import BaseModel, Field

from agents.runtime.definition import Agent
from agents.runtime.parts import Worked, overall, planned, work, work_through
from agents.runtime.script import Wanted, need, script
from agents.runtime.splitting import proposal, write_all
from state.problem import Problem
from state.steps import Done, Outcome, Step
from state.thread import Thread
from tools.complexity import Assessment, Level, Rule, assess_issue, unread
from tools.issue import Issue, read_issue
from tools.issue_parts import Part, absent, written

Route: TypeAlias = Literal["issue_fixer", "intelligent_issue", "parts"]
LARGE: tuple[Level, ...] = ("complex", "enterprise")
GONE = (
    "Of the {count} parts that it was split into these are not there: {places}. It is not `fixed` without them: write "
    "them, or correct what the other files say under Parent Issue."
)


class Task(BaseModel):
    issue: str = Field(description="Issue number, path of an issue file, or the issue's text", examples=["123"])
    check: str = Field(default="", description="As for issue_fixer")
    branch: bool = Field(default=False, description="Also commit on a new branch, unless it is done in parts")
    dry_run: bool = Field(default=False, description="Only say how complex it is and what would be done")


class Routed(BaseModel):
    summary: str
    issue: str = ""
    complexity: Level
    rules: list[Rule] = []
    route: Route
    continued: bool = False
    """Its parts were there already, so it was not split again."""
    parts: list[Worked] = []
    notes: list[str] = []


@script
def next_step(task: Task, thread: Thread) -> Step:
    """Assess, then hand all of it to one child, or split it and work through the parts."""
    issue = need(thread, read_issue)(task.issue)
    found = need(thread, assess_issue)(task.issue)
    route = _route(issue, found)
    told = Routed(summary="", issue=issue.title, complexity=found.level, rules=found.rules, route=route)
    if told.route != "parts":
        return _whole(thread, task, told)
    told.continued = bool(found.parts)
    parts = found.parts or _split(thread, task, told, issue, found)
    if gone := absent(parts):
        told.notes.append(GONE.format(places=", ".join(map(str, gone)), count=max(one.of for one in parts)))
    if task.dry_run:
        told.parts = planned(parts)
        return _end(told, "done", f"its {len(parts)} parts would be worked on in this order.")
    if task.branch:
        told.notes.append("Nothing was committed: each part builds on the uncommitted edits of those before it.")
    told.parts = work_through(thread, parts, task.check)
    fixed = sum(one.outcome == "fixed" for one in told.parts)
    return _end(told, overall(told.parts, whole=not gone), f"{fixed} of {len(told.parts) + len(gone)} parts fixed.")


def _route(issue: Issue, found: Assessment) -> Route:
    """What is written out is done as written; parts that are there are gone on with; a part is not split again."""
    if found.exact:
        return "issue_fixer"
    if found.parts:
        return "parts"
    small = issue.parent is not None or issue.agent == "intelligent_issue" or found.level not in LARGE
    return "intelligent_issue" if small else "parts"


def _whole(thread: Thread, task: Task, told: Routed) -> Step:
    named = task.issue if "\n" not in task.issue and len(task.issue) < 200 else "text"
    one = Worked(issue=named, title=told.issue, agent=told.route)
    if task.dry_run:
        told.parts = [one]
        return _end(told, "done", f"{told.route} would do it.")
    one = work(thread, one, task.model_dump(include={"issue", "check", "branch"}), "whole")
    told.parts = [one]
    return _end(told, overall([one]), one.summary)


def _split(thread: Thread, task: Task, told: Routed, issue: Issue, found: Assessment) -> list[Part]:
    """Return the parts once they are written; with `dry_run` the proposal is the end."""
    if found.number is None:
        why = "too large for one change, and its parts need its number: save it in issues/ first."
        raise Wanted(_end(told, "no_change", why))
    if lacking := unread(issue):
        told.notes.append(f"{lacking} characters of its text were too many to be read: parts may lack what they say.")
    split = proposal(thread, issue, found.number, found.next_number, found.files)
    if isinstance(split, Problem):
        raise Wanted(_end(told, "failed", str(split)))
    if task.dry_run:
        paths = written(split, found.number, found.next_number)
        told.parts = [
            Worked(
                issue=path,
                title=part.title,
                agent="intelligent_issue",
                depends_on=[found.next_number + at - 1 for at in sorted(set(part.depends_on))],
            )
            for path, part in zip(paths, split.parts, strict=True)
        ]
        raise Wanted(_end(told, "done", f"it would be split into {len(paths)} parts."))
    now = need(thread, assess_issue, "numbers")(task.issue)  # a decision takes its time
    if now.parts:
        told.continued = True
        return now.parts
    parts = write_all(thread, split, found.number, now.next_number)
    if isinstance(parts, Problem):
        raise Wanted(_end(told, "failed", str(parts)))
    return parts


def _end(told: Routed, outcome: Outcome, what: str) -> Done:
    told.summary = f"{told.complexity}: {what}"
    return Done(told, outcome)


agent = Agent(
    "smart_issue",
    "Fix an issue of any size",
    "Tell how complex an issue is, by rules with evidence, and have it done: as written, from plain words, or split "
    "into issue files that are worked on in order. `fixed` only if every part is.",
    Task,
    Routed,
    next_step,
    mode="write",
)
