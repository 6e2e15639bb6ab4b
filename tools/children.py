"""Run a program so that it cannot outlive, outgrow or outwait the call that started it (R10).

A child is started by `reaper.py`, which adopts its orphans and kills all of them when the command ends, when this
process lets go of the socket between them, and when this process is killed. For the case that the reaper itself was
killed, every process also carries the mark of its effect in its environment, and is found by it.
"""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, TypeAlias, get_args

import anyio
from anyio.to_thread import run_sync

from tools.errors import ToolError

if TYPE_CHECKING:
    import psutil

MARK = "FACTOR12_EFFECT"
"""The environment variable that says for which effect a process runs."""
Excess: TypeAlias = Literal["memory", "processes"]
EXCESSES: tuple[Excess, ...] = get_args(Excess)
MIB = 1 << 20
REAPER = Path(__file__).with_name("reaper.py")
BURIAL_S = 1.2
PATIENCE_S = 0.7
"""How long the reaper gets before its work is done for it; together they keep cancelling under two seconds."""


@dataclass(frozen=True, slots=True)
class Child:
    """How a program ended and what it printed: of a long stream the beginning and the end."""

    returncode: int
    """Negative: the signal that ended it."""
    stdout: bytes
    stderr: bytes
    stdout_dropped: int
    """Bytes left out of the middle."""
    stderr_dropped: int
    timed_out: bool
    seconds: float
    excess: Excess | None = None
    """Of what it used too much, and was ended for."""

    @property
    def ended_for(self) -> str:
        """The limit that ended it, as the end of a sentence; nothing if none did."""
        match self.excess:
            case "memory":
                return "using more memory than a check may (8 GiB, or three quarters of the machine's)"
            case "processes":
                return "starting more than 2,000 processes"
            case _:
                return ""


@dataclass(slots=True)
class _Capture:
    """The first and the last half of `limit` bytes of a stream."""

    stream: IO[bytes]
    limit: int
    head: bytearray = field(default_factory=bytearray)
    tail: bytearray = field(default_factory=bytearray)
    dropped: int = 0

    def read(self) -> bool:
        """Take what is there; false at the end of the stream.

        Raises:
            BlockingIOError: Nothing is there yet.
        """
        data = os.read(self.stream.fileno(), 1 << 16)
        room = self.limit // 2 - len(self.head)
        self.head += data[:room]
        self.tail += data[room:]
        if (excess := len(self.tail) - self.limit // 2) > 0:
            del self.tail[:excess]
            self.dropped += excess
        return bool(data)

    def drain(self) -> None:
        """Take what is left in the pipe, without waiting for a writer that escaped."""
        with suppress(BlockingIOError):
            # Nothing that writes is left, unless it escaped every burial.
            for _ in range(64):  # pragma: no branch
                if not self.read():
                    break

    def content(self) -> bytes:
        gap = f"\n[{self.dropped} bytes left out]\n".encode() if self.dropped else b""
        return bytes(self.head + gap + self.tail)


async def run_child(
    argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout_s: float, mark: str, limit: int = 2 * MIB
) -> Child:
    """Run `argv` in `cwd` with exactly `env` (and UTF-8 if no locale is set), and nothing on stdin.

    Its mark is `mark` and a word of its own, for another run of the effect is not its to bury. At most `limit` bytes of
    each stream are kept. When this returns or raises, cancelled or not, the program and everything it started are
    dead, whatever they did to stay alive.

    Raises:
        ToolError: The program could not be started, or `cwd` is gone.
    """
    began, ended, mark = time.monotonic(), b"", f"{mark}.{secrets.token_hex(4)}"
    process, control, streams = _start(argv, cwd, {**env, MARK: mark}, limit)
    try:
        with anyio.move_on_after(timeout_s) as deadline:
            async with anyio.create_task_group() as tasks:
                for stream in streams:
                    tasks.start_soon(_follow, stream)
                await anyio.wait_readable(control)
                ended = control.recv(64)
                tasks.cancel_scope.cancel()
    finally:
        control.close()
        with anyio.CancelScope(shield=True):
            await _bury(process, mark, clean=b" clean" in ended)
        for stream in streams:
            stream.drain()
            stream.stream.close()
    if ended.startswith(b"errno"):
        raise ToolError("not_found", f"Cannot start {argv[0]!r}: {os.strerror(int(ended.split()[1]))}.", "Install it.")
    return _child(ended, streams, timed_out=deadline.cancelled_caught, seconds=time.monotonic() - began)


def _child(ended: bytes, streams: tuple[_Capture, _Capture], *, timed_out: bool, seconds: float) -> Child:
    out, err = streams
    return Child(
        int(ended.split()[1]) if ended else -9,
        *(out.content(), err.content()),
        stdout_dropped=out.dropped,
        stderr_dropped=err.dropped,
        timed_out=timed_out,
        seconds=seconds,
        excess=next((word for word in EXCESSES if word.encode() in ended), None),
    )


async def kill_leftovers(mark: str) -> int:
    """Kill what earlier, cut-off runs of the effect `mark` left behind; return how many processes that were."""
    return await run_sync(_kill_marked, mark) if mark else 0


def _start(
    argv: Sequence[str], cwd: Path, env: Mapping[str, str], limit: int
) -> tuple[subprocess.Popen[bytes], socket.socket, tuple[_Capture, _Capture]]:
    ours, theirs = socket.socketpair()
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(REAPER), str(theirs.fileno()), *argv],
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )
    except OSError as error:
        ours.close()
        raise ToolError("not_found", f"Cannot start a program in {str(cwd)!r}: {error.strerror}.") from error
    finally:
        theirs.close()
    assert process.stdout is not None
    assert process.stderr is not None
    ours.setblocking(False)
    for stream in (process.stdout, process.stderr):
        os.set_blocking(stream.fileno(), False)
    return process, ours, (_Capture(process.stdout, limit), _Capture(process.stderr, limit))


