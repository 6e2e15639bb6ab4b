"""Edit several files, all or none: the part that every agent that edits shares."""

from collections.abc import Sequence

from agents.runtime.script import answer, attempt
from state.problem import Problem
from state.thread import Thread
from tools.changes import Changed
from tools.files import edit_file, undo_edit
from tools.locate import FileEdits


def apply_all(thread: Thread, files: Sequence[FileEdits], suffix: str = "") -> tuple[list[Changed], Problem | None]:
    """Edit file after file; at the first that cannot be edited, return what was done and why it stops.

    `suffix` tells one of several attempts from the others.
    """
    done: list[Changed] = []
    for file in files:
        changed = attempt(thread, edit_file, f"edit:{file.path}{suffix}")(file.path, file.edits, digest=file.digest)
        if isinstance(changed, Problem):
            return done, changed
        done.append(changed)
    return done, None


def undo_all(thread: Thread, changes: Sequence[Changed], suffix: str = "") -> list[str]:
    """Take edits back, the last first; what cannot be taken back safely is put to a person.

    Returns the paths that a person chose to leave as they are.
    """
    left: list[str] = []
    for change in reversed(changes):
        undone = attempt(thread, undo_edit, f"undo:{change.path}{suffix}")(change)
        if isinstance(undone, Problem):
            text = f"The edit of {change.path!r} should be taken back, but {undone.message} Lines {change.lines}."
            chosen = answer(thread, f"left:{change.path}{suffix}", text, ("I took it back", "leave it"), "person")
            left += [change.path] if chosen == "leave it" else []
    return left
