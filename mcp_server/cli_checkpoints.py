"""`factor12 checkpoints …`: hold a thread's files, see what changed since, and take thread and files back."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, TypeAlias

import typer
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from agents.runtime.rewinding import Overwrite, Rewind, rewind
from mcp_server import checkpoints
from mcp_server.cli_process import Json, ThreadId, composed, find_thread
from mcp_server.cli_question import CHANNEL, prove, require_terminal
from mcp_server.compose import Runtime
from mcp_server.envelope import Envelope
from mcp_server.loop import run
from mcp_server.terminal import age, controlling_terminal, out, print_json, safe
from state.problem import ProblemError
from state.thread import Thread
from tools.checkpoints.showing import Difference

MOST_NAMED = 20
"""Paths that a restore names of each repository."""
EVERYTHING = 1 << 31

CheckpointId: TypeAlias = Annotated[
    str, typer.Argument(metavar="CHECKPOINT", help="As `checkpoints list` shows it; its thread may be shortened.")
]

app = typer.Typer(help="Hold the files of a thread, and take them back.", no_args_is_help=True)


@app.command("save", epilog='Example: factor12 checkpoints save latest --label "before I try it"')
def save(
    ctx: typer.Context,
    thread_id: ThreadId = "latest",
    label: Annotated[str, typer.Option("--label", help="What it is to be found by.")] = "by hand",
    as_json: Json = False,
) -> None:
    """Hold a thread's work trees as they are now, untracked files included, to be able to come back to them."""
    runtime = composed(ctx)
    told = run(partial(checkpoints.save, runtime, find_thread(runtime, thread_id), label[:200]))
    if as_json:
        return print_json(told)
    out().print(f"Held: {told['checkpoint_id']}")
    _print_paths("Not held", told["left_out"])
    out().print(f"Back to it: factor12 checkpoints restore {told['checkpoint_id']}")


@app.command("list", epilog="Example: factor12 checkpoints list latest")
def list_checkpoints(ctx: typer.Context, thread_id: ThreadId = "latest", as_json: Json = False) -> None:
    """List what a thread's files can be taken back to; the first was made before its first change."""
    runtime = composed(ctx)
    told = run(partial(checkpoints.listed, runtime, find_thread(runtime, thread_id)))
    if as_json:
        return print_json(told)
    if not told["checkpoints"]:
        return out().print("None: the thread has changed nothing.")
    table = Table("CHECKPOINT", "LABEL", "REPOSITORIES", "TAKEN", box=None, pad_edge=False)
    for row in told["checkpoints"]:
        repositories = ", ".join(row["repositories"])
        taken = age(row["taken_at"]) + (", dropped by gc" if row.get("dropped") else "")
        table.add_row(row["checkpoint_id"], safe(row["label"]), safe(repositories), taken)
    out().print(table)


@app.command("diff", epilog="Example: factor12 checkpoints diff latest@4")
def diff(
    ctx: typer.Context,
    checkpoint_id: CheckpointId,
    against: Annotated[
        str, typer.Option("--against", help="Another checkpoint of the thread. Default: the files as they are.")
    ] = "",
    stat: Annotated[bool, typer.Option("--stat", help="Only which files, without the patch.")] = False,
    as_json: Json = False,
) -> None:
    """Show what changed in the files since a checkpoint, by whomever: per file, and as a patch."""
    runtime = composed(ctx)
    thread, wanted = _found(runtime, checkpoint_id)
    other = _found(runtime, against)[1] if against else ""
    found = run(partial(checkpoints.compared, runtime, thread, wanted, other))
    patch = "" if stat else "".join(one.patch for one in found)
    if as_json:
        files = checkpoints.rows(found, EVERYTHING)
        return print_json({"thread_id": thread.id, "files": files, **({} if stat else {"patch": patch})})
    _print_files(found)
    if patch:
        text = "\n".join(safe(line) for line in patch.split("\n"))
        out().print(Syntax(text, "diff", theme="ansi_dark", background_color="default", word_wrap=True))


