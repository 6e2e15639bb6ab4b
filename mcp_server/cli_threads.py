"""`factor12 threads …`: find threads again, see what they did, follow, resume, cancel, and carry them elsewhere."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from time import time
from typing import Annotated, Literal, TextIO, TypeAlias

import typer
from rich.table import Table
from rich.text import Text

from mcp_server.cli_compare import compare
from mcp_server.cli_follow import attend, report, watch
from mcp_server.cli_process import Json, ThreadId, WaitS, composed, driving, find_thread, insisting, repository
from mcp_server.cli_task import Words, read_words, task_fields
from mcp_server.cli_timeline import colour, print_timeline
from mcp_server.envelope import exit_code, status_of
from mcp_server.forking import forked
from mcp_server.launching import takeover
from mcp_server.loop import run
from mcp_server.repositories import Isolation
from mcp_server.terminal import age, err, one_line, out, print_json, safe
from state.log import SqliteStore
from state.problem import ProblemError
from state.store import Row, Search
from state.transfer import LARGEST, export_thread, import_thread

CANCEL_S = 10.0
"""How long a cancel waits for another process to stop and settle what it does."""

Status: TypeAlias = Literal["running", "waiting", "completed", "failed", "cancelled", "interrupted"]

app = typer.Typer(help="Find threads again: each is one run of one agent.", no_args_is_help=True)
app.command("compare", epilog="Example: factor12 threads compare latest")(compare)


@app.command("list", epilog="Example: factor12 threads list --status waiting --repo shop")
def list_threads(
    ctx: typer.Context,
    session: Annotated[str | None, typer.Option("--session", help="Only of this session.")] = None,
    repo: Annotated[str | None, typer.Option("--repo", help="Only in the repository of this name or path.")] = None,
    branch: Annotated[str | None, typer.Option("--branch", help="Only launched on this branch.")] = None,
    issue: Annotated[str | None, typer.Option("--issue", help="Only about this issue, as it was given.")] = None,
    status: Annotated[Status | None, typer.Option("--status", help="Only in this state.")] = None,
    agent: Annotated[str | None, typer.Option("--agent", help="Only of this agent.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 20,
    as_json: Json = False,
) -> None:
    """List threads, the latest first."""
    runtime = composed(ctx)
    search = Search(
        session=session and runtime.session(session),
        repo=repo and repository(repo),
        branch=branch,
        issue=issue,
        status=status,
        agent=agent and runtime.engine.agent(agent).name,
        limit=limit,
    )
    rows = runtime.store.list(search, runtime.principal)
    if as_json:
        print_json([row.model_dump(mode="json", exclude_none=True) for row in rows])
    elif rows:
        _print_rows(rows)
    else:
        narrowed = search != Search(limit=limit)
        out().print("No thread is like that." if narrowed else "No threads. Start one: factor12 run AGENT")


@app.command("show", epilog="Example: factor12 threads show latest")
def show(ctx: typer.Context, thread_id: ThreadId = "latest", as_json: Json = False) -> None:
    """Show what a thread did, step by step, and how it stands."""
    runtime = composed(ctx)
    thread = find_thread(runtime, thread_id)
    if not as_json:
        print_timeline(out(), runtime.store.read(thread.id))
        out().print()
    report(runtime, thread, as_json=as_json)


@app.command("watch", epilog="Example: factor12 threads watch latest")
def watch_thread(ctx: typer.Context, thread_id: ThreadId = "latest", as_json: Json = False) -> int:
    """Follow a thread that another process drives, until it rests. Ctrl-C stops watching and nothing else."""
    runtime = composed(ctx)
    thread = find_thread(runtime, thread_id)
    return run(partial(watch, runtime, thread.id, as_json=as_json))


@app.command("resume", epilog="Example: factor12 threads resume latest")
def resume(ctx: typer.Context, thread_id: ThreadId = "latest", wait: WaitS = None, as_json: Json = False) -> int:
    """Go on with an interrupted thread, here; a waiting one puts its question."""

    async def go_on() -> int:
        async with driving(ctx) as runtime:
            thread = find_thread(runtime, thread_id)
            for ref in thread.workspace:
                runtime.repositories.opened(ref)  # refuses here what a driver could only log
            thread = await runtime.engine.resume(thread.id)
            return await attend(runtime, thread.id, seconds=wait, as_json=as_json, after=thread.version)

    return run(go_on)


@app.command("cancel", epilog='Example: factor12 threads cancel 3f2a9c --reason "wrong branch"')
def cancel(
    ctx: typer.Context,
    thread_id: ThreadId,
    reason: Annotated[str, typer.Option("--reason", help="Kept in the log.")] = "",
    as_json: Json = False,
) -> int:
    """Stop a thread for good; what it is doing is stopped and settled first, in whichever process drives it."""

    async def stop() -> int:
        runtime = composed(ctx)
        thread = find_thread(runtime, thread_id)
        await runtime.engine.cancel(thread.id, channel="terminal", reason=reason)
        thread = await runtime.engine.wait(thread.id, CANCEL_S)
        report(runtime, thread, as_json=as_json)
        return 0 if thread.status == "cancelled" else exit_code(status_of(runtime, thread), thread.outcome)

    return run(stop)


@app.command("apply", epilog="Example: factor12 threads apply latest")
def apply(ctx: typer.Context, thread_id: ThreadId = "latest", as_json: Json = False) -> int:
    """Take the edits of a thread's own work tree over into your checkout: all, or none if one would overwrite yours."""

    async def take() -> int:
        async with driving(ctx) as runtime:
            meant = await takeover(runtime, find_thread(runtime, thread_id))
            launched = await runtime.engine.launch(meant)
            return await attend(runtime, launched.id, seconds=None, as_json=as_json)

    return run(take)


