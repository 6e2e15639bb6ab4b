"""Drop what no thread needs any more, and give its room back."""

import os
import shutil
from collections.abc import Iterator, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

from anyio.to_thread import run_sync

from tools.checkpoints.vault import FRESH_S, Vault, alone_at, held, sweep, vault_in
from tools.errors import ToolError
from tools.workspace import Workspace

MANY_PACKS = 20
"""So many saves are worth being packed into one, though nothing is dropped."""


@dataclass
class Pruned:
    """What was dropped, or with a dry run would be."""

    commits: int = 0
    vaults: int = 0
    """Whole ones: their work trees are gone, and no thread names them."""
    bytes: int = 0
    problems: list[ToolError] = field(default_factory=list[ToolError])
    """Why a vault was left as it is."""


async def prune(workspace: Workspace, needed: Set[str], now: float, *, dry_run: bool = False) -> Pruned:
    """Drop all commits but the needed ones, the last of each work tree, and what is too young to be named yet."""
    pruned = Pruned()
    homes = sorted(workspace.vaults.iterdir()) if workspace.vaults.exists() else []
    for home in homes:
        try:
            await _prune(workspace, home, needed, now, pruned, dry_run=dry_run)
        except ToolError as error:
            pruned.problems.append(error)
    return pruned


async def _prune(
    workspace: Workspace, home: Path, needed: Set[str], now: float, pruned: Pruned, *, dry_run: bool
) -> None:
    if (vault := vault_in(workspace, home)) is None:
        if _changed_at(home) < now - FRESH_S:
            await _remove(home, pruned, dry_run=dry_run)
        return
    async with alone_at(workspace, vault.root) as lock:
        vault = replace(vault, lock=lock)
        commits = await held(vault)
        if not (vault.root / ".git").exists() and needed.isdisjoint(commits):
            return await _remove(home, pruned, dry_run=dry_run)
        if vault.journal.exists():  # a restore was cut off: whoever opens the work tree next ends it first
            return
        current = vault.current()
        young = {commit for commit, made in commits.items() if made > now - FRESH_S}
        former = {commit for commit, until in current.get("former", []) if until > now - FRESH_S}
        dropped = commits.keys() - needed - young - former - {current["base"]}
        pruned.commits += len(dropped)
        if not dry_run:
            pruned.bytes += await _shrink(vault, dropped)


async def _shrink(vault: Vault, dropped: Set[str]) -> int:
    """Drop the commits, and return by how many bytes the vault shrank.

    The mark tells, after a kill, that objects may stand there which nothing names.
    """
    before = await run_sync(size, vault.home)
    mark = vault.home / "pruning"
    await run_sync(sweep, vault)
    if dropped or mark.exists() or len(list(vault.git_dir.glob("objects/pack/*.pack"))) > MANY_PACKS:
        _require_room(vault, before)
        mark.touch(mode=0o600)
        await _unname(vault, dropped)
        await vault.git("pack-refs", "--all")
        # no search for deltas: it would hold many large files in memory at a time
        await vault.git("repack", "-a", "-d", "-q", "--window=0", "--threads=1", timeout_s=3600)
        await vault.git("prune", "--expire=now", timeout_s=3600)
        mark.unlink()
    return before - await run_sync(size, vault.home)


async def _unname(vault: Vault, dropped: Set[str]) -> None:
    listed = await vault.git("for-each-ref", "--format=%(objectname) %(refname)")
    named = [line.split(" ") for line in listed.decode().splitlines()]
    gone = "".join(f"delete {ref} {commit}\n" for commit, ref in named if commit in dropped)
    await vault.git("update-ref", "--stdin", stdin=gone.encode())


def _require_room(vault: Vault, taken: int) -> None:
    free = shutil.disk_usage(vault.home).free
    if free < 2 * taken:
        message = f"Packing the checkpoints of {vault.root.name!r} takes up to {2 * taken >> 20} MB"
        raise ToolError("limit", f"{message}, and {free >> 20} MB are free.", "Make room on the disk, then again.")


async def _remove(home: Path, pruned: Pruned, *, dry_run: bool) -> None:
    pruned.vaults += 1
    if not dry_run:
        pruned.bytes += await run_sync(size, home)
        await run_sync(shutil.rmtree, home)


def _changed_at(path: Path) -> float:
    return path.stat().st_mtime


def size(folder: Path) -> int:
    """Return what the files below a folder take on the disk, in bytes."""
    return sum(_taken(folder))


def _taken(folder: Path) -> Iterator[int]:
    for above, _, names in os.walk(folder):
        for name in names:
            yield Path(above, name).lstat().st_blocks * 512