async def _follow(capture: _Capture) -> None:
    more = True
    # The reaper has the streams open too, and says that all is over before it ends: they end first if it is killed.
    while more:  # pragma: no branch
        try:
            more = capture.read()
        except BlockingIOError:
            await anyio.wait_readable(capture.stream)
        else:
            await anyio.lowlevel.checkpoint()


async def _bury(process: subprocess.Popen[bytes], mark: str, *, clean: bool) -> None:
    """Wait for the reaper, which ends when its work is done; do that work if it could not."""
    gone = await run_sync(_wait, process, PATIENCE_S)
    if not (gone and clean):
        await kill_leftovers(mark)
    if not gone:
        process.kill()
        await run_sync(_wait, process, PATIENCE_S)


def _wait(process: subprocess.Popen[bytes], seconds: float) -> bool:
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    return process.returncode is not None


def _kill_marked(mark: str) -> int:
    """Kill from the leaves up: as long as a reaper lives, an orphan falls to it and is still found by ancestry."""
    import psutil

    killed: set[psutil.Process] = set()
    deadline = time.monotonic() + BURIAL_S
    while (family := _family(mark)) and time.monotonic() < deadline:
        pids = {process.pid for process in family}
        leaves = [process for process in family if process.info["ppid"] in pids] or family
        for process in leaves:
            with suppress(psutil.Error):
                process.kill()
                killed.add(process)
        time.sleep(0.005)
    return len(killed)


def _family(mark: str) -> "list[psutil.Process]":
    """Return the living processes that carry the mark, and all that descend from them."""
    import psutil

    own = psutil.Process()
    kin = {own.pid, *(parent.pid for parent in own.parents())}
    living = [
        process
        for process in psutil.process_iter(["ppid", "environ", "status"])
        if process.pid not in kin and process.info["status"] != psutil.STATUS_ZOMBIE
    ]
    found = {process.pid for process in living if _is_marked(process.info["environ"], mark)}
    while more := {process.pid for process in living if process.info["ppid"] in found} - found:
        found |= more
    return [process for process in living if process.pid in found]


def _is_marked(environment: dict[str, str] | None, mark: str) -> bool:
    found = (environment or {}).get(MARK, "")
    return found == mark or found.startswith(f"{mark}.")
