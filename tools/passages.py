"""Pieces of files as they stand at a commit: read from git's objects, so that nothing but history is ever quoted."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, TypeAlias

from pydantic import BaseModel, Field

from tools.gitrun import git
from tools.workspace import Repository, Workspace

FILE_LIMIT = 1_000_000
"""Larger files are neither shown nor cited."""
MOST_FILES = 40
LONGEST_LINE = 240
Commits: TypeAlias = dict[str, Annotated[str, Field(pattern="^(?:[0-9a-f]{40}|[0-9a-f]{64})$")]]
"""Repository → the commit that is looked at."""
SHORT = 12
"""Digits of a commit that are shown."""


class Passage(BaseModel):
    """Some lines of a file at a commit."""

    path: str
    commit: str
    start: int
    """The first line, from 1."""
    lines: list[str]
    """Without their ends; long ones are cut."""
    why: str = ""
    """What it was found by."""

    @property
    def numbered(self) -> str:
        """The lines, each behind its number."""
        return "\n".join(f"{number}: {line}" for number, line in enumerate(self.lines, self.start))


def passage(path: str, commit: str, lines: Sequence[str], first: int, last: int, why: str = "") -> Passage:
    """Cut the lines `first` to `last`, counted from 1, out of a file's lines; what is not there is left out."""
    start = max(1, first)
    shown = [line[:LONGEST_LINE].rstrip() for line in lines[start - 1 : last]]
    return Passage(path=path, commit=commit[:SHORT], start=start, lines=shown, why=why)


async def texts_at(
    workspace: Workspace, repository: Repository, commit: str, paths: Iterable[str]
) -> dict[str, list[str]]:
    """Return the lines of each file that exists at the commit as a regular text file of bearable size."""
    wanted = list(dict.fromkeys(paths))[:MOST_FILES]
    if not wanted:
        return {}
    listed = await git(workspace, repository, "ls-tree", "-z", "--long", "--full-tree", commit, "--", *wanted)
    blobs = dict(found for entry in listed.split(b"\0")[:-1] if (found := _blob(entry)) is not None)
    return {
        path: content.decode(errors="replace").split("\n")
        for path, content in (await _contents(workspace, repository, blobs)).items()
        if b"\0" not in content
    }


def _blob(entry: bytes) -> tuple[str, str] | None:
    """Return path and blob of a regular file; of links, folders, submodules and what is too large, nothing."""
    about, path = entry.split(b"\t", 1)
    mode, kind, blob, size = about.decode().split()
    if kind != "blob" or mode == "120000" or not size.isdigit() or int(size) > FILE_LIMIT:
        return None
    try:
        return path.decode(), blob
    except UnicodeDecodeError:
        return None


async def _contents(workspace: Workspace, repository: Repository, blobs: Mapping[str, str]) -> dict[str, bytes]:
    if not blobs:
        return {}
    asked = "".join(f"{blob}\n" for blob in blobs.values()).encode()
    limit = (FILE_LIMIT + 100) * len(blobs)
    left = await git(workspace, repository, "cat-file", "--batch=%(objectsize)", stdin=asked, limit=limit)
    found: dict[str, bytes] = {}
    for path in blobs:
        size, _, left = left.partition(b"\n")
        found[path] = left[: int(size)]
        left = left[int(size) + 1 :]
    return found
