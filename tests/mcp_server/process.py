"""A real server in a process of its own: how a host starts it, and a client at its pipes."""

import os
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
from mcp import Client, StdioServerParameters

from tests.mcp_server.door import Calls, Person

CHECKOUT = Path(__file__).resolve().parents[2]
FACTOR12 = (sys.executable, "-m", "mcp_server")
REAL = (*FACTOR12, "serve")
TOYS = (sys.executable, "-m", "tests.mcp_server.toys")


def environment(state: Path, **more: str) -> dict[str, str]:
    """Return an environment that has nothing of the machine's own settings."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    ours = {
        "HOME": str(state),
        "PYTHONPATH": str(CHECKOUT),
        "FACTOR12_STATE_DIR": str(state),
        "XDG_CONFIG_HOME": str(state / "config"),
    }
    return {**kept, **ours, **more}


def measured(state: Path, **more: str) -> dict[str, str]:
    """Return such an environment in which coverage, if it is measured here, is measured too."""
    return environment(state, **{n: v for n, v in os.environ.items() if n.startswith("COVERAGE_")}, **more)


def started(home: Path, command: Sequence[str], **variables: str) -> StdioServerParameters:
    """Return how a host starts a server in the repository `home`, whose person trusts all that stands beside it.

    Measuring makes a server half as slow again. That of the toys is measured: around other agents it is the same one.
    """
    make = measured if command == TOYS else environment
    known = make(home.parent / "state", **{"FACTOR12_TRUSTED_ROOTS": str(home.parent), **variables})
    return StdioServerParameters(command=command[0], args=[*command[1:]], env=known, cwd=home)


@asynccontextmanager
async def piped(
    home: Path, mode: str = "auto", command: Sequence[str] = REAL, person: Person | None = None, **variables: str
) -> AsyncGenerator[Calls]:
    """Start a server as a host does, and be its client."""
    client = Client(started(home, command, **variables), mode=mode, elicitation_callback=person)
    with anyio.fail_after(60):
        async with client:
            yield Calls(client)
