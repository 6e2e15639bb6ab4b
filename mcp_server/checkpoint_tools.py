"""The `checkpoint_*` tools: hold a thread's work trees, see what changed since, and take thread and files back."""

from typing import Any

from mcp_types import ToolAnnotations
from pydantic import Field

from agents.runtime.patience import patiently
from agents.runtime.rewinding import checkpoint_id, find_checkpoint, rewind
from mcp_server.arguments import Arguments, ThreadId
from mcp_server.asking import Ctx
from mcp_server.compose import Runtime
from mcp_server.envelope import Envelope
from mcp_server.schemas import Schema, result_schema
from mcp_server.toolbox import Entry
from state.events import CheckpointTaken
from state.problem import ProblemError
from state.store import Moved
from state.thread import Checkpoint, Thread
from tools.checkpoints.showing import Difference, differences

MOST_PATHS = 200
_TEXT: Schema = {"type": "string"}
_ROWS: Schema = {"type": "array", "items": {"type": "object"}}
_OBJECT: Schema = {"type": "object"}


class Save(ThreadId):
    label: str = Field(default="by hand", max_length=200, description="What it is to be found by")


class Diff(Arguments):
    checkpoint_id: str = Field(description="From checkpoint_list")
    against: str = Field(default="", description="Another checkpoint of the thread; default: the files as they are")
    after: int = Field(default=0, ge=0, description="Where the page of the patch begins")


class Restore(Arguments):
    checkpoint_id: str = Field(description="From checkpoint_list")
    dry_run: bool = Field(default=True, description="false restores; true says what would change")


async def save(runtime: Runtime, _: Ctx, args: Save) -> Envelope:
    thread = runtime.find(args.thread_id)
    workspace = await runtime.open_workspace(thread)
    held = await runtime.hold(workspace, args.label)
    if not held:
        raise ProblemError("conflict", "The thread writes to no repository.", "There is nothing to bring back.")
    left_out = {name: tree.left_out[:MOST_PATHS] for name, tree in held.items() if tree.left_out}
    event = CheckpointTaken(
        label=args.label, trees={name: tree.commit for name, tree in held.items()}, left_out=left_out
    )
    while True:
        try:
            thread = await patiently(runtime.store.signal, runtime.store.load(thread.id), event)
        except Moved:
            continue
        taken = checkpoint_id(thread, thread.checkpoints[-1])
        step = f'`checkpoint_restore` with checkpoint_id "{taken}" brings the files back to this.'
        return {"checkpoint_id": taken, "left_out": left_out, "next": step}


async def find(runtime: Runtime, _: Ctx, args: ThreadId) -> Envelope:
    thread = runtime.find(args.thread_id)
    rows = [
        {"checkpoint_id": checkpoint_id(thread, one), "label": one.label, "repositories": sorted(one.trees)}
        for one in thread.checkpoints
    ]
    step = "`checkpoint_diff` shows what changed since one of them." if rows else "The thread has changed nothing."
    return {"thread_id": thread.id, "checkpoints": rows, "next": step}


async def diff(runtime: Runtime, _: Ctx, args: Diff) -> Envelope:
    thread, old = _found(runtime, args.checkpoint_id)
    new = find_checkpoint(thread, args.against).trees if args.against else None
    workspace = await runtime.open_workspace(thread)
    found = [await differences(workspace, name, old.trees[name], (new or {}).get(name)) for name in sorted(old.trees)]
    whole = "".join(one.patch for one in found)
    page = whole[args.after : args.after + runtime.settings.inline_bytes // 2]
    end = args.after + len(page)
    more = f"More of the patch: after {end}. " if end < len(whole) else ""
    step = f"{more}`checkpoint_restore` takes the files back; it says first what it would do."
    return {"thread_id": thread.id, "files": [row for one in found for row in _rows(one)], "patch": page, "next": step}


async def restore(runtime: Runtime, _: Ctx, args: Restore) -> Envelope:
    thread, _checkpoint = _found(runtime, args.checkpoint_id)
    told = await rewind(runtime.engine, thread, args.checkpoint_id, dry_run=args.dry_run)
    fields: Envelope = {
        "thread_id": thread.id,
        "done": told.done,
        "changed": told.changed,
        "kept": told.kept,
        "clashes": told.clashes,
    }
    if told.clashes and not args.dry_run:
        names = ", ".join(path for paths in told.clashes.values() for path in paths[:5])
        hint = "Let the person commit or move them away, then restore again."
        raise ProblemError("conflict", f"Nothing was restored: {names} was edited by somebody else since.", hint)
    if told.done:
        step = f'`thread_resume` goes on from there; restoring "{told.undo}" takes this back.'
        return {**fields, "undo": told.undo, "next": step}
    step = "Nothing was changed. Call it again with dry_run false to restore."
    return {**fields, "next": step}


def _found(runtime: Runtime, wanted: str) -> tuple[Thread, Checkpoint]:
    thread_id, at, _ = wanted.rpartition("@")
    if not at:
        raise ProblemError("not_found", f"There is no checkpoint {wanted[:80]!r}.", "`checkpoint_list` shows them.")
    thread = runtime.find(thread_id)
    return thread, find_checkpoint(thread, wanted)


def _rows(one: Difference) -> list[dict[str, Any]]:
    return [{"repo": one.repo, **row} for row in one.files[:MOST_PATHS]]


_READS = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
_ADDS = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False)
_MOVES = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False)


_NAMED: dict[str, Schema] = {"thread_id": _TEXT}
_RESTORED: dict[str, Schema] = {
    **_NAMED,
    "done": {"type": "boolean"},
    "changed": _OBJECT,
    "kept": _OBJECT,
    "clashes": _OBJECT,
    "undo": _TEXT,
}
_TABLE = [
    Entry(
        "checkpoint_save",
        "Hold the files as they are",
        "Hold a thread's work trees as they are now, untracked files included, to be able to come back to them.",
        Save,
        result_schema({"checkpoint_id": _TEXT, "left_out": _OBJECT}),
        save,
        _ADDS,
    ),
    Entry(
        "checkpoint_list",
        "List checkpoints",
        "List what a thread's files can be taken back to; the first was made before its first change.",
        ThreadId,
        result_schema({**_NAMED, "checkpoints": _ROWS}),
        find,
        _READS,
    ),
    Entry(
        "checkpoint_diff",
        "Show what changed since",
        "Show what changed in the files since a checkpoint, by whomever: per file, and as a patch in pages.",
        Diff,
        result_schema({**_NAMED, "files": _ROWS, "patch": _TEXT}),
        diff,
        _READS,
    ),
    Entry(
        "checkpoint_restore",
        "Take the files back",
        "Take a thread and its files back to a checkpoint. Edits a person made since are kept, or stop it.",
        Restore,
        result_schema(_RESTORED),
        restore,
        _MOVES,
    ),
]


def entries() -> list[Entry]:
    """Return the checkpoints' part of the table."""
    return _TABLE
