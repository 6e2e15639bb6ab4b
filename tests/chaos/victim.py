"""A process that fixes an issue with the real store, tools and engine, and is struck by a signal at a chosen point.

Run as a file, in a repository (whose own `tests` `-m` would find first). Read from the environment: VICTIM_TASK, the
task as JSON (none: go on with the latest thread), VICTIM_POINT, how many points to get past, and VICTIM_SIGNAL, the
signal's name. Who gets through prints the points it passed, as JSON.
"""

import json
import os
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import anyio

from agents.runtime.engine import Launch
from mcp_server.catalogue import TOOLS
from mcp_server.compose import LATEST, Runtime, compose
from mcp_server.settings import Settings, load
from state.log import SqliteStore
from tests.agents.runtime.lab import WiredStore, watched
from tests.agents.runtime.power import Fuse

NOON = 1_795_000_000.0
"""When every thread is launched, so that branches and commits have the same names in every run."""


def fuse_of(environment: Mapping[str, str]) -> Fuse:
    """Return what strikes this very process, once, at the point the environment names."""
    what = signal.Signals[environment.get("VICTIM_SIGNAL", "SIGKILL")]

    def strike(_: str) -> None:
        fuse.points = 10**9
        os.kill(os.getpid(), what)

    fuse = Fuse(int(environment.get("VICTIM_POINT", 10**9)), end=strike)
    return fuse


def composed(settings: Settings, fuse: Fuse) -> Runtime:
    """Compose what the server composes, with a point before and after each write and each function of a tool."""

    def wired(store: SqliteStore) -> WiredStore:
        ours = WiredStore(store.database, lease_s=settings.lease_s)
        ours.point = fuse.burn
        return ours

    return compose(settings, Path.cwd(), wrap_store=wired, tools=tuple(watched(tool, fuse.point) for tool in TOOLS))


async def live(environment: Mapping[str, str]) -> list[str]:
    """Launch or take up the thread, drive it to its rest, and return the points passed."""
    fuse = fuse_of(environment)
    runtime = composed(load(), fuse)
    if "VICTIM_TASK" in environment:
        place = await runtime.repositories.ref("", "default", "write")
        wish = Launch("issue_fixer", json.loads(environment["VICTIM_TASK"]), "default", (place,))
        thread = await replace(runtime.engine, clock=lambda: NOON).launch(wish)
    else:
        thread = runtime.find(LATEST)
    await runtime.drive(thread.id)
    runtime.database.close()
    return fuse.passed


if __name__ == "__main__":
    print(json.dumps(anyio.run(live, dict(os.environ))))
