"""Put a saved tree back.

What is about to happen is on the disk before the first file changes, and what was cut off is
completed before anything else touches the work tree.
"""

import json
import os
import secrets
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from anyio import CancelScope
from anyio.to_thread import run_sync
from pydantic import BaseModel, ConfigDict

from tools.checkpoints import files
from tools.checkpoints.comparing import Change, Plan, changes, plan
from tools.checkpoints.files import Held, State
from tools.checkpoints.saving import record, save
from tools.checkpoints.vault import Vault
from tools.errors import ToolError
from tools.workspace import Repository, Workspace


class Restored(BaseModel):
    """What a restore did, or with `done` false would do."""

    model_config = ConfigDict(frozen=True)

    done: bool
    before: str
    """The commit that takes it back."""
    after: str = ""
    changed: list[str] = []
    kept: list[str] = []
    """Edited by somebody else since, and left alone."""
    clashes: list[str] = []
    """Edited by somebody else since, where the restore would write: nothing is done as long as there are any."""
    left: list[str] = []
    """Written by somebody else while the restore ran: theirs stays."""


async def restore(
    workspace: Workspace,
    repository: Repository,
    vault: Vault,
    wanted: str,
    *,
    own: str | None = None,
    dry_run: bool = False,
) -> Restored:
    """Bring the work tree to the commit `wanted`, after holding it as it is. The vault must be open.

    `own` is the thread's own last state, which tells what is somebody else's; without it, all is overwritten.

    Raises:
        ToolError: `not_found` (the vault has no such commit, or not all of it), `refused` (a file cannot be written);
            the files are as they were then.
    """
    await complete(vault)
    await _require(vault, wanted)
    now = await save(workspace, repository, vault, "before restore")
    hidden = await _hidden(vault, now.commit, wanted)
    if hidden:
        now = await save(workspace, repository, vault, "before restore", also=hidden)
    planned = await plan(vault, now.commit, wanted, own)
    found = Restored(
        done=False, before=now.commit, changed=[*planned.changes], kept=planned.kept, clashes=planned.clashes
    )
    if dry_run or planned.clashes:
        return found
    with CancelScope(shield=True):
        found = await _carry_out(vault, planned, found)
    return found


async def complete(vault: Vault) -> list[str] | None:
    """Complete a restore that was cut off, forward; return the paths left to somebody else, `None` if there was none.

    Raises:
        ToolError: A file cannot be written, or the vault misses one.
    """
    if not vault.journal.exists():
        return None
    mark, planned = _read_journal(vault)
    for folder in {path.rpartition("/")[0] for path in planned}:
        await run_sync(files.sweep, vault.root, folder, mark)
    left = await _apply(vault, planned, mark)
    await _close(vault, planned, left)
    return left


async def _carry_out(vault: Vault, planned: Plan, found: Restored) -> Restored:
    mark = f".factor12-{secrets.token_hex(4)}"
    # file names need not be text, and JSON can hold nothing else
    steps = [[os.fsencode(path).hex(), old, new] for path, (old, new) in planned.changes.items()]
    vault.keep(vault.journal, {"mark": mark, "changes": steps})
    try:
        left = await _apply(vault, planned.changes, mark)
    except (ToolError, OSError) as error:
        back = {path: (new, old) for path, (old, new) in planned.changes.items()}
        await _apply(vault, back, mark)
        vault.journal.unlink()
        raise ToolError("refused", f"Nothing was restored: {error}", "Clear the way, then restore again.") from error
    after = await _close(vault, planned.changes, left)
    return found.model_copy(update={"done": True, "after": after, "left": left})


async def _close(vault: Vault, planned: Mapping[str, Change], left: list[str]) -> str:
    """Hold the new state, and only then forget what was under way."""
    states = {path: new for path, (_, new) in planned.items() if path not in left}
    tree = await record(vault, "after restore", states)
    vault.journal.unlink()
    return tree.commit


async def _apply(vault: Vault, planned: Mapping[str, Change], mark: str) -> list[str]:
    """Make the changes that are not made yet; return the paths that are in neither state."""
    contents = await _contents(vault, {new[1] for _, new in planned.values() if new})
    return await run_sync(partial(_write, vault.root, planned, contents, mark))


def _write(root: Path, planned: Mapping[str, Change], contents: Mapping[str, bytes], mark: str) -> list[str]:
    left: list[str] = []
    todo: list[tuple[str, State, State]] = []
    for path, (old, new) in planned.items():
        found = files.state_of(root, path)
        if found not in (old, new):
            left.append(path)
        elif found != new:
            todo.append((path, old, new))
    for path, _, _ in sorted((step for step in todo if step[2] is None), reverse=True):
        files.take_away(root, path)
    for number, (path, old, new) in enumerate(sorted(step for step in todo if step[2] is not None)):
        assert new is not None
        files.put(root, path, Held(new[0], contents[new[1]]), old, f"{mark}-{number}")
    return left


async def _contents(vault: Vault, blobs: set[str]) -> dict[str, bytes]:
    """Return what the vault holds under these ids, each checked by its id."""
    asked = "".join(f"{blob}\n" for blob in blobs).encode()
    printed = await vault.git("cat-file", "--batch", stdin=asked) if blobs else b""
    found: dict[str, bytes] = {}
    place = 0
    while place < len(printed):
        end = printed.index(b"\n", place)
        name, *facts = printed[place:end].split()
        if len(facts) != 2:
            raise ToolError("not_found", f"The checkpoint misses the content {name.decode()[:12]}.", "Take another.")
        size = int(facts[1])
        content = printed[end + 1 : end + 1 + size]
        if files.blob_id(content) != name.decode():
            raise ToolError("store", f"The checkpoint's content {name.decode()[:12]} is damaged.", "Take another.")
        found[name.decode()] = content
        place = end + 2 + size
    return found


async def _hidden(vault: Vault, now: str, wanted: str) -> list[str]:
    """Return ignored files, which `now` does not hold, that the restore would write over."""
    absent = [path for path, (old, _) in (await changes(vault, now, wanted)).items() if old is None]
    return await run_sync(lambda: [path for path in absent if files.look(vault.root, path)])


async def _require(vault: Vault, commit: str) -> None:
    found = await vault.run("cat-file", "-e", f"{commit}^{{tree}}")
    if found.returncode:
        message = f"The checkpoint {commit[:12]} of {vault.root.name!r} is gone."
        raise ToolError("not_found", message, "`checkpoint_list` shows what is held.")


def _read_journal(vault: Vault) -> tuple[str, dict[str, Change]]:
    kept = json.loads(vault.journal.read_bytes())
    return kept["mark"], {
        os.fsdecode(bytes.fromhex(path)): (tuple(old) if old else None, tuple(new) if new else None)
        for path, old, new in kept["changes"]
    }