@app.command("restore", epilog="Example: factor12 checkpoints restore latest@4")
def restore(
    ctx: typer.Context,
    checkpoint_id: CheckpointId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Write over a person's edits too; asks for a code at the terminal.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    as_json: Json = False,
) -> None:
    """Take a thread and its files back to a checkpoint, after saying what that changes and asking.

    Edits a person made since are kept, or stop it. The files as they are now are held first: undoing is a restore.
    """
    only_told = dry_run or (as_json and not yes)

    async def take_back() -> Envelope:
        runtime = composed(ctx)
        thread, wanted = _found(runtime, checkpoint_id)
        told = await rewind(runtime.engine, thread, wanted, dry_run=True)
        if not as_json:
            _print_plan(told)
        if only_told:
            return checkpoints.restored(thread, told, dry_run=True)
        agreed = None
        if told.clashes and overwrite:
            agreed = await _overwrite(runtime, told)
        elif not told.clashes and not yes:
            await _confirm()
        told = await rewind(runtime.engine, thread, wanted, dry_run=False, overwrite=agreed)
        return checkpoints.restored(thread, told, dry_run=False)

    told = run(take_back)
    if as_json:
        return print_json(told)
    if told["done"]:
        out().print(f"Restored. Go on from there: factor12 threads resume {told['thread_id']}")
        out().print(f"To take it back: factor12 checkpoints restore {told['undo']}")


def _found(runtime: Runtime, wanted: str) -> tuple[Thread, str]:
    """Return the thread and the checkpoint's whole id."""
    thread = find_thread(runtime, checkpoints.split(wanted))
    return thread, f"{thread.id}@{wanted.rpartition('@')[2]}"


async def _confirm() -> None:
    with controlling_terminal("Add --yes in a script of your own.") as screen:
        try:
            answer = await screen.read("Restore? Type yes: ")
        except EOFError:
            answer = ""
    if answer.casefold() not in ("y", "yes"):
        raise ProblemError("refused", "Nothing was changed.", "The checkpoint stays.")


async def _overwrite(runtime: Runtime, told: Rewind) -> Overwrite:
    """Let a person say that their edits may go, which no option can (R8)."""
    require_terminal(runtime)
    again = f"factor12 checkpoints restore {told.checkpoint} --overwrite"
    with controlling_terminal(f"In a terminal of your own: {again}") as screen:
        paths = [f"  {safe(path)}\n" for inside in told.clashes.values() for path in inside]
        screen.show(f"\nEdits of these files will be written over; they are held first:\n{''.join(paths)}")
        try:
            await prove(screen, "write over them", again)
        except EOFError as error:
            raise ProblemError("refused", "Nothing was changed.", f"To try again: {again}") from error
    return Overwrite(told.seen, CHANNEL)


def _print_plan(told: Rewind) -> None:
    _print_paths("Changes back", told.changed)
    _print_paths("Stays, edited since by somebody else", told.kept)
    _print_paths("In the way, edited since by somebody else", told.clashes)
    if not told.changed:
        out().print("No file changes.")


def _print_paths(what: str, paths: Mapping[str, list[str]]) -> None:
    for name, inside in paths.items():
        out().print(Text(f"{what} in {safe(name)}:", "bold"))
        for path in inside[:MOST_NAMED]:
            out().print(f"  {safe(path)}")
        if len(inside) > MOST_NAMED:
            out().print(f"  and {len(inside) - MOST_NAMED} more")


def _print_files(found: list[Difference]) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    for row in checkpoints.rows(found, EVERYTHING):
        text = "added" in row
        counts = (Text(f"+{row['added']}", "green"), Text(f"-{row['removed']}", "red")) if text else ("binary", "")
        table.add_row(safe(row["repo"]), safe(row["path"]), *counts)
    out().print(table if table.row_count else "Nothing changed.")
