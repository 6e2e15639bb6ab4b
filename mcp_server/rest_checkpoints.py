"""`/agents/{thread_id}/checkpoints`: hold a thread's files, compare them, take thread and files back."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from mcp_server import checkpoints
from mcp_server.compose import Runtime
from mcp_server.envelope import Envelope
from mcp_server.rest_bodies import Checkpoints, Differences, DiffQuery, NoQuery, Restored, RestoreOf, Saved, SaveOf
from mcp_server.rest_door import Reader, Runner, Way

router = APIRouter(prefix="/agents/{thread_id}/checkpoints", tags=["checkpoints"], route_class=Way)
Nothing = Annotated[NoQuery, Query()]
Version = Annotated[int, Path(ge=1, le=10**9, description="The thread's version: the number after @ in its id")]


@router.get("", response_model=Checkpoints)
async def find(runtime: Reader, thread_id: str, _: Nothing) -> Envelope:
    """List what a thread's files can be taken back to."""
    return _clean(runtime, await checkpoints.listed(runtime, runtime.find(thread_id)))


@router.post("", response_model=Saved, response_model_exclude_unset=True)
async def save(runtime: Runner, thread_id: str, _: Nothing, body: SaveOf | None = None) -> Envelope:
    """Hold a thread's work trees as they are now."""
    label = (body or SaveOf()).label
    return _clean(runtime, await checkpoints.save_in_time(runtime, runtime.find(thread_id), label))


@router.get("/{version}/diff", response_model=Differences, response_model_exclude_unset=True)
async def diff(runtime: Reader, thread_id: str, version: Version, query: Annotated[DiffQuery, Query()]) -> Envelope:
    """Show what changed in the files since a checkpoint, by whomever: per file, and as a patch in pages."""
    thread = runtime.find(thread_id)
    against = f"{thread.id}@{query.against}" if query.against else ""
    found = await checkpoints.diff_in_time(runtime, thread, f"{thread.id}@{version}", against, query.after)
    return _clean(runtime, found)


@router.post("/{version}/restore", response_model=Restored, response_model_exclude_unset=True)
async def restore(
    runtime: Runner, thread_id: str, version: Version, _: Nothing, body: RestoreOf | None = None
) -> Envelope:
    """Take a thread and its files back; edits that a person made since are kept, or stop it."""
    thread, told = runtime.find(thread_id), body or RestoreOf()
    wanted = f"{thread.id}@{version}"
    return _clean(runtime, await checkpoints.restore_in_time(runtime, thread, wanted, dry_run=told.dry_run))


def _clean(runtime: Runtime, fields: Envelope) -> dict[str, Any]:
    clean: Envelope = runtime.outward.value(fields)
    return clean
