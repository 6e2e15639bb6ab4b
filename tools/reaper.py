"""Run one command and leave nothing of it behind: a program of its own, because only a parent can adopt orphans.

Started as `python -I -S reaper.py FD COMMAND ARGUMENT…`. FD is a socket to the caller: its end (the caller gave up, was
cancelled, or was killed) ends the command and everything that came from it. When the command has ended by itself and
its descendants are dead too, one line goes back: `exit CODE clean`, `exit CODE left` if nobody can be sure of the
descendants, or `errno NUMBER` if it did not start. A fourth word says what was too much, if that ended it: `memory` or
`processes`. It runs without site-packages: standard library only.
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
from collections.abc import Callable
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
BURIAL_S = 1.5
HOURS = 3600
LIMITS = (
    (resource.RLIMIT_CORE, 0),
    (resource.RLIMIT_FSIZE, 1 << 30),
    (resource.RLIMIT_NPROC, 8192),  # of the user, and never of root: hence MOST_PROCESSES
    (resource.RLIMIT_CPU, HOURS * (os.cpu_count() or 1)),  # of one process: never less than any time limit
)
# Neither RLIMIT_AS nor RLIMIT_DATA: node, go and sanitizers reserve far more than they use. What is used is watched.
WATCH_S = 0.25
MOST_PROCESSES = 2000
MOST_MEMORY = 8 << 30
"""Bytes of all processes together; less on a machine that has not much more."""


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
    code, excess, next_look = None, "", time.monotonic() + WATCH_S
    while code is None and not excess:
        ready = select.select([control, woken], [], [], WATCH_S)[0]
        if control in ready:
            break
        if woken in ready:
            os.read(woken, 4096)
            code = reap(command.pid)[1]
        if time.monotonic() >= next_look:
            excess, next_look = too_much(), time.monotonic() + WATCH_S
    clean = bury(command.pid)
    if code is not None or excess:
        code = -signal.SIGKILL if code is None else code
        control.send(f"exit {code} {'clean' if clean else 'left'} {excess}".encode())


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


def too_much() -> str:
    """Say what the command and its descendants use too much of, if anything."""
    pids = descendants()
    if len(pids) > MOST_PROCESSES:
        return "processes"
    most = min(MOST_MEMORY, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * 3 // 4)
    # Their own pages are cheap to count, but shared ones are counted for each: what is too much is counted exactly.
    return "memory" if memory(pids, resident) > most and memory(pids, proportional) > most else ""


def memory(pids: list[int], measure: Callable[[Path], int]) -> int:
    total = 0
    for pid in pids:
        try:
            total += measure(Path("/proc", str(pid)))
        except (OSError, IndexError, ValueError):
            continue
    return total


def resident(process: Path) -> int:
    """Bytes of a process that are in memory and in no file."""
    _, pages, shared, *_ = (process / "statm").read_text().split()
    return (int(pages) - int(shared)) * os.sysconf("SC_PAGE_SIZE")


def proportional(process: Path) -> int:
    """The same, with what several share divided among them; as above if this kernel does not tell."""
    try:
        rows = (process / "smaps_rollup").read_text()
        return int(rows.partition("Pss_Anon:")[2].split()[0]) * 1024
    except (OSError, IndexError):
        return resident(process)


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
