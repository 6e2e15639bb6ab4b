"""Processes that must die: which one it is, told through a named pipe, and whether it lives."""

from contextlib import suppress
from pathlib import Path

import anyio
import psutil
from anyio.to_thread import run_sync


async def pid_from(pipe: Path, within_s: float = 30) -> int:
    """Wait until a process writes its id, or another's, to the named pipe."""
    with anyio.fail_after(within_s):
        return int(await run_sync(pipe.read_bytes, abandon_on_cancel=True))


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def dies_within(pid: int, seconds: float) -> bool:
    """Wait for the end of a process that is nobody's child here: a killed one may run on for a moment."""
    try:
        psutil.Process(pid).wait(seconds)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return not alive(pid)
    return True


def living(token: str) -> list[psutil.Process]:
    """Return the processes that were started with a word only they were given.

    Each is looked at by itself: what `process_iter` knows is shared with whoever else iterates, in any thread.
    """
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if token in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found
