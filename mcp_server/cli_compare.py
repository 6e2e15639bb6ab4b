"""`factor12 threads compare`: a thread beside another, such as the one it was forked from."""

from typing import Annotated, Any

import typer
from rich.table import Table

from mcp_server.cli_process import Json, ThreadId, composed, find_thread
from mcp_server.comparing import side_by_side
from mcp_server.compose import Runtime
from mcp_server.loop import run
from mcp_server.terminal import out, print_json, print_patch, safe
from state.problem import ProblemError
from state.thread import Thread

ROWS = ("thread_id", "status", "outcome", "models", "prompts", "steps", "seconds", "tokens", "dollars", "error")


def compare(
    ctx: typer.Context,
    thread_id: ThreadId = "latest",
    other: Annotated[str, typer.Argument(help="Default: the thread it was forked from.")] = "",
    as_json: Json = False,
) -> None:
    """Show two runs side by side: outcome, models, prompts, price, and what each made of the files."""
    runtime = composed(ctx)
    thread = find_thread(runtime, thread_id)
    before = find_thread(runtime, other) if other else _source(runtime, thread)

    async def look() -> dict[str, Any]:
        return await side_by_side(runtime, (before, thread))

    found = run(look)
    if as_json:
        return print_json(found)
    _print(found)


def _source(runtime: Runtime, thread: Thread) -> Thread:
    if not thread.forked_from:
        hint = "Name the thread to compare with: factor12 threads compare THREAD OTHER."
        raise ProblemError("bad_input", f"Thread {thread.id!r} is no fork.", hint)
    return find_thread(runtime, thread.forked_from.partition("@")[0])


def _print(found: dict[str, Any]) -> None:
    one, other = found["threads"]
    table = Table("", "FIRST", "SECOND", box=None, pad_edge=False)
    for row in ROWS:
        if row in one or row in other:
            table.add_row(row, safe(_cell(one.get(row))), safe(_cell(other.get(row))))
    out().print(table)
    if found["same_patch"]:
        out().print("Both made the same of the files." if one["patch"] else "Neither changed a file.")
        return
    for side in (one, other):
        out().print(f"What {side['thread_id']} changed:" if side["patch"] else f"{side['thread_id']} changed no file.")
        print_patch(side["patch"])


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case dict():
            known: dict[str, Any] = {**value}
            return "\n".join(f"{name} {one}" for name, one in known.items())
        case list():
            several: list[Any] = [*value]
            return "\n".join(map(str, several))
        case _:
            return str(value)
