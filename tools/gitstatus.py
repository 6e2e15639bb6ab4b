"""Tell what has changed in a work tree without running the filters that git would ask."""

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from anyio.to_thread import run_sync
from pydantic import BaseModel

from tools.beneath import open_file, open_folder
from tools.errors import ToolError
from tools.gitrun import git
from tools.workspace import Repository, Workspace

MOST_CHANGES = 200
POINTER_LIMIT = 1024
"""Git LFS: a pointer file is smaller than this."""
POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\noid sha256:([0-9a-f]{64})\nsize (\d+)\n")

State: TypeAlias = Literal["added", "modified", "deleted", "type_changed", "untracked", "unmerged"]
_STATES: dict[str, State] = {"A": "added", "M": "modified", "D": "deleted", "T": "type_changed"}


class Change(BaseModel):
    path: str
    """Relative to the top; a folder of untracked files ends with a slash."""
    state: State
    staged: bool = False
    """Whether the index differs from HEAD."""


class Status(BaseModel):
    repo: str
    branch: str = ""
    """Empty when HEAD is detached."""
    head: str = ""
    """Empty when there is no commit yet."""
    upstream: str = ""
    ahead: int = 0
    behind: int = 0
    changes: list[Change] = []
    """The first of them."""
    total: int = 0
    filtered: list[str] = []
    """Paths with a content filter, which is not run: whether they have changed cannot be told."""


@dataclass(frozen=True, slots=True)
class _Entry:
    path: bytes
    state: State
    staged: bool = False
    blob: str = ""
    """What the index holds, if the work tree may differ from it."""


async def read_status(workspace: Workspace, repository: Repository) -> Status:
    """Return branch, head and changes; a submodule has changed only when another commit is checked out in it."""
    words = ("status", "--porcelain=v2", "--branch", "--untracked-files=normal", "--no-renames", "-z")
    lines = (await git(workspace, repository, *words)).split(b"\0")[:-1]
    entries = [entry for line in lines if (entry := _entry(line)) is not None]
    unsure = await _unsure(workspace, repository, {entry.path: entry.blob for entry in entries if entry.blob})
    kept = [entry for entry in entries if entry.staged or entry.path not in unsure]
    said = dict(shown(line)[2:].split(" ", 1) for line in lines if line.startswith(b"# "))
    ahead, behind = said.get("branch.ab", "+0 -0").split(" ")
    return Status(
        repo=repository.name,
        branch="" if said["branch.head"] == "(detached)" else said["branch.head"],
        head="" if said["branch.oid"] == "(initial)" else said["branch.oid"],
        upstream=said.get("branch.upstream", ""),
        ahead=int(ahead),
        behind=-int(behind),
        changes=[Change(path=shown(e.path), state=e.state, staged=e.staged) for e in kept[:MOST_CHANGES]],
        total=len(kept),
        filtered=[shown(path) for path, same in unsure.items() if not same][:MOST_CHANGES],
    )


async def _unsure(workspace: Workspace, repository: Repository, touched: Mapping[bytes, str]) -> dict[bytes, bool]:
    """Return which of the touched paths have not visibly changed once their content filter is taken into account.

    True: the file is what its Git LFS pointer says. False: only the filter, which is not run, could tell. A file that
    differs from its pointer has changed and is not returned.
    """
    filtered = await filtered_paths(workspace, repository, touched)
    pointers = await _pointers(workspace, repository, {path: touched[path] for path in filtered})
    same = await run_sync(_matching, repository.root, pointers)
    return {path: path in same for path in filtered if path in same or path not in pointers}


async def _pointers(
    workspace: Workspace, repository: Repository, blobs: Mapping[bytes, str]
) -> dict[bytes, tuple[str, int]]:
    """Return path -> (sha256, size) for the blobs that are Git LFS pointers."""
    if not blobs:
        return {}
    asked = "".join(f"{blob}\n" for blob in blobs.values()).encode()
    sizes = (await git(workspace, repository, "cat-file", "--batch-check=%(objectsize)", stdin=asked)).split()
    small = {path: blob for (path, blob), size in zip(blobs.items(), sizes, strict=True) if int(size) < POINTER_LIMIT}
    asked = "".join(f"{blob}\n" for blob in small.values()).encode()
    left = await git(workspace, repository, "cat-file", "--batch=%(objectsize)", stdin=asked)
    pointers: dict[bytes, tuple[str, int]] = {}
    for path in small:
        size, _, left = left.partition(b"\n")
        if found := POINTER.fullmatch(left[: int(size)]):
            pointers[path] = (found[1].decode(), int(found[2]))
        left = left[int(size) + 1 :]
    return pointers


def _matching(root: Path, pointers: Mapping[bytes, tuple[str, int]]) -> set[bytes]:
    """Return the paths whose file has the digest and the size of its pointer."""
    return {path for path, pointer in pointers.items() if _digest(root, os.fsdecode(path), pointer[1]) == pointer[0]}


def _digest(root: Path, path: str, size: int) -> str | None:
    """Return the sha256 of a regular file of that size, which lies behind no link."""
    *folders, name = path.split("/")
    try:
        with open_folder(root, folders) as folder, open_file(folder, name, path) as file:
            if os.fstat(file).st_size != size:
                return None
            with os.fdopen(os.dup(file), "rb") as opened:
                return hashlib.file_digest(opened, "sha256").hexdigest()
    except (ToolError, OSError):
        return None


def _entry(line: bytes) -> _Entry | None:
    """Read one record of `git status --porcelain=v2 -z`; `None` for a header."""
    match line[:1]:
        case b"1":
            _, xy, submodule, _, _, _, _, blob, path = line.split(b" ", 8)
            index, tree = xy.decode()
            mutable = tree == "M" and submodule.startswith(b"N")
            state = _STATES.get(index if tree == "." else tree, "modified")
            return _Entry(path, state, index != ".", blob.decode() if mutable else "")
        case b"u":
            return _Entry(line.split(b" ", 10)[10], "unmerged")
        case b"?":
            return _Entry(line[2:], "untracked")
        case _:
            return None


async def filtered_paths(workspace: Workspace, repository: Repository, paths: Iterable[bytes]) -> dict[bytes, str]:
    """Return path -> driver for those of `paths` that have a content filter."""
    if not (asked := b"".join(path + b"\0" for path in paths)):
        return {}
    answer = await git(workspace, repository, "check-attr", "-z", "--stdin", "filter", stdin=asked)
    fields = answer.split(b"\0")
    drivers = zip(fields[0::3], fields[2::3], strict=False)
    return {path: shown(driver) for path, driver in drivers if driver not in (b"unspecified", b"unset", b"set")}


def shown(path: bytes) -> str:
    """Make text of a path; bytes that are not UTF-8 are escaped, for JSON cannot hold them."""
    return path.decode(errors="backslashreplace")
