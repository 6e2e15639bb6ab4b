"""`factor12 doctor` and `factor12 gc`: whether all is well, and making room."""

import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from time import time
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from agents.runtime.retention import Retention, retained
from mcp_server.clearing import clear
from mcp_server.cli_process import Json, composed, insisting, settings_of
from mcp_server.compose import Runtime
from mcp_server.diagnosis import Finding, examine
from mcp_server.home import here
from mcp_server.loop import run
from mcp_server.terminal import complain, counted, out, print_json, safe
from state import upkeep
from state.problem import Problem, ProblemError
from tools.checkpoints.pruning import prune

MARKS = {"good": ("✓", "green"), "note": ("!", "yellow"), "bad": ("✗", "red")}
AGE = re.compile(r"(\d{1,5})\s*(m|h|d|w)")
UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def doctor(
    ctx: typer.Context,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Write the index of threads anew from their logs.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Look at the program, git, the database and this repository, and say what would stop a run."""

    async def look() -> int:
        looked = examine(settings_of(ctx), partial(composed, ctx), here(), rebuild=rebuild)
        found = [finding async for finding in looked]
        if as_json:
            print_json([asdict(finding) for finding in found])
        else:
            _print(found)
        return int(any(finding.state == "bad" for finding in found))

    return run(look)


def gc(
    ctx: typer.Context,
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="AGE", help="Forget what ended longer ago: 90m, 12h, 30d, 8w.")
    ] = "30d",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be forgotten.")] = False,
) -> int:
    """Forget threads that ended long ago, drop old checkpoints, and give the room back.

    Running and waiting threads stay, and so does what taking them back needs. FACTOR12_CHECKPOINT_DAYS and
    FACTOR12_CHECKPOINT_COUNT say which checkpoints are old.
    """
    if (match := AGE.fullmatch(older_than.strip())) is None:
        raise ProblemError("bad_input", f"{older_than!r} is no age.", "Give one like 90m, 12h, 30d or 8w.")
    now = time()
    before = now - int(match[1]) * UNITS[match[2]].total_seconds()
    runtime = composed(ctx)
    old = set(upkeep.ended(runtime.database, before))
    staying = [one for one in upkeep.every(runtime.database) if one not in old]
    cleared = run(partial(clear, runtime, sorted(old), staying, dry_run=dry_run))
    for thread_id, why in cleared.kept.items():
        hint = f"factor12 threads apply {thread_id}, or commit there; then again."
        complain(Problem(kind="conflict", message=f"Thread {thread_id} stays: {why}", hint=hint))
    if dry_run:
        forgotten = counted(len(old - cleared.kept.keys()), "thread")
        out().print(f"{forgotten} would be forgotten, with {counted(cleared.removed, 'work tree')}.")
        return _gc_checkpoints(runtime, [*staying, *cleared.kept], dry_run=True)
    gone = insisting(upkeep.gc, runtime.database, before, now, cleared.kept)
    if cleared.removed:
        out().print(f"Removed {counted(cleared.removed, 'work tree')} of threads' own.")
    forgot = f"{counted(gone.threads, 'thread')} and {counted(gone.blobs, 'kept output')}"
    out().print(f"Forgot {forgot}; the file is {gone.bytes / 1e6:.1f} MB smaller.")
    return _gc_checkpoints(runtime, upkeep.every(runtime.database), dry_run=False)


def _gc_checkpoints(runtime: Runtime, thread_ids: Sequence[str], *, dry_run: bool) -> int:
    """Drop checkpoints that are not kept, and say so; 1 if a store of them had to be left as it is."""
    settings, now = runtime.settings, time()
    retention = Retention(settings.checkpoint_days, settings.checkpoint_count)
    kept = retained(runtime.store, thread_ids, retention, now)
    pruned = run(partial(prune, runtime.workspace({}), kept.commits, now, dry_run=dry_run))
    dropped = counted(len(kept.dropped), "checkpoint")
    stores = f" and {counted(pruned.vaults, 'store')} of a repository that is gone" if pruned.vaults else ""
    if dry_run:
        out().print(f"{dropped}{stores} would be dropped.")
    else:
        out().print(f"Dropped {dropped}{stores}; they took {max(0, pruned.bytes) / 1e6:.1f} MB.")
    for problem in pruned.problems:
        complain(problem.problem)
    return int(bool(pruned.problems))


def _print(found: list[Finding]) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    for finding in found:
        says = safe(finding.says) + (f"\n→ {safe(finding.next)}" if finding.next else "")
        table.add_row(Text(*MARKS[finding.state]), Text(finding.part, "bold"), says)
    out().print(table)