@app.command("fork", epilog="Example: factor12 threads fork latest check=tests/test_auth.py --checkpoint 3f2a9c@5")
def fork(
    ctx: typer.Context,
    thread_id: ThreadId = "latest",
    words: Words = None,
    checkpoint: Annotated[str, typer.Option("--checkpoint", help="Begin with its files. Default: as they are.")] = "",
    version: Annotated[int | None, typer.Option("--version", min=1, help="Begin at it. Default: the last.")] = None,
    isolation: Annotated[Isolation, typer.Option("--isolation", help="Where to work.")] = "worktree",
    model: Annotated[str, typer.Option("--model", help="Decide anew: one of FACTOR12_MODEL, `host` or `same`.")] = "",
    wait: WaitS = None,
    as_json: Json = False,
) -> int:
    """Try a run another way from a version on, with other fields of its task; nothing before it runs again."""

    async def branch_off() -> int:
        async with driving(ctx) as runtime:
            thread = find_thread(runtime, thread_id)
            await runtime.custom.ready(thread.agent)
            agent = runtime.engine.agent(thread.agent)
            task = read_words(agent.name, task_fields(agent), words or ())
            made = await forked(
                runtime, thread, checkpoint=checkpoint, version=version, task=task, isolation=isolation, model=model
            )
            return await attend(runtime, made.id, seconds=wait, as_json=as_json, after=made.version)

    return run(branch_off)


@app.command("export", epilog="Example: factor12 threads export latest --output thread.jsonl")
def export(
    ctx: typer.Context,
    thread_id: ThreadId = "latest",
    output: Annotated[Path | None, typer.Option("--output", help="A new file. Default: stdout.")] = None,
) -> None:
    """Write a thread's log as JSON lines, without the secrets of this process."""
    runtime = composed(ctx)
    lines = export_thread(runtime.store, find_thread(runtime, thread_id).id, runtime.outward.value)
    if output is None:
        for line in lines:
            print(line)
        return
    try:
        with output.open("x", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
    except OSError as error:
        raise ProblemError(
            "bad_input", f"{str(output)!r}: {error.strerror}.", "Name a file that can be made."
        ) from error
    err().print(f"Written: {safe(str(output))}")


@app.command("import", epilog="Example: factor12 threads import thread.jsonl")
def import_(
    ctx: typer.Context, file: Annotated[Path, typer.Argument(metavar="FILE", help="As `export` wrote it; - for stdin.")]
) -> None:
    """Add an exported thread. One that was running is interrupted here, until it is resumed.

    What its log says was approved counts as approved: import only from people you trust.
    """
    store = SqliteStore(composed(ctx).database)
    try:
        with sys.stdin if str(file) == "-" else file.open(encoding="utf-8") as opened:
            thread_id = insisting(import_thread, store, _lines(opened), time())
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ProblemError("bad_input", f"{str(file)!r} cannot be read: {why}.", "Name an exported thread.") from error
    out().print(thread_id)


def _lines(file: TextIO) -> list[str]:
    """Return a file's lines; of one without an end no more than makes it too large for an import."""
    lines, left = list[str](), LARGEST + 1
    while left > 0 and (line := file.readline(left)):
        lines.append(line)
        left -= len(line)
    return lines


def _print_rows(rows: Sequence[Row]) -> None:
    table = Table("THREAD", "STATE", "AGENT", "REPOSITORY", "ISSUE", "SESSION", "CHANGED", box=None, pad_edge=False)
    for row in rows:
        state = row.outcome or row.status
        place = f"{row.repo} ({row.branch})" if row.branch else row.repo or ""
        cells = (row.agent, place, one_line(row.issue or "", 30), row.session, age(row.updated_at))
        table.add_row(row.thread_id, Text(state, colour(state)), *(safe(cell) for cell in cells))
    out().print(table)
