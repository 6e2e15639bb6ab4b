"""Gather what a repository has on a question before a model is asked, at one commit, so that it can be cited (F13)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar

from pydantic import BaseModel, Field

from tools.base import tool
from tools.errors import ToolError
from tools.gitstatus import read_status
from tools.history import Mention, mentions
from tools.occurrences import Candidate, Occurrence, best_files, files_at, files_with
from tools.passages import Passage, passage, texts_at
from tools.terms import MOST, Term
from tools.workspace import Repository, Workspace

__all__ = ["Room", "Survey", "survey"]

MOST_CANDIDATES = 12
SPANS = 3
"""Passages of one file."""
README_LINES = 30
HEAD_LINES = 25
DEFINITION = (1, 12)
"""Lines before and after."""
USE = (2, 3)
ItemT = TypeVar("ItemT", bound=BaseModel)


class Survey(BaseModel):
    """What a repository has on some terms."""

    repo: str
    commit: str = ""
    """What was looked at; empty when there is none yet."""
    branch: str = ""
    files: int = 0
    changed: int = 0
    """Files with uncommitted changes. What they say is not looked at: nothing could cite it."""
    found: dict[str, int] = {}
    """Term → files that have it."""
    passages: list[Passage] = []
    commits: list[Mention] = []
    notes: list[str] = []
    """What was left out, and why."""


@dataclass
class Room:
    """Bytes that are left for what a result holds."""

    left: int

    def take(self, items: Iterable[ItemT]) -> list[ItemT]:
        """Return the first items that fit in."""
        taken: list[ItemT] = []
        for item in items:
            size = len(item.model_dump_json().encode())
            if size <= self.left:
                self.left -= size
                taken.append(item)
        return taken


@tool("read", carries="diff", timeout=300)
async def survey(
    workspace: Workspace,
    terms: Annotated[list[Term], Field(max_length=MOST)],
    repo: str = "",
    room: Annotated[int, Field(ge=1000, le=14_000)] = 10_000,
) -> Survey:
    """Find definitions, uses, documents and commits that have the terms, in a repository as it was committed last."""
    repository = workspace.repository(repo)
    status = await read_status(workspace, repository)
    made = Survey(repo=repository.name, commit=status.head, branch=status.branch, changed=status.total)
    if not status.head:
        made.notes.append("It has no commits yet, so there is nothing to cite.")
        return made
    paths = await files_at(workspace, repository, status.head)
    made.files = len(paths)
    found = await _found(workspace, repository, made, terms)
    best = await best_files(workspace, repository, status.head, terms, found, paths)
    shown = [one for file in best[:MOST_CANDIDATES] for one in spanned(file, status.head)]
    readme = [path for path in paths if "/" not in path and path.casefold().startswith("readme")][:1]
    texts = await texts_at(workspace, repository, status.head, readme)
    intro = [passage(path, status.head, texts[path], 1, README_LINES, "README") for path in readme if path in texts]
    history = await _history(workspace, repository, made, terms)
    made.commits = Room(room // 4).take(history)
    rest = Room(room - sum(len(one.model_dump_json()) for one in made.commits))
    made.passages = rest.take([*shown[:6], *intro, *shown[6:]])
    if left := len(shown) + len(intro) - len(made.passages):
        made.notes.append(f"{left} more passages are left out.")
    return made


def spanned(file: Candidate, commit: str) -> list[Passage]:
    """Return the passages of a file that hold what was found in it, definitions first chosen, in the file's order."""
    lines = file.lines
    if not file.places:
        return [passage(file.path, commit, lines, 1, HEAD_LINES, "its name")]
    near: dict[int, set[str]] = {}
    for one in file.places:
        near.setdefault(one.line // 4, set()).add(one.term)
    best = sorted(file.places, key=lambda one: (not one.defined, -len(near[one.line // 4]), one.line))
    merged: list[tuple[int, int]] = []
    for first, last in sorted(_span(one) for one in _apart(best)[:SPANS]):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return [passage(file.path, commit, lines, first, last, file.why) for first, last in merged]


def _apart(places: Sequence[Occurrence]) -> list[Occurrence]:
    """Leave out what a better place shows already."""
    kept: list[Occurrence] = []
    for one in places:
        if not any(first <= one.line <= last for first, last in map(_span, kept)):
            kept.append(one)
    return kept


def _span(one: Occurrence) -> tuple[int, int]:
    before, after = DEFINITION if one.defined else USE
    return max(1, one.line - before), one.line + after


async def _found(
    workspace: Workspace, repository: Repository, made: Survey, terms: Sequence[Term]
) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for term in terms:
        try:
            found[term.text] = await files_with(workspace, repository, made.commit, term)
        except ToolError as error:
            made.notes.append(f"{term.text!r}: {error.problem.message}")
        else:
            made.found[term.text] = len(found[term.text])
    return found


async def _history(workspace: Workspace, repository: Repository, made: Survey, terms: Sequence[Term]) -> list[Mention]:
    try:
        return await mentions(workspace, repository, made.commit, terms) if terms else []
    except ToolError as error:
        made.notes.append(f"History: {error.problem.message}")
        return []
