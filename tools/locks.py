"""One process at a time where something changes, and only the driver whose thread it is (R6)."""

import fcntl
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from hashlib import sha256

import anyio

from tools.errors import ToolError
from tools.workspace import Workspace

PATIENCE_S = 5.0
"""Seconds to wait for whoever changes the same thing."""
_OPEN = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


@asynccontextmanager
async def alone(workspace: Workspace, what: str) -> AsyncGenerator[int]:
    """Hold the one lock on `what`: around the moment of a change, and around a probe's look whether it happened.

    The lease is looked at with the lock in hand. So a driver that slept since its intent either changed `what` before
    the look of whoever took over, or finds its lease gone and changes nothing.

    Yields the lock's descriptor: a child that has it too holds the lock as long as it lives, also when this process is
    killed meanwhile.

    Raises:
        ToolError: `busy`; the lock was not free in time.
        Fenced: Another driver took the thread over.
    """
    folder = workspace.scratch / "locks"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(folder / f"{sha256(os.fsencode(what)).hexdigest()[:32]}.lock", _OPEN, 0o600)
    try:
        deadline = anyio.current_time() + PATIENCE_S
        while not _acquire(lock):
            if anyio.current_time() > deadline:
                raise ToolError("busy", f"{what!r} is being changed by another process.", "Try again.")
            await anyio.sleep(0.02)
        workspace.fence()
        yield lock
    finally:
        os.close(lock)


def _acquire(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
