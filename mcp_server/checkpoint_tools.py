"""The `checkpoint_*` tools: hold a thread's work trees, see what changed since, and take thread and files back."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from mcp_types import ToolAnnotations
from pydantic import Field

from agents.runtime.rewinding import rewind
from mcp_server import checkpoints
from mcp_server.arguments import Arguments, ThreadId
from mcp_server.asking import Ctx
from mcp_server.checkpoints import MOST_PATHS
from mcp_server.compose import Runtime
from mcp_server.envelope import Envelope
from mcp_server.schemas import Schema, result_schema
from mcp_server.toolbox import Entry
from state.thread import Thread

T = TypeVar("T")
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
    key, act = f"save {thread.id} {args.label}", partial(checkpoints.save, runtime, thread, args.label)
    return await _in_time(runtime, thread, key, act)


async def find(runtime: Runtime, _: Ctx, args: ThreadId) -> Envelope:
    return await checkpoints.listed(runtime, runtime.find(args.thread_id))


async def diff(runtime: Runtime, _: Ctx, args: Diff) -> Envelope:
    thread = _thread(runtime, args.checkpoint_id)
    compare = partial(checkpoints.compared, runtime, thread, args.checkpoint_id, args.against)
    found = await _in_time(runtime, thread, f"diff {args.checkpoint_id} {args.against}", compare)
    if isinstance(found, dict):
        return found  # pragma: no cover - tested, but Python 3.11 does not trace a coroutine after a throw into it
    whole = "".join(one.patch for one in found)
    page = whole[args.after : args.after + runtime.settings.inline_bytes // 2]
    end = args.after + len(page)
    more = f"More of the patch: after {end}. " if end < len(whole) else ""
    step = f"{more}`checkpoint_restore` takes the files back; it says first what it would do."
    rows = checkpoints.rows(found, MOST_PATHS)
    return {"thread_id": thread.id, "files": rows, "patch": page, "next": step}


async def restore(runtime: Runtime, _: Ctx, args: Restore) -> Envelope:
    thread = _thread(runtime, args.checkpoint_id)
    act = partial(rewind, runtime.engine, thread, args.checkpoint_id, dry_run=args.dry_run)
    told = await _in_time(runtime, thread, f"restore {args.checkpoint_id} {args.dry_run}", act)
    return told if isinstance(told, dict) else checkpoints.restored(thread, told, dry_run=args.dry_run)


async def _in_time(runtime: Runtime, thread: Thread, key: str, act: Callable[[], Awaitable[T]]) -> T | Envelope:
    """Return what it returns, or what to do while it goes on (R17): a work tree can be large, and a host impatient."""
    found: T | None = await runtime.background.within(runtime.settings.inline_wait_s, key, act)
    if found is not None:
        return found
    step = "It takes long and goes on. The same call waits for it; `checkpoint_list` shows it once it is done."
    return {"thread_id": thread.id, "status": "running", "next": step}


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
