"""Searches that a model proposes: few, typed, and at the commits that were looked at before."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from tools.base import tool
from tools.errors import ToolError
from tools.gitnames import relative_path
from tools.history import Mention, mentions
from tools.occurrences import Candidate, best_files, files_at, files_with
from tools.passages import Commits, Passage, passage, texts_at
from tools.surveying import Room, spanned
from tools.terms import Term
from tools.workspace import Workspace

__all__ = ["Finding", "Lookup", "look_up"]

MOST = 5
FILES = 6
PAGE = (20, 60)
"""Lines of a file before and after the one that was asked for."""


class Lookup(BaseModel):
    """One search."""

    repo: str = Field(description="Name of a repository", max_length=300)
    kind: Literal["text", "definition", "history", "file"] = Field(
        description="text: lines with `text`; definition: where the name `text` is defined; history: commits that "
        "added or removed `text`; file: lines around `line` of the file `text`"
    )
    text: str = Field(description="Literal text, a name, or a path", min_length=1, max_length=200)
    line: int = Field(default=1, ge=1, le=10_000_000, description="Of a file")

    @property
    def label(self) -> str:
        return f"{self.kind} {self.text!r} in {self.repo}"


class Finding(BaseModel):
    """What came of one search."""

    repo: str
    search: str
    passages: list[Passage] = []
    commits: list[Mention] = []
    note: str = ""


@tool("read", carries="diff", timeout=300)
async def look_up(
    workspace: Workspace,
    searches: Annotated[list[Lookup], Field(max_length=MOST)],
    commits: Commits,
    room: Annotated[int, Field(ge=1000, le=14_000)] = 10_000,
) -> list[Finding]:
    """Do a few searches; `commits` says, for each repository that may be searched, at which commit."""
    made: list[Finding] = []
    for number, wanted in enumerate(searches):
        share = Room(room // len(searches) + (room % len(searches) if not number else 0))
        finding = Finding(repo=wanted.repo, search=wanted.label)
        try:
            await _look(workspace, wanted, commits, finding, share)
        except ToolError as error:
            finding.note = str(error)
        made.append(finding)
    return made


async def _look(workspace: Workspace, wanted: Lookup, commits: Mapping[str, str], made: Finding, room: Room) -> None:
    if not (commit := commits.get(wanted.repo, "")):
        raise ToolError(
            "refused", f"{wanted.repo!r} is no repository of this question.", f"It has: {', '.join(commits)}."
        )
    repository = workspace.repository(wanted.repo)
    if any(char in wanted.text for char in "\n\r\0"):
        raise ToolError("bad_input", "The text has more than one line.", "Search for one of its lines.")
    match wanted.kind:
        case "file":
            path = relative_path(wanted.text)
            lines = (await texts_at(workspace, repository, commit, [path])).get(path)
            if lines is None:
                raise ToolError("not_found", f"There is no text file {path!r} at that commit.", "Search for its name.")
            before, after = PAGE
            made.passages = _fitting(passage(path, commit, lines, wanted.line - before, wanted.line + after), room)
        case "history":
            term = Term(text=wanted.text, kind="name")
            made.commits = room.take(await mentions(workspace, repository, commit, [term]))
        case "text" | "definition":
            term = Term(text=wanted.text, kind="name" if wanted.kind == "definition" else "quoted")
            found = {term.text: await files_with(workspace, repository, commit, term)}
            paths = await files_at(workspace, repository, commit)
            best = await best_files(workspace, repository, commit, [term], found, paths)
            chosen = [one for one in best if wanted.kind == "text" or _only_definitions(one)][:FILES]
            shown = [one for file in chosen if file.places for one in spanned(file, commit)]
            made.passages = room.take(shown)
    if not made.passages and not made.commits:
        made.note = "Nothing was found."


def _only_definitions(file: Candidate) -> bool:
    """Leave only the places that define; whether there are any."""
    file.places = [one for one in file.places if one.defined]
    return bool(file.places)


def _fitting(page: Passage, room: Room) -> list[Passage]:
    """Shorten a page from its end until it fits."""
    while page.lines:
        if taken := room.take([page]):
            return taken
        page = page.model_copy(update={"lines": page.lines[: len(page.lines) // 2]})
    return []
