"""`factor12 replay`: prove that a recorded thread goes the same way today, and show what would not."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from agents.runtime.replaying import Means, Replayed, replayed
from mcp_server import loop
from mcp_server.cli_process import Json, composed, find_thread
from mcp_server.compose import Runtime
from mcp_server.prompt_history import patch
from mcp_server.terminal import counted, one_line, out, print_json, print_patch, safe
from prompts import Rendered
from state.events import Launched
from state.problem import ProblemError
from state.store import Record
from state.thread import Thread
from state.transfer import read_export

SHOWN = 20
"""Differences that are printed; one early in a thread usually brings all the others."""
CUT = 400


def replay(
    ctx: typer.Context,
    thread: Annotated[
        str, typer.Argument(metavar="THREAD|FILE", help="A thread, or a file of `factor12 threads export`.")
    ] = "latest",
    as_json: Json = False,
) -> int:
    """Run a recorded thread once more without model or tools: 0 if every step and every prompt is the same, else 1."""
    runtime = composed(ctx)
    records, kept = _recorded(runtime, thread)
    first = records[0].event
    assert isinstance(first, Launched)
    found = loop.run(partial(_decided_anew, runtime, first.agent, records))
    patches = _changes(runtime, found, kept)
    if as_json:
        print_json(_told(found, patches))
    else:
        _print(found, patches)
    return 0 if found.equal else 1


async def _decided_anew(runtime: Runtime, agent: str, records: list[Record]) -> Replayed:
    try:
        await runtime.custom.ready(agent)
        engine = runtime.engine
        means = Means(partial(_render, runtime), engine.limits, engine.tools)
        return await replayed(engine.agent(agent), records, means)
    finally:
        runtime.custom.end()


def _recorded(runtime: Runtime, wanted: str) -> tuple[list[Record], dict[str, bytes]]:
    """Return the log and, if it is a file, what the file brings along."""
    file = Path(wanted)
    if not file.is_file():
        return list(runtime.store.read(find_thread(runtime, wanted).id)), {}
    try:
        _, records, blobs = read_export(file.read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise ProblemError("bad_input", f"{wanted!r} cannot be read: {error}.", "Name an exported thread.") from error
    return records, {sha256(data).hexdigest(): data for data in blobs}


def _render(runtime: Runtime, thread: Thread, name: str, context: Mapping[str, Any], /) -> Rendered:
    """Render as the thread's repository words it; without its words if the repository is not here."""
    try:
        return runtime.engine.render(thread, name, context)
    except ProblemError as error:
        if not thread.workspace or error.problem.kind not in ("not_found", "refused"):
            raise
        return runtime.engine.render(replace(thread, workspace=()), name, context)


def _changes(runtime: Runtime, found: Replayed, kept: Mapping[str, bytes]) -> dict[str, str]:
    """Return how each template that has other words now has changed; nothing if what it was is not known any more."""
    patches = dict[str, str]()
    for one in found.reworded:
        for name, then, now in ((one.then.template, one.then.digest, one.body), ("system", one.then.rules, one.rules)):
            if then != now.digest:
                before = (kept.get(then) or runtime.store.get(then) or b"").decode("utf-8", "replace")
                patches[f"{name} {then[:12]}"] = patch(f"{name} {then[:12]}", before, f"{name} now", now.source)
    return patches


def _told(found: Replayed, patches: Mapping[str, str]) -> dict[str, Any]:
    return {
        "equal": found.equal,
        "steps": found.steps,
        "prompts": found.prompts,
        "differences": [asdict(one) for one in found.differences],
        "reworded": [{"version": one.version, "prompt": one.then.template} for one in found.reworded],
        "patches": patches,
    }


def _print(found: Replayed, patches: Mapping[str, str]) -> None:
    console = out()
    for one in found.differences[:SHOWN]:
        console.print(Text(f"version {one.version}, then: ", "red"), safe(one_line(one.then, CUT)))
        console.print(Text(f"version {one.version}, now:  ", "red"), safe(one_line(one.now, CUT)))
    if (more := len(found.differences) - SHOWN) > 0:
        console.print(f"and {more} more")
    for words in patches.values():
        print_patch(words)
    same = f"Same: {counted(found.steps, 'step')}, {counted(found.prompts, 'prompt')}"
    other = f"different: {counted(len(found.differences), 'step')}, {counted(len(found.reworded), 'prompt')}"
    if found.equal:
        console.print(Text(same, "green"))
    else:
        console.print(f"{same}; {other}")
