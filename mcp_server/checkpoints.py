"""What every door does with checkpoints: save one, list them, compare, take a thread and its files back."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from agents.runtime.patience import patiently
from agents.runtime.rewinding import Rewind, checkpoint_id, find_checkpoint, rewind
from mcp_server.compose import Runtime
from mcp_server.envelope import Envelope
from state.events import CheckpointTaken
from state.problem import ProblemError
from state.store import Moved
from state.thread import Thread
from tools.checkpoints.holding import all_held
from tools.checkpoints.showing import Difference, differences
from tools.giterrors import printable
from tools.workspace import Repository

T = TypeVar("T")
MOST_PATHS = 200


async def save(runtime: Runtime, thread: Thread, label: str) -> Envelope:
    """Hold the thread's work trees as they are, under a label.

    Raises:
        ProblemError: `conflict`; it writes to no repository. Or one cannot be held.
    """
    workspace = await runtime.open_workspace(thread)
    held = await runtime.hold(workspace, label)
    if not held:
        raise ProblemError("conflict", "The thread writes to no repository.", "There is nothing to bring back.")
    left_out = {name: tree.left_out[:MOST_PATHS] for name, tree in held.items() if tree.left_out}
    trees = {name: tree.commit for name, tree in held.items()}
    event = CheckpointTaken(label=label, trees=trees, left_out=left_out)
    while True:
        try:
            thread = await patiently(runtime.store.signal, runtime.store.load(thread.id), event)
        except Moved:
            continue
        taken = checkpoint_id(thread, thread.checkpoints[-1])
        step = f'`checkpoint_restore` with checkpoint_id "{taken}" brings the files back to this.'
        return {"checkpoint_id": taken, "left_out": left_out, "next": step}


async def save_in_time(runtime: Runtime, thread: Thread, label: str) -> Envelope:
    return await _in_time(runtime, thread, f"save {thread.id} {label}", partial(save, runtime, thread, label))


async def diff_in_time(runtime: Runtime, thread: Thread, wanted: str, against: str, after: int) -> Envelope:
    """Return which files differ, and a page of the patch from `after` on."""
    compare = partial(compared, runtime, thread, wanted, against)
    found = await _in_time(runtime, thread, f"diff {wanted} {against}", compare)
    if isinstance(found, dict):
        return found  # pragma: no cover - tested, but Python 3.11 does not trace a coroutine after a throw into it
    whole = "".join(one.patch for one in found)
    page = whole[after : after + runtime.settings.inline_bytes // 2]
    end = after + len(page)
    more = f"More of the patch: after {end}. " if end < len(whole) else ""
    step = f"{more}`checkpoint_restore` takes the files back; it says first what it would do."
    return {"thread_id": thread.id, "files": rows(found, MOST_PATHS), "patch": page, "next": step}


async def restore_in_time(runtime: Runtime, thread: Thread, wanted: str, *, dry_run: bool) -> Envelope:
    act = partial(rewind, runtime.engine, thread, wanted, dry_run=dry_run)
    told = await _in_time(runtime, thread, f"restore {wanted} {dry_run}", act)
    return told if isinstance(told, dict) else restored(thread, told, dry_run=dry_run)


async def _in_time(runtime: Runtime, thread: Thread, key: str, act: Callable[[], Awaitable[T]]) -> T | Envelope:
    """Return what it returns, or what to do while it goes on (R17): a work tree can be large, and a host impatient."""
    found: T | None = await runtime.background.within(runtime.settings.inline_wait_s, key, act)
    if found is not None:
        return found
    step = "It takes long and goes on. The same call waits for it; `checkpoint_list` shows it once it is done."
    return {"thread_id": thread.id, "status": "running", "next": step}


async def listed(runtime: Runtime, thread: Thread) -> Envelope:
    """Return the thread's checkpoints, oldest first; one that `gc` dropped is marked."""
    dropped = await _dropped(runtime, thread)
    taken_at = {record.version: record.at for record in runtime.store.read(thread.id)}
    rows = [
        {
            "checkpoint_id": checkpoint_id(thread, one),
            "label": one.label,
            "taken_at": taken_at[one.version],
            "repositories": sorted(one.trees),
            **({"dropped": True} if not dropped.isdisjoint(one.trees.values()) else {}),
        }
        for one in thread.checkpoints
    ]
    step = "`checkpoint_diff` shows what changed since one of them." if rows else "The thread has changed nothing."
    return {"thread_id": thread.id, "checkpoints": rows, "next": step}


async def _dropped(runtime: Runtime, thread: Thread) -> set[str]:
    """Return the commits that the thread's log names and no store has any more."""
    named = {commit for one in thread.checkpoints for commit in one.trees.values()}
    if not named:
        return named
    repositories = {ref.name: Repository(ref.name, Path(ref.root), ref.mode) for ref in thread.workspace}
    return named - await all_held(runtime.workspace(repositories))


async def compared(runtime: Runtime, thread: Thread, wanted: str, against: str) -> list[Difference]:
    """Compare a checkpoint with another of the thread, or with the files as they are; by repository.

    Raises:
        ProblemError: `not_found`; or the files cannot be held to compare them.
    """
    old = find_checkpoint(thread, wanted)
    new = find_checkpoint(thread, against).trees if against else dict[str, str]()
    workspace = await runtime.open_workspace(thread)
    return [await differences(workspace, name, old.trees[name], new.get(name)) for name in sorted(old.trees)]


def rows(differences: Sequence[Difference], most: int) -> list[dict[str, Any]]:
    """Return a row per changed file, at most so many of each repository."""
    return [{"repo": one.repo, **row} for one in differences for row in one.files[:most]]


def restored(thread: Thread, told: Rewind, *, dry_run: bool) -> Envelope:
    """Describe what a restore did or would do.

    Raises:
        ProblemError: `conflict`; a person's edits kept it from being done.
    """
    if told.clashes and not (dry_run or told.done):
        message = f"Nothing was restored: {_clashing(told)} was edited by somebody else since."
        hint = f"Let the person commit or move them away, or run: factor12 checkpoints restore {told.checkpoint}"
        raise ProblemError("conflict", message, f"{hint} --overwrite")
    fields: Envelope = {
        "thread_id": thread.id,
        "done": told.done,
        "changed": _shown(told.changed),
        "kept": _shown(told.kept),
        "clashes": _shown(told.clashes),
    }
    if told.done:
        step = f'`thread_resume` goes on from there; restoring "{told.undo}" takes this back.'
        return {**fields, "undo": told.undo, "next": step}
    return {**fields, "next": "Nothing was changed. Call it again with dry_run false to restore."}


def split(wanted: str) -> str:
    """Return the thread's part of a checkpoint's id.

    Raises:
        ProblemError: `not_found`; it has none.
    """
    thread_id, at, _ = wanted.rpartition("@")
    if not at:
        raise ProblemError("not_found", f"There is no checkpoint {wanted[:80]!r}.", "`checkpoint_list` shows them.")
    return thread_id


def _clashing(told: Rewind) -> str:
    return ", ".join(printable(path) for paths in told.clashes.values() for path in paths[:5])


def _shown(paths: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: [printable(path) for path in inside] for name, inside in paths.items()}
