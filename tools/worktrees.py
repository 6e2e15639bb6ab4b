"""A work tree of a thread's own: linked to the person's repository, on a branch of its own, under the state folder.

It is made when the thread first needs it, from what its launch says, so the log tells all there is to know of it. The
person's checkout, index and HEAD are not touched; their repository gains a branch and the entry that links the two.
"""

import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from anyio.to_thread import run_sync

from state.events import HeldFiles, RepositoryRef
from tools.checkpoints.files import state_at
from tools.checkpoints.restoring import require
from tools.checkpoints.vault import flush_folder, opened
from tools.errors import ToolError
from tools.gitrun import git
from tools.likeness import liken
from tools.locks import alone
from tools.workspace import Repository, Workspace

READY = "ready"
CHECKOUT_S = 900.0
LISTED = 256 << 20
"""Bytes of a list of all files."""
LINKED = "node_modules"
"""What programs of a checkout look for in the folders above them: there it is found without being in the work tree."""


async def make_ready(workspace: Workspace, own: Repository, ref: RepositoryRef) -> None:
    """Make the work tree as it was launched, unless it is there.

    Raises:
        ToolError: `not_found` (it was there and is gone, or its commit is), `busy`; the repository may not be opened.
    """
    assert own.source is not None
    ready = own.root.parent / READY
    if ready.exists():
        return _require_there(own)
    async with alone(workspace, f"the work tree {own.root}") as lock:
        if not ready.exists():
            await _make(replace(workspace, held=(lock,)), own, own.source, ref)
            ready.touch(mode=0o600)
            await run_sync(flush_folder, own.root.parent)
    _require_there(own)


async def remove(workspace: Workspace, own: Repository, ref: RepositoryRef) -> None:
    """Remove the work tree, its entry in the repository, and its branch if nothing was committed on it.

    Raises:
        ToolError: The repository may not be opened.
    """
    assert own.source is not None
    checkout = Repository(own.name, own.source, "write", own.trusted)
    async with alone(workspace, f"the work tree {own.root}") as lock:
        workspace = replace(workspace, held=(lock,))
        await _take_away(workspace, own, checkout)
        branch = f"refs/heads/{ref.branch}"
        words = ("rev-parse", "--verify", "--quiet", "--end-of-options")
        found = await git(workspace, checkout, *words, branch, ok=(0, 1))
        if ref.head and found.decode().strip() == ref.head:
            await git(workspace, checkout, "update-ref", "--no-deref", "-d", branch, ref.head)
        await run_sync(shutil.rmtree, own.root.parent, True)


async def untaken(workspace: Workspace, own: Repository) -> list[str]:
    """Return the paths whose edits would be lost with the work tree: not committed, and not in the checkout.

    Raises:
        ToolError: The repository may not be opened.
    """
    assert own.source is not None
    if not (own.root / ".git").exists():
        return []
    words = ("ls-files", "-z", "-m", "-d", "-o", "--exclude-standard")
    listed = (await git(workspace, own, *words, limit=LISTED)).split(b"\0")[:-1]
    paths = dict.fromkeys(map(os.fsdecode, listed))
    return await run_sync(_unlike, own.root, own.source, paths)


def _unlike(own: Path, checkout: Path, paths: Iterable[str]) -> list[str]:
    return [path for path in paths if state_at(own, path) != state_at(checkout, path)]


def _require_there(own: Repository) -> None:
    if not os.path.lexists(own.root / ".git"):
        message = f"The work tree {str(own.root)!r} of this thread was removed."
        raise ToolError("not_found", message, "Launch the agent again.")


async def _make(workspace: Workspace, own: Repository, source: Path, ref: RepositoryRef) -> None:
    """Begin anew: what a killed attempt left is overwritten."""
    checkout = Repository(own.name, source, "read", own.trusted)
    await _take_away(workspace, own, checkout)
    own.root.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    words = ("worktree", "add", "--quiet", "--force", "--no-checkout", "--no-track", "-B", ref.branch or "")
    await git(workspace, checkout, *words, str(own.root), ref.head or "")
    await git(workspace, own, "read-tree", "--reset", "-u", "HEAD", timeout_s=CHECKOUT_S)
    if ref.files:
        await _fill(workspace, own, ref.files)
    else:
        tracked = (await git(workspace, own, "ls-files", "-z", limit=LISTED)).split(b"\0")[:-1]
        await run_sync(liken, own.root, source, map(os.fsdecode, tracked))
    with suppress(FileExistsError):
        if (source / LINKED).is_dir():
            (own.root.parent / LINKED).symlink_to(source / LINKED, target_is_directory=True)


async def _take_away(workspace: Workspace, own: Repository, checkout: Repository) -> None:
    """Remove the files, then the entry for them, whichever of the two there is."""
    await run_sync(shutil.rmtree, own.root, True)
    words = ("worktree", "remove", "--force", "--force")
    await git(workspace, checkout, *words, str(own.root), ok=(0, 128))  # 128: it has no entry


async def _fill(workspace: Workspace, own: Repository, files: HeldFiles) -> None:
    """Replace the files by those that a checkpoint holds; untracked ones, modes and links included."""
    for path in await run_sync(lambda: [*own.root.iterdir()]):
        if path.name != ".git":
            await run_sync(shutil.rmtree if path.is_dir() and not path.is_symlink() else Path.unlink, path)
    async with opened(workspace, Repository(own.name, Path(files.root), "read")) as vault:
        index = vault.home / f"stream.{own.root.parent.name}"
        env = {"GIT_INDEX_FILE": str(index), "GIT_WORK_TREE": str(own.root)}
        await require(vault, files.commit)
        try:
            await vault.git("read-tree", files.commit, env=env)
            await vault.git("checkout-index", "--all", "--force", env=env, timeout_s=CHECKOUT_S)
        finally:
            index.unlink(missing_ok=True)
