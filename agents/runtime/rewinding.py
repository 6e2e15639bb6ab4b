"""Take a thread and its files back to a checkpoint, both or neither (R1).

The files are changed first, under a journal that names the version at which the log will say so. Whoever finds the
journal looks there: with `Rewound` in the log the files go on to the new state, without it back to the old one.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from anyio import CancelScope

from agents.runtime.engine import Engine
from agents.runtime.footprints import MOST_NAMED
from agents.runtime.patience import patiently
from agents.runtime.pen import Pen
from state.events import CheckpointTaken, Rewound
from state.problem import ProblemError
from state.store import Held, Moved, Store, UnknownThread
from state.thread import Checkpoint, Thread
from tools.checkpoints.comparing import after
from tools.checkpoints.files import State
from tools.checkpoints.holding import complete_all, open_all
from tools.checkpoints.restoring import Proposal, carry_out, finish, propose, require, take_back
from tools.checkpoints.saving import overlaid
from tools.checkpoints.vault import Vault
from tools.giterrors import printable
from tools.workspace import Repository, Workspace

log = logging.getLogger(__name__)

Opened: TypeAlias = Mapping[str, tuple[Repository, Vault]]


@dataclass(frozen=True)
class Rewind:
    """What a restore did, or with `done` false would do; paths by repository."""

    done: bool
    checkpoint: str
    undo: str = ""
    """The checkpoint that takes it back."""
    changed: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    kept: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """Edited by somebody else, and left alone."""
    clashes: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """Edited by somebody else where the restore would write: nothing is done as long as there are any."""
    seen: dict[str, str] = field(default_factory=dict[str, str])
    """The files as they were looked at, by repository: a commit of its checkpoints."""


@dataclass(frozen=True, slots=True)
class Overwrite:
    """A person let a restore write over edits (R8): those they were shown, and no others."""

    seen: Mapping[str, str]
    channel: str


def checkpoint_id(thread: Thread, checkpoint: Checkpoint) -> str:
    return f"{thread.id}@{checkpoint.version}"


def find_checkpoint(thread: Thread, wanted: str) -> Checkpoint:
    """Return the thread's checkpoint of that id.

    Raises:
        ProblemError: `not_found`, with the ids there are.
    """
    known = {checkpoint_id(thread, one): one for one in thread.checkpoints}
    if (found := known.get(wanted)) is None:
        there = f"There are: {', '.join(known)}." if known else "The thread has none: it changed nothing."
        raise ProblemError("not_found", f"There is no checkpoint {wanted[:80]!r}.", there)
    return found


async def rewind(
    engine: Engine, thread: Thread, wanted: str, *, dry_run: bool, overwrite: Overwrite | None = None
) -> Rewind:
    """Restore the checkpoint `wanted`, and leave the thread waiting for `resume`.

    With `dry_run` only say what would change. What somebody else edited since is kept, or keeps all from happening,
    unless a person says to `overwrite` it.

    Raises:
        ProblemError: `not_found`, `busy` (the thread is driven, or another has its work tree), `conflict` (an effect
            was cut off and is not settled yet; or the files are not what the person saw who lets them be overwritten),
            `refused` (a file cannot be written): nothing is changed then.
    """
    checkpoint = find_checkpoint(thread, wanted)
    if isinstance(lease := await patiently(engine.store.claim, thread.id), Held):
        message = f"Thread {thread.id!r} is running."
        raise ProblemError("busy", message, "Wait for it (`thread_wait`) or stop it (`thread_cancel`).")
    pen = Pen(engine.store, lease, thread, engine.bells)
    try:
        pen.catch_up()
        if pen.thread.pending is not None:
            message = f"{pen.thread.pending.key!r} was cut off, and it is not known yet whether it happened."
            raise ProblemError("conflict", message, "`thread_resume` finds out.")
        if pen.thread.family is not None:
            raise ProblemError("conflict", "Its children have not ended.", "Wait for them, or cancel this thread.")
        workspace = await engine.open_workspace(pen.thread)
        async with open_all(workspace, checkpoint.trees) as vaults:
            while True:
                try:
                    return await _rewind(pen, workspace, vaults, checkpoint, overwrite, dry_run=dry_run)
                except Moved:
                    pen.catch_up()
    finally:
        await pen.leave()


async def completed(store: Store, workspace: Workspace) -> None:
    """End restores that were cut off, as the log decided, before anything else touches the work trees.

    Raises:
        ToolError: A file cannot be written.
    """

    def decided(by: Mapping[str, Any]) -> bool:
        try:
            found = store.read(by["thread"], after=by["version"] - 1, limit=1)
        except UnknownThread:
            return False
        return bool(found) and isinstance(found[0].event, Rewound)

    for name, forward in (await complete_all(workspace, decided)).items():
        log.warning("a restore of %r was cut off and is %s now", name, "complete" if forward else "taken back")


async def _rewind(
    pen: Pen,
    workspace: Workspace,
    opened: Opened,
    checkpoint: Checkpoint,
    overwrite: Overwrite | None,
    *,
    dry_run: bool,
) -> Rewind:
    thread, proposals = pen.thread, dict[str, Proposal]()
    for name, (repository, vault) in opened.items():
        await require(vault, checkpoint.trees[name])
        own = await _own(vault, thread, name)
        proposals[name] = await propose(workspace, repository, vault, checkpoint.trees[name], own)
    told = Rewind(
        done=False,
        checkpoint=checkpoint_id(thread, checkpoint),
        changed={name: [*one.plan.changes] for name, one in proposals.items() if one.plan.changes},
        kept={name: one.plan.kept for name, one in proposals.items() if one.plan.kept},
        clashes={name: one.plan.clashes for name, one in proposals.items() if one.plan.clashes},
        seen={name: one.before for name, one in proposals.items()},
    )
    if dry_run or (told.clashes and overwrite is None):
        return told
    if overwrite is not None:
        if overwrite.seen != told.seen:
            raise ProblemError("conflict", "Nothing was restored: files changed while you looked.", "Look again.")
        proposals = {name: replace(one, plan=one.plan.overwriting()) for name, one in proposals.items()}
    overwrote = {name: [printable(path) for path in paths[:MOST_NAMED]] for name, paths in told.clashes.items()}
    said = {"overwrote": overwrote, "channel": overwrite.channel} if overwrite and overwrote else {}
    await _carry_out(pen, opened, proposals, checkpoint, said)
    return replace(told, done=True, undo=checkpoint_id(thread, pen.thread.checkpoints[-1]))


async def _carry_out(
    pen: Pen, opened: Opened, proposals: Mapping[str, Proposal], checkpoint: Checkpoint, said: Mapping[str, Any]
) -> None:
    thread, changed = pen.thread, list[Vault]()
    held = CheckpointTaken(label="before restore", trees={name: one.before for name, one in proposals.items()})
    rewound = Rewound(
        to=checkpoint.version,
        checkpoint=checkpoint_id(thread, checkpoint),
        trees={name: (one.before, one.wanted) for name, one in proposals.items()},
        **said,
    )
    try:
        for name, (_, vault) in opened.items():
            await carry_out(vault, proposals[name], {"thread": thread.id, "version": thread.version + 2})
            changed.append(vault)
        await pen.decide(held, rewound, durable=True)
    except BaseException:
        with CancelScope(shield=True):
            for vault in changed:
                await take_back(vault)
        raise
    with CancelScope(shield=True):
        for vault in changed:
            await finish(vault)


async def _own(vault: Vault, thread: Thread, name: str) -> str:
    """Return the last state of the repository that the thread knows: its first checkpoint, and what it made of it."""
    base = next(checkpoint.trees[name] for checkpoint in thread.checkpoints if name in checkpoint.trees)
    states: dict[str, State] = {}
    for move in thread.moves:
        if name in move:
            states |= await after(vault, *move[name])
    return await overlaid(vault, base, states) if states else base
