"""Split an issue into parts: a model proposes, code checks, and all of the files are written or none."""

from agents.runtime.changeset import undo_all
from agents.runtime.script import attempt, need, thought
from state.problem import Problem
from state.thread import Thread
from tools.changes import Changed
from tools.files import write_file
from tools.issue import Issue
from tools.issue_parts import FEWEST, MOST, Part, Split, flaws, list_parts, written

TRIES = 3
"""Proposals that a model may make."""


def proposal(thread: Thread, issue: Issue, number: int, first: int, files: list[str]) -> Split | Problem:
    """Return parts of issue `number` that hold together, numbered from `first` on; or why there are none."""
    wrong: list[str] = []
    for attempted in range(1, TRIES + 1):
        split = _proposed(thread, issue, files, wrong, f"split:{attempted}")
        if not (wrong := flaws(split, number, first, (*issue.files_update, *issue.files_create))):
            return split
    message = f"None of {TRIES} proposals could be taken. {wrong[0]}"
    return Problem(kind="limit", message=message, hint="Write the parts yourself, or try another model.")


def write_all(thread: Thread, split: Split, number: int, first: int) -> list[Part] | Problem:
    """Write the parts' files and read them back; of half the parts nobody could tell that the rest is missing."""
    done: list[Changed] = []
    for path, text in written(split, number, first).items():
        made = attempt(thread, write_file, f"write:{path}")(path, text)
        if isinstance(made, Problem):
            left = undo_all(thread, done)
            told = f" Left as they are: {', '.join(left)}." if left else ""
            return made.model_copy(update={"message": f"The parts were not written: {made.message}{told}"})
        done.append(made)
    if parts := need(thread, list_parts)(number):
        return parts
    message = "The parts were written, and are not there any more."
    return Problem(kind="conflict", message=message, hint="Look who took them away, then launch it anew.")


def _proposed(thread: Thread, issue: Issue, files: list[str], wrong: list[str], key: str) -> Split:
    text = "\n\n".join(part for part in (issue.description, issue.problem, issue.solution) if part)
    asks = [*issue.requirements, *issue.success_criteria]
    told = {"title": issue.title, "text": text, "requirements": asks, "files": files}
    return thought(thread, "split_issue", Split, key, fewest=FEWEST, most=MOST, wrong=wrong, **told)
