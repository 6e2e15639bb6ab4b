"""Tools that read a repository's state and history, and leave every byte of it as it is (R14)."""

import os
from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, Field

from tools.base import tool
from tools.errors import ToolError
from tools.gitnames import relative_path, relative_paths, resolve, resolve_range
from tools.gitrun import git
from tools.gitstatus import Status, filtered_paths, read_status, shown
from tools.workspace import Repository, Workspace

__all__ = ["git_diff", "git_log", "git_show", "git_status"]

TEXT_LIMIT = 200_000
"""Bytes of a patch or a file in one result."""
MOST_FILES = 500
BODY_LIMIT = 2000
_COMMIT = "%H%x00%P%x00%an%x00%ae%x00%aI%x00%s%x00%b"
_FIELDS = 7


class FileChange(BaseModel):
    path: str
    added: int = 0
    """Lines; 0 for a binary file."""
    removed: int = 0
    binary: bool = False


class Patch(BaseModel):
    base: str
    """The commit, or the two of a range, that was compared."""
    files: list[FileChange] = []
    text: str = ""
    """The unified diff."""
    truncated: bool = False
    untracked: list[str] = []
    """New files, which git does not compare."""
    filtered: list[str] = []
    """Left out: the work tree's files pass through a content filter, which is not run."""


class Commit(BaseModel):
    id: str
    parents: list[str]
    author: str
    email: str
    date: str
    subject: str
    body: str = ""


class Log(BaseModel):
    commits: list[Commit]


class Shown(BaseModel):
    commit: Commit
    path: str = ""
    text: str = ""
    """The file's content at that commit or, without a path, the commit's patch."""
    size: int = 0
    """Of the file, in bytes."""
    binary: bool = False
    truncated: bool = False


@tool(risk="read", carries="files")
async def git_status(workspace: Workspace, repo: str = "") -> Status:
    """Show the branch, HEAD and what is changed, staged or untracked in a repository's work tree."""
    return await read_status(workspace, workspace.repository(repo))


@tool(risk="read", carries="diff")
async def git_diff(
    workspace: Workspace, base: str = "HEAD", paths: Sequence[str] = (), repo: str = "", stat: bool = False
) -> Patch:
    """Compare the work tree with the commit `base`, or two commits given as `A..B` or `A...B` (since they diverged).

    `stat` leaves out the text.
    """
    repository = workspace.repository(repo)
    wanted = relative_paths(paths)
    commits = await resolve_range(workspace, repository, base)
    if ".." in commits:
        return await _compare(workspace, repository, commits, wanted, stat=stat)
    untracked = await _names(workspace, repository, "ls-files", "--others", "--exclude-standard", "--", *wanted)
    touched = await _names(workspace, repository, "diff", "--name-only", "--no-renames", "--", *wanted)
    filtered = await filtered_paths(workspace, repository, touched)
    if filtered:
        changed = await _names(workspace, repository, "diff", "--name-only", "--no-renames", commits, "--", *wanted)
        wanted = [os.fsdecode(path) for path in changed if path not in filtered]
    skip = bool(filtered) and not wanted
    patch = Patch(base=commits) if skip else await _compare(workspace, repository, commits, wanted, stat=stat)
    return patch.model_copy(
        update={
            "untracked": [shown(path) for path in untracked[:MOST_FILES]],
            "filtered": [shown(path) for path in filtered][:MOST_FILES],
        }
    )


@tool(risk="read", carries="diff")
async def git_log(
    workspace: Workspace,
    limit: Annotated[int, Field(ge=1, le=200)] = 20,
    path: str = "",
    ref: str = "HEAD",
    repo: str = "",
) -> Log:
    """List the commits reachable from `ref`, or in a range `A..B`, newest first; with `path` those that changed it."""
    repository = workspace.repository(repo)
    commits = await resolve_range(workspace, repository, ref)
    return Log(commits=await _log(workspace, repository, commits, limit, relative_paths([path] if path else [])))


