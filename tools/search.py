"""Find text in a repository's files: git knows which files, and only what can be read safely is shown."""

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Annotated

from anyio.to_thread import run_sync
from pydantic import BaseModel, Field

from tools.base import tool
from tools.beneath import read_bytes
from tools.errors import ToolError
from tools.gitnames import relative_paths
from tools.gitrun import git
from tools.gitstatus import shown
from tools.workspace import Repository, Workspace

__all__ = ["search"]

FILE_LIMIT = 5_000_000
"""Larger files are named, not searched."""
LINE_LIMIT = 300
TEXT_LIMIT = 1000


class Hit(BaseModel):
    path: str
    line: int
    """Counted from 1."""
    text: str
    """The line; of a long one the part around the match."""


class Hits(BaseModel):
    hits: list[Hit] = []
    truncated: bool = False
    """There are more."""
    skipped: list[str] = []
    """Files with a match that are too large."""


@tool(risk="read", carries="files")
async def search(
    workspace: Workspace,
    text: Annotated[str, Field(min_length=1, max_length=TEXT_LIMIT)],
    repo: str = "",
    paths: Sequence[str] = (),
    limit: Annotated[int, Field(ge=1, le=500)] = 50,
    ignore_case: bool = False,
) -> Hits:
    """Find the lines that contain `text`, literally, in tracked files and new ones; not in ignored or binary files.

    `paths` narrows it to files and folders.
    """
    if any(char in text for char in "\n\r\0"):
        raise ToolError("bad_input", "The text to search for has more than one line.", "Search for one of its lines.")
    repository = workspace.repository(repo)
    files = await _candidates(workspace, repository, text, relative_paths(paths), ignore_case=ignore_case)
    return await run_sync(_read, repository, files, text, limit, ignore_case)


async def _candidates(
    workspace: Workspace, repository: Repository, text: str, paths: Sequence[str], *, ignore_case: bool
) -> list[str]:
    """Return the files that contain `text`; one pass for tracked files, one for new ones, which leaves out the others.

    git follows a symbolic link that stands where a tracked folder was, so its answer says only where to look.
    """
    words = ["grep", "--files-with-matches", "-z", "--fixed-strings", "-I", "--no-color", "--full-name"]
    words += ["--no-recurse-submodules", *(["--ignore-case"] if ignore_case else []), "-e", text]
    found: set[bytes] = set()
    for also in ([], ["--untracked"]):
        output = await git(
            workspace, repository, *words, *also, "--", *paths, ok=(0, 1), env={"LC_ALL": "C.UTF-8"}, cut=True
        )
        found.update(output.split(b"\0")[:-1])
    return [os.fsdecode(path) for path in sorted(found)]


def _read(repository: Repository, files: Sequence[str], text: str, limit: int, ignore_case: bool) -> Hits:
    hits: list[Hit] = []
    skipped: list[str] = []
    for file in files:
        if len(hits) > limit:
            break
        try:
            content = read_bytes(repository.root, file, FILE_LIMIT)
        except ToolError as error:
            if error.problem.kind == "limit":  # of any other, to say that it matches would tell what stands outside
                skipped.append(shown(os.fsencode(file)))
        else:
            name = shown(os.fsencode(file))
            found = matching_lines(content.decode(errors="replace"), text, ignore_case=ignore_case)
            hits += (Hit(path=name, line=line, text=part) for line, part in islice(found, limit + 1 - len(hits)))
    return Hits(hits=hits[:limit], truncated=len(hits) > limit, skipped=skipped[:limit])


def matching_lines(content: str, text: str, *, ignore_case: bool) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line with a match."""
    wanted = text.lower() if ignore_case else text
    for number, line in enumerate(content.split("\n"), 1):
        if (at := (line.lower() if ignore_case else line).find(wanted)) >= 0:
            start = max(0, min(at - LINE_LIMIT // 3, len(line) - LINE_LIMIT))
            yield number, line[start : start + LINE_LIMIT].rstrip("\r")
