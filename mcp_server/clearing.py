"""Take away the work trees of threads that are about to be forgotten, unless edits would be lost with them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from mcp_server.compose import Runtime
from state.events import Launched, RepositoryRef
from state.problem import ProblemError
from tools.giterrors import printable
from tools.worktrees import remove, untaken

MOST_NAMED = 5


@dataclass
class Cleared:
    """What became of the work trees."""

    removed: int = 0
    kept: dict[str, str] = field(default_factory=dict[str, str])
    """Thread → why its work tree stays; the thread stays with it."""


async def clear(runtime: Runtime, forgotten: Iterable[str], staying: Iterable[str], *, dry_run: bool) -> Cleared:
    """Remove the own work trees of the threads `forgotten`; one that a thread in `staying` works in as well stays."""
    cleared = Cleared()
    working = ((thread_id, ref) for thread_id in staying for ref in _own_trees(runtime, thread_id))
    needed = {ref.root for thread_id, ref in working if _needs(runtime, thread_id, ref)}
    for thread_id in forgotten:
        for ref in _own_trees(runtime, thread_id):
            if ref.mode == "read" or ref.root in needed:
                continue
            try:
                left = await _remove(runtime, ref, dry_run=dry_run)
            except ProblemError as error:
                cleared.kept[thread_id] = str(error)
                continue
            if left:
                more = f" and {len(left) - MOST_NAMED} more" if left[MOST_NAMED:] else ""
                named = ", ".join(printable(path) for path in left[:MOST_NAMED])
                cleared.kept[thread_id] = f"{named}{more} in {ref.root!r} is in no checkout and no commit."
            else:
                cleared.removed += 1
    return cleared


async def _remove(runtime: Runtime, ref: RepositoryRef, *, dry_run: bool) -> list[str]:
    """Remove a work tree, unless that would lose edits: then return their paths."""
    own = runtime.repositories.opened(ref)
    workspace = runtime.workspace({own.name: own})
    left = await untaken(workspace, own)
    if not left and not dry_run:
        await remove(workspace, own, ref)
    return left


def _needs(runtime: Runtime, thread_id: str, ref: RepositoryRef) -> bool:
    """Whether the thread may still work there; one that only took edits over from it, and ended, does not."""
    return ref.mode == "write" or not runtime.store.load(thread_id).ended


def _own_trees(runtime: Runtime, thread_id: str) -> list[RepositoryRef]:
    """Return a thread's own work trees that were made."""
    launched = runtime.store.read(thread_id, limit=1)[0].event
    assert isinstance(launched, Launched)
    return [ref for ref in launched.workspace if ref.source and Path(ref.root).exists()]