@tool(risk="read", carries="diff")
async def git_show(workspace: Workspace, ref: str, path: str = "", repo: str = "") -> Shown:
    """Show a commit and its patch or, with `path`, that file's content at the commit."""
    repository = workspace.repository(repo)
    commit_id = await resolve(workspace, repository, ref)
    [commit] = await _log(workspace, repository, commit_id, 1, [])
    if not path:
        words = ("show", "--no-color", "--format=", "--end-of-options", commit_id)
        text = await git(workspace, repository, *words, limit=TEXT_LIMIT, cut=True)
        return Shown(commit=commit, text=text.decode(errors="replace"), truncated=len(text) >= TEXT_LIMIT)
    size, content = await _file(workspace, repository, commit_id, relative_path(path))
    binary = b"\0" in content
    return Shown(
        commit=commit,
        path=path,
        text="" if binary else content.decode(errors="replace"),
        size=size,
        binary=binary,
        truncated=size > len(content),
    )


async def _compare(
    workspace: Workspace, repository: Repository, commits: str, paths: Sequence[str], *, stat: bool
) -> Patch:
    numbers = await _names(workspace, repository, "diff", "--numstat", "--no-renames", commits, "--", *paths)
    words = ("diff", "--no-color", commits, "--", *paths)
    text = b"" if stat else await git(workspace, repository, *words, limit=TEXT_LIMIT, cut=True)
    return Patch(
        base=commits,
        files=[_file_change(line) for line in numbers[:MOST_FILES]],
        text=text.decode(errors="replace"),
        truncated=len(text) >= TEXT_LIMIT or len(numbers) > MOST_FILES,
    )


async def _names(workspace: Workspace, repository: Repository, subcommand: str, *words: str) -> list[bytes]:
    return (await git(workspace, repository, subcommand, "-z", *words)).split(b"\0")[:-1]


def _file_change(line: bytes) -> FileChange:
    added, removed, path = line.split(b"\t", 2)
    if added == b"-":
        return FileChange(path=shown(path), binary=True)
    return FileChange(path=shown(path), added=int(added), removed=int(removed))


async def _log(
    workspace: Workspace, repository: Repository, commits: str, limit: int, paths: Sequence[str]
) -> list[Commit]:
    form = ("-z", f"--format={_COMMIT}", "--encoding=UTF-8", "--no-patch", f"--max-count={limit}")
    output = await git(workspace, repository, "log", *form, "--end-of-options", commits, "--", *paths)
    fields = output.decode(errors="replace").split("\0")
    return [
        Commit(
            id=fields[at],
            parents=fields[at + 1].split(),
            author=fields[at + 2],
            email=fields[at + 3],
            date=fields[at + 4],
            subject=fields[at + 5],
            body=fields[at + 6].strip()[:BODY_LIMIT],
        )
        for at in range(0, len(fields) - _FIELDS + 1, _FIELDS)
    ]


async def _file(workspace: Workspace, repository: Repository, commit: str, path: str) -> tuple[int, bytes]:
    """Return a file's size and the beginning of its content at a commit.

    Raises:
        ToolError: There is no such file.
    """
    entry = await git(workspace, repository, "ls-tree", "-z", "--long", "--full-tree", commit, "--", path.rstrip("/"))
    if not entry:
        raise ToolError("not_found", f"There is no {path!r} at {commit[:12]}.", "List its changes with git_log.")
    _, kind, blob, size = entry.split(b"\t", 1)[0].decode().split()
    if kind != "blob":
        raise ToolError("bad_input", f"{path!r} is a {kind} at {commit[:12]}, not a file.", "Name a file in it.")
    if not size.isdigit():
        message = f"The content of {path!r} at {commit[:12]} was never fetched: this is a partial clone."
        raise ToolError("not_found", message, f"Run there: git cat-file blob {blob[:12]}")
    return int(size), await git(workspace, repository, "cat-file", "blob", blob, limit=TEXT_LIMIT, cut=True)
