"""What differs between a checkpoint and another, or the files as they are: per file, and as a patch."""

import os
from typing import Any, NamedTuple

from tools.checkpoints.restoring import require
from tools.checkpoints.saving import save
from tools.checkpoints.vault import commit_id, opened
from tools.giterrors import printable
from tools.workspace import Workspace

_PATCH = ("--no-ext-diff", "--no-textconv", "--no-color", "--no-renames")


class Difference(NamedTuple):
    repo: str
    files: list[dict[str, Any]]
    """`path`, `added` and `removed` lines; without these for what is not text."""
    patch: str


async def differences(workspace: Workspace, name: str, old: str, new: str | None) -> Difference:
    """Compare two commits of a repository's checkpoints; without `new` the work tree as it is.

    Raises:
        ToolError: `expired` (a commit is gone), or the work tree cannot be held.
    """
    repository = workspace.repository(name)
    async with opened(workspace, repository) as vault:
        for commit in filter(None, (old, new)):
            await require(vault, commit)
        if new is None:
            new = (await save(workspace, repository, vault, "to compare")).commit
        commits = commit_id(old), commit_id(new)
        counted = await vault.git("diff-tree", "-r", "-z", "--numstat", *_PATCH, *commits)
        patch = await vault.git("diff-tree", "-r", "-p", *_PATCH, *commits)
    files = [_row(line) for line in counted.split(b"\0") if line]
    return Difference(name, files, patch.decode(errors="replace"))


def _row(line: bytes) -> dict[str, Any]:
    added, removed, path = line.split(b"\t", 2)
    shown = {"path": printable(os.fsdecode(path))}
    return shown if added == b"-" else {**shown, "added": int(added), "removed": int(removed)}
