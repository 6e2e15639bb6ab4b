"""Facts about a repository: is this folder one, may it be touched, and is it in a state to be worked on."""

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from state.problem import Problem
from tools.errors import ToolError
from tools.gitalternates import alternates
from tools.gitdir import GitDir, locate
from tools.giterrors import printable
from tools.gitrun import git
from tools.gitstatus import Status, read_status
from tools.workspace import Repository, Workspace

Operation: TypeAlias = Literal["merge", "rebase", "am", "cherry-pick", "revert", "bisect"]
_TRACES: dict[str, Operation] = {
    "MERGE_HEAD": "merge",
    "rebase-apply/applying": "am",
    "rebase-apply": "rebase",
    "rebase-merge": "rebase",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "BISECT_LOG": "bisect",
}
"""What git leaves in its folder while an operation waits for the person -> the operation. The first found counts."""
_USUAL = ("main", "master", "trunk", "develop")
_BORROWED = ("config", "HEAD", "packed-refs", "refs", "objects", "objects/info", "objects/pack")


@dataclass(frozen=True, slots=True)
class Facts:
    """What was true of a repository when it was looked at."""

    name: str
    root: Path
    place: GitDir
    status: Status
    default_branch: str
    """Empty if nothing tells."""
    operation: Operation | None
    """What the person has begun and not finished."""

    @property
    def is_worktree(self) -> bool:
        return self.place.path != self.place.common

    def why_no_work_tree(self) -> Problem | None:
        """Say why no agent can have a work tree of its own of this repository, or `None`."""
        if self.status.head:
            return None
        return Problem(kind="refused", message=f"{self.name!r} has no commits yet.", hint="Commit something first.")

    def why_not_writable(self) -> Problem | None:
        """Say why no agent may write here, or `None`."""
        if why := self.why_no_work_tree():
            return why
        if self.operation is not None:
            message = f"{self.name!r} is in the middle of a {self.operation}."
            end = "reset" if self.operation == "bisect" else "--abort"
            return Problem(kind="refused", message=message, hint=f"Finish it, or: git {self.operation} {end}")
        if unmerged := [change.path for change in self.status.changes if change.state == "unmerged"]:
            message = f"{self.name!r} has conflicts that are not resolved, as in {unmerged[0]!r}."
            return Problem(kind="refused", message=message, hint="Resolve them, then git add the files.")
        return None


def work_tree_key(facts: Facts) -> str:
    """Return what identifies a work tree for the lease on it (R20): where its repository is, and which tree it is."""
    return f"{facts.place.common}:{os.path.relpath(facts.place.path, facts.place.common)}"


def find_work_tree(path: str, roots: Collection[Path]) -> Path:
    """Return the top of the work tree that `path` names, symlinks resolved.

    Raises:
        ToolError: It is no folder, is outside `roots`, or is not the top of a work tree.
    """
    if not path or not path.isprintable() or not Path(path).is_absolute():
        raise ToolError("bad_input", f"{printable(path)!r} is not an absolute path.", "Give the repository's folder.")
    root = Path(os.path.realpath(path))
    if not _within(root, roots):
        known = ", ".join(str(folder) for folder in roots) or "none"
        raise ToolError("refused", f"{str(root)!r} is outside the folders that may be opened.", f"They are: {known}.")
    if not root.is_dir():
        kind = "is a file" if root.exists() else "does not exist"
        raise ToolError("not_found", f"{str(root)!r} {kind}.", "Give the folder of a git repository.")
    if ".git" in (part.lower() for part in root.parts) or _is_bare(root):
        raise ToolError(
            "refused", f"{str(root)!r} has no work tree; it is git's own.", "Give a folder with a checkout."
        )
    if not os.path.lexists(root / ".git"):
        above = next((folder for folder in root.parents if os.path.lexists(folder / ".git")), None)
        init = "Give the folder of one; if this is to be one, run git init there first."
        hint = f"It is inside the repository {str(above)!r}; give that." if above else init
        raise ToolError("not_found", f"{str(root)!r} is not the top of a git work tree.", hint)
    return root


async def read_facts(workspace: Workspace, repository: Repository, roots: Collection[Path]) -> Facts:
    """Look at a repository of which nothing is known but the folder. Nothing in it is changed, nothing of it runs.

    Raises:
        ToolError: It may not be opened: see `tools.gitopen`; or parts of it are kept outside `roots`.
    """
    place = locate(repository.root, trusted=repository.trusted)
    _refuse_borrowed(place, repository, roots)
    status = await read_status(workspace, repository)
    return Facts(
        name=repository.name,
        root=repository.root,
        place=place,
        status=status,
        default_branch=await default_branch(workspace, repository, status.branch),
        operation=next((operation for trace, operation in _TRACES.items() if (place.path / trace).exists()), None),
    )


def _refuse_borrowed(place: GitDir, repository: Repository, roots: Collection[Path]) -> None:
    """Refuse a repository that would let its reader into another, by link, alternates or symlink."""
    folders = [place.path, place.common, *(place.common / name for name in _BORROWED)]
    objects = place.common / "objects"
    if not objects.is_dir():
        raise ToolError("not_found", f"{str(place.common)!r} is not a repository.", "Repair it, or clone it again.")
    with os.scandir(objects) as found:
        folders += [Path(entry.path) for entry in found if entry.is_symlink()]
    _require_within(folders, repository, roots)
    _require_within(alternates(objects), repository, roots)


def _require_within(folders: Iterable[Path], repository: Repository, roots: Collection[Path]) -> None:
    for folder in folders:
        if not _within(Path(os.path.realpath(folder)), roots):
            message = f"{repository.name!r} keeps parts of itself outside what may be opened: {str(folder)!r}."
            raise ToolError("refused", message, "Open the repository there as well, or make a full clone.")


def _within(path: Path, roots: Collection[Path]) -> bool:
    return any(path.is_relative_to(os.path.realpath(root)) for root in roots)


def _is_bare(folder: Path) -> bool:
    return all((folder / name).exists() for name in ("HEAD", "objects", "refs")) and not (folder / ".git").exists()


async def default_branch(workspace: Workspace, repository: Repository, current: str) -> str:
    """Return what the remote says, else the usual name that exists, else the only branch there is."""
    words = ("for-each-ref", "--format=%(refname)%00%(symref)", "refs/remotes/*/HEAD", "refs/heads")
    listed = (await git(workspace, repository, *words)).decode(errors="backslashreplace").splitlines()
    refs = dict(line.split("\0", 1) for line in listed)
    for name in sorted(refs, key=lambda ref: ref != "refs/remotes/origin/HEAD"):
        if name.startswith("refs/remotes/") and refs[name]:
            return refs[name].removeprefix(name.removesuffix("HEAD"))
    branches = [name.removeprefix("refs/heads/") for name in refs if name.startswith("refs/heads/")]
    usual = (name for name in _USUAL if name in branches)
    return next(usual, current if len(branches) < 2 else "")


async def branches(
    workspace: Workspace, repository: Repository, roots: Collection[Path], beginning: str, most: int
) -> list[str]:
    """Return the names of branches that begin so, the one that was committed to last first.

    Raises:
        ToolError: As `read_facts`.
    """
    _refuse_borrowed(locate(repository.root, trusted=repository.trusted), repository, roots)
    words = ("for-each-ref", "--sort=-committerdate", "--format=%(refname:lstrip=2)", "refs/heads")
    listed = (await git(workspace, repository, *words)).decode(errors="backslashreplace").splitlines()
    return [name for name in listed if name.startswith(beginning)][:most]
