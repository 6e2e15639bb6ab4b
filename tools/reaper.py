"""Run one command and leave nothing of it behind: a program of its own, because only a parent can adopt orphans.

Started as `python -I -S reaper.py FD COMMAND ARGUMENT…`. FD is a socket to the caller: its end (the caller gave up, was
cancelled, or was killed) ends the command and everything that came from it. When the command has ended by itself and
its descendants are dead too, one line goes back: `exit CODE clean`, `exit CODE left` if nobody can be sure of the
descendants, or `errno NUMBER` if it did not start. It runs without site-packages: standard library only.
"""

import ctypes
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
BURIAL_S = 1.5
LIMITS = ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 1 << 30), (resource.RLIMIT_NPROC, 8192))


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    woken = wake_on_child_end()
    lower_limits()
    try:
        command = subprocess.Popen(sys.argv[2:], start_new_session=True)
    except OSError as error:
        control.send(f"errno {error.errno}".encode())
        return
    code = None
    while code is None and control not in select.select([control, woken], [], [])[0]:
        os.read(woken, 4096)
        code = reap(command.pid)[1]
    clean = bury(command.pid)
    if code is not None:
        control.send(f"exit {code} {'clean' if clean else 'left'}".encode())


def wake_on_child_end() -> int:
    """Return a descriptor that becomes readable when a child has ended."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, ignore)
    return woken


def ignore(_number: int, _frame: object) -> None:
    """Do nothing, in place of the default, which would not wake anybody."""


def lower_limits() -> None:
    """No core dumps, no file over 1 GiB, no fork bomb (which the kernel ignores for root)."""
    for which, most in LIMITS:
        soft, hard = resource.getrlimit(which)
        if soft == resource.RLIM_INFINITY or soft > most:
            resource.setrlimit(which, (most, hard))


def reap(command: int) -> tuple[bool, int | None]:
    """Collect every child that has ended: whether none is left, and the exit code of `command` if it was among them."""
    code = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return True, code
        if pid == 0:
            return False, code
        if pid == command:
            code = os.waitstatus_to_exitcode(status)


def bury(command: int) -> bool:
    """Kill what descends from this process until nothing is left to wait for; true if that is certain.

    Where orphans cannot be adopted, the session's process group is killed, and that is never certain.
    """
    deadline = time.monotonic() + BURIAL_S
    while time.monotonic() < deadline:
        for pid in descendants() or [-command]:
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
        if reap(command)[0]:
            return sys.platform == "linux"
        time.sleep(0.002)
    return False


def descendants() -> list[int]:
    """Process ids below this one, adopted orphans included; empty where there is no /proc."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_bytes().rpartition(b") ")[2].split()[1])
        except (OSError, IndexError):
            continue
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found - {os.getpid()})


if __name__ == "__main__":
    main()
