"""The `checkpoint_*` tools: hold a thread's work trees, see what changed since, and take thread and files back."""

from mcp_types import ToolAnnotations
from pydantic import Field

from mcp_server import checkpoints
from mcp_server.arguments import Arguments, ThreadId
from mcp_server.asking import Ctx
from mcp_server.compose import Runtime
from mcp_server.envelope import Envelope
from mcp_server.schemas import Schema, result_schema
from mcp_server.toolbox import Entry
from state.thread import Thread

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
    return await checkpoints.save_in_time(runtime, runtime.find(args.thread_id), args.label)


async def find(runtime: Runtime, _: Ctx, args: ThreadId) -> Envelope:
    return await checkpoints.listed(runtime, runtime.find(args.thread_id))


async def diff(runtime: Runtime, _: Ctx, args: Diff) -> Envelope:
    thread = _thread(runtime, args.checkpoint_id)
    return await checkpoints.diff_in_time(runtime, thread, args.checkpoint_id, args.against, args.after)


async def restore(runtime: Runtime, _: Ctx, args: Restore) -> Envelope:
    thread = _thread(runtime, args.checkpoint_id)
    return await checkpoints.restore_in_time(runtime, thread, args.checkpoint_id, dry_run=args.dry_run)


def _thread(runtime: Runtime, wanted: str) -> Thread:
    return runtime.find(checkpoints.split(wanted))


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
