"""Take a patch that a model proposes: nothing of it is believed, all of it is checked, and none or all is made."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from agents.runtime.changeset import apply_all
from agents.runtime.script import attempt
from state.problem import Problem
from state.thread import Thread
from tools.changes import Changed
from tools.edits import shown
from tools.errors import ToolError
from tools.files import write_file
from tools.locate import Located, Pair, locate
from tools.paths import components
from tools.replaced import CommitFile, Replacement
from tools.tampering import configures_check, is_test_file

MOST_CHARS = 100_000
"""Of all the text in one patch."""
MOST_EDITS = 40
PATHS_CHARS = 6000
"""Of all paths in one patch: what is looked at after it names each of them, and must fit what an agent sees."""
REPEATED = 4000
"""Of a patch that is shown to the model once more."""


class PatchEdit(BaseModel):
    """One exact replacement, or one new file."""

    model_config = ConfigDict(extra="forbid")

    path: Annotated[str, Field(max_length=1000)] = Field(description="File, relative to the repository's top")
    old: str = Field(default="", description="Text that stands in the file exactly once, whole lines; '' = new file")
    new: str = Field(description="What stands there instead, or the new file's content")


class Patch(BaseModel):
    """The smallest change that resolves the issue."""

    model_config = ConfigDict(extra="forbid")

    edits: Annotated[list[PatchEdit], Field(max_length=MOST_EDITS)] = Field(
        description="Exact edits; empty if no edit of shown files can resolve the issue"
    )
    why: Annotated[str, Field(max_length=2000)] = Field(description="One or two sentences: what it changes and why")

    @model_validator(mode="after")
    def _bounded(self) -> "Patch":
        size = sum(len(edit.path) + len(edit.old) + len(edit.new) for edit in self.edits)
        if size > MOST_CHARS:
            raise ValueError(f"the patch has {size} characters, and at most {MOST_CHARS} are taken")
        return self

    @property
    def replaced(self) -> list[PatchEdit]:
        return [edit for edit in self.edits if edit.old.strip()]

    @property
    def created(self) -> list[PatchEdit]:
        return [edit for edit in self.edits if not edit.old.strip()]


def flaws(patch: Patch, allowed: Iterable[str] = ()) -> list[str]:
    """Say what is wrong with a patch before the repository is looked at. Pure.

    `allowed` are the tests and settings that the issue itself asks to change.
    """
    if not patch.edits:
        return [f"There are no edits. {patch.why}".strip()]
    named, found = set(allowed), [flaw for edit in patch.edits if (flaw := _flaw(edit))]
    paths = dict.fromkeys(edit.path for edit in patch.edits)
    examining = [path for path in paths if path not in named and (is_test_file(path) or configures_check(path))]
    found += [f"{path!r} is what proves the fix, so it stays as it is: change the code." for path in examining]
    if sum(map(len, paths)) > PATHS_CHARS:
        found.append(f"Its {len(paths)} paths are longer than {PATHS_CHARS} characters together: edit fewer files.")
    created = [edit.path for edit in patch.created]
    twice = {path for path in created if sum(edit.path == path for edit in patch.edits) > 1}
    return found + [f"{path!r} is created and edited at once: give it as one edit." for path in sorted(twice)]


def _flaw(edit: PatchEdit) -> str:
    try:
        components(edit.path)
    except ToolError as error:
        return str(error.problem)
    if edit.old == edit.new:
        return f"The edit of {edit.path!r} changes nothing: {shown(edit.new)}."
    return ""


def made(thread: Thread, patch: Patch, suffix: str) -> tuple[list[Changed], str]:
    """Find every place, then make every edit; return what was done, and why it stops short."""
    place = Located()
    if pairs := [Pair(file=edit.path, old=edit.old, new=edit.new) for edit in patch.replaced]:
        found = _located(thread, pairs, suffix)
        if isinstance(found, Problem):
            return [], str(found)
        if complaints := _unplaced(patch, found):
            return [], " ".join(complaints)
        place = found
    done, problem = apply_all(thread, place.edits, suffix)
    for edit in patch.created if problem is None else ():
        written = attempt(thread, write_file, f"edit:{edit.path}{suffix}")(edit.path, edit.new)
        if isinstance(written, Problem):
            return done, str(written)
        done.append(written)
    return done, "" if problem is None else str(problem)


def _located(thread: Thread, pairs: list[Pair], suffix: str) -> Located | Problem:
    """Return the places; that they are too much to decide on, as they repeat the edits, is told back like the rest."""
    try:
        return attempt(thread, locate, f"place{suffix}")(pairs)
    except ToolError as error:
        hint = "Give fewer or smaller edits: as `old` no more lines than it takes, and what is long as a new file."
        return error.problem.model_copy(update={"message": "The edits are too long together.", "hint": hint})


def _unplaced(patch: Patch, place: Located) -> list[str]:
    """Say of each edit without its one place what is wrong, compactly."""
    told = [f"{_edit(patch, gone.pair)} does not stand there. {gone.why}" for gone in place.missing]
    for several in place.ambiguous:
        lines = ", ".join(str(one.line) for one in several.candidates[:8])
        told.append(f"{_edit(patch, several.pair)} stands {several.total} times (lines {lines}): give more lines.")
    told += [f"{_edit(patch, index)} is made already." for index in place.already]
    return told[:8]


def _edit(patch: Patch, index: int) -> str:
    edit = patch.replaced[index]
    return f"{shown(edit.old)} in {edit.path!r}"


def as_commit(patch: Patch) -> list[CommitFile]:
    """Return the patch as a commit takes it."""
    files: dict[str, list[Replacement]] = {}
    for edit in patch.edits:
        files.setdefault(edit.path, []).append(Replacement(old=edit.old if edit.old.strip() else "", new=edit.new))
    return [CommitFile(path=path, edits=edits) for path, edits in files.items()]


def repeated(patch: Patch) -> str:
    """Return the patch as it is shown to the model once more, cut if it is long."""
    most = REPEATED // max(1, 2 * len(patch.edits))
    edits = [f"{edit.path}\n<<<<\n{_cut(edit.old, most)}\n====\n{_cut(edit.new, most)}\n>>>>" for edit in patch.edits]
    return "\n".join(edits)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}\n… ({len(text) - most} more characters)"
