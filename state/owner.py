"""Who this process is, and whether another one still lives: what a lease is held by (R6)."""

import os
import socket
from contextlib import suppress
from pathlib import Path

from state.store import Owner


def this_process() -> Owner:
    """Identify the running process on this host."""
    pid = os.getpid()
    return Owner(_host(), pid, _started(pid) or 0.0)


def is_dead(owner: Owner) -> bool:
    """Tell that the owner is gone for certain. An owner on another host is never certain."""
    if owner.host != _host():
        return False
    started = _started(owner.pid)
    return started is None or (owner.started > 0 and started != owner.started)


def _host() -> str:
    """The host name with the boot, so that a pid from before a restart is not taken for a living one."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    return (
        f"{socket.gethostname()}/{boot.read_text(encoding='ascii').strip()}" if boot.exists() else socket.gethostname()
    )


def _started(pid: int) -> float | None:
    """Return the process's start, in whatever unit the platform counts; `None` when there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None if Path("/proc/self/stat").exists() else started_without_proc(pid)
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in "ZX" else float(fields[18])


def started_without_proc(pid: int) -> float | None:
    """Tell at least whether the process lives; without a start time a reused pid counts as alive."""
    try:
        with suppress(PermissionError):  # of somebody else, and alive
            os.kill(pid, 0)
    except ProcessLookupError:
        return None
    return 0.0
