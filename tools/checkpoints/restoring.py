"""Put a saved tree back.

What is about to happen is on the disk before the first file changes, and what was cut off is
completed before anything else touches the work tree.
"""

import json
import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from anyio import CancelScope
from anyio.to_thread import run_sync

from tools.checkpoints import files
from tools.checkpoints.comparing import Change, Plan, changes, checked, plan
from tools.checkpoints.contents import Contents, contents
from tools.checkpoints.files import State
from tools.checkpoints.ignoring import is_same
from tools.checkpoints.saving import record, save
from tools.checkpoints.vault import Vault, writing
from tools.errors import ToolError
from tools.workspace import Repository, Workspace

FORWARD = "forward"
"""In the `by` of a restore: cut off, it goes on to the new state, whatever else is known."""
COMMIT = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a restore would do. Nothing is changed yet, but that the tree is held as it is."""

    before: str
    """The commit that takes it back."""
    wanted: str
    plan: Plan


async def propose(
    workspace: Workspace, repository: Repository, vault: Vault, wanted: str, own: str | None = None
) -> Proposal:
    """Work out how to bring the work tree to the commit `wanted`, after holding it as it is. The vault must be open.

    `own` is the thread's own last state, which tells what is somebody else's; without it, all is overwritten.

    Raises:
        ToolError: `expired` (the vault has no such commit), `conflict` (another repository stands there by now), or as
            `save`.
    """
    facts = await require(vault, wanted)
    now = await save(workspace, repository, vault, "before restore")
    await _require_same(workspace, repository, vault, facts["signs"])
    differing = await changes(vault, now.commit, wanted)
    if hidden := await _hidden(vault, differing):
        now = await save(workspace, repository, vault, "before restore", also=hidden)
        differing = await changes(vault, now.commit, wanted)
    theirs = await changes(vault, own, now.commit) if own else {}
    return Proposal(now.commit, wanted, await plan(vault, wanted, differing, theirs))


async def carry_out(vault: Vault, proposal: Proposal, by: Mapping[str, Any] = {}) -> list[str]:
    """Change the files; return the paths that somebody else wrote meanwhile, and that stay.

    The restore is not over before `finish` or `take_back`. `by` is kept with it, for whoever finds it cut off.

    Raises:
        ToolError: `refused` (a file cannot be written), `not_found` (a content is missing); the files are as they were.
    """
    mark = f".factor12-{secrets.token_hex(4)}"
    # file names need not be text, and JSON can hold nothing else
    steps = [[os.fsencode(path).hex(), old, new] for path, (old, new) in proposal.plan.changes.items()]
    with writing(vault):
        vault.keep(vault.journal, {"mark": mark, "changes": steps, "by": dict(by)})
    left: list[str] = []
    try:
        with CancelScope(shield=True):
            left = await _apply(vault, proposal.plan.changes, mark)
    except (ToolError, OSError) as error:
        with CancelScope(shield=True):
            await take_back(vault)
        raise ToolError("refused", f"Nothing was restored: {error}", "Clear the way, then restore again.") from error
    return left


async def finish(vault: Vault) -> None:
    """Hold the new state, and only then forget what was under way.

    What somebody else wrote meanwhile need not be told apart here: the next save sees that it differs.
    """
    _, planned, _ = _read_journal(vault)
    await record(vault, "after restore", {path: new for path, (_, new) in planned.items()})
    vault.journal.unlink()


async def take_back(vault: Vault) -> None:
    """Undo what `carry_out` did or began."""
    mark, planned, _ = _read_journal(vault)
    await _apply(vault, {path: (new, old) for path, (old, new) in planned.items()}, mark)
    vault.journal.unlink()


async def complete(vault: Vault, decided: Callable[[Mapping[str, Any]], bool] = lambda _: True) -> bool | None:
    """End a restore that was cut off: forward if `decided` says of its `by` that it counts, else back.

    Returns which way it went; `None` if there was none.

    Raises:
        ToolError: A file cannot be written, or the vault misses one.
    """
    if not vault.journal.exists():
        return None
    mark, planned, by = _read_journal(vault)
    for folder in {path.rpartition("/")[0] for path in planned}:
        await run_sync(files.sweep, vault.root, folder, mark)
    if FORWARD not in by and not decided(by):
        await take_back(vault)
        return False
    await _apply(vault, planned, mark)
    await finish(vault)
    return True


async def _apply(vault: Vault, planned: Mapping[str, Change], mark: str) -> list[str]:
    """Make the changes that are not made yet; return the paths that are in neither state."""
    async with contents(vault, {new[1] for _, new in planned.values() if new}) as held:
        return await run_sync(partial(_write, vault.root, planned, held, mark))


def _write(root: Path, planned: Mapping[str, Change], held: Contents, mark: str) -> list[str]:
    left: list[str] = []
    todo: list[tuple[str, State, State]] = []
    for path, (old, new) in planned.items():
        found = files.state_at(root, path)
        if found not in (old, new):
            left.append(path)
        elif found != new:
            todo.append((path, old, new))
    for path, _, _ in sorted((step for step in todo if step[2] is None), reverse=True):
        files.take_away(root, path)
    for number, (path, old, new) in enumerate(sorted(step for step in todo if step[2] is not None)):
        assert new is not None
        files.put(root, path, new[0], held.pieces(new[1]), old, f"{mark}-{number}")
    return left


async def _hidden(vault: Vault, differing: Mapping[str, Change]) -> list[str]:
    """Return ignored files, which are not held, that the restore would write over."""
    absent = [path for path, (old, _) in differing.items() if old is None]
    return await run_sync(lambda: [path for path in absent if files.state_at(vault.root, path)])


async def require(vault: Vault, commit: str) -> dict[str, Any]:
    """Return what a commit says of itself.

    Raises:
        ToolError: `expired`; the vault does not hold it.
    """
    if COMMIT.fullmatch(commit):
        found = await vault.run("cat-file", "commit", commit)
        if not found.returncode:
            return json.loads(found.stdout.partition(b"\n\n")[2])
    message = f"The checkpoint {commit[:12]} of {vault.root.name!r} is gone."
    raise ToolError("expired", message, "`factor12 gc` drops old ones; `checkpoint_list` shows what is held.")


async def _require_same(workspace: Workspace, repository: Repository, vault: Vault, then: list[str]) -> None:
    if not await is_same(workspace, repository, vault.current()["signs"], then):
        message = f"The repository at {str(repository.root)!r} is not the one that this checkpoint is of."
        raise ToolError("conflict", message, "Nothing was changed. Put the old repository back in its place.")


def _read_journal(vault: Vault) -> tuple[str, dict[str, Change], dict[str, Any]]:
    kept = json.loads(vault.journal.read_bytes())
    changed = {
        checked(os.fsdecode(bytes.fromhex(path))): (tuple(old) if old else None, tuple(new) if new else None)
        for path, old, new in kept["changes"]
    }
    return kept["mark"], changed, kept["by"]
