"""Start git through GitPython, in one place: GitPython starts it and does nothing else that it could do."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, BinaryIO, Protocol, cast

import anyio
from anyio.to_thread import run_sync

ENV = "/usr/bin/env"
CHUNK = 1 << 16
COMPLAINT = 1 << 16
"""How many bytes of stderr are kept."""
GRACE_S = 1.0
"""How long a git that has closed its output may take to exit."""


@dataclass(frozen=True, slots=True)
class Ended:
    returncode: int
    """Negative: the signal that ended it, ours included."""
    stdout: bytes
    """At most the limit; it was reached if `cut`."""
    stderr: bytes
    cut: bool
    timed_out: bool


class _Started(Protocol):
    """What GitPython returns, as far as it is used."""

    proc: subprocess.Popen[bytes] | None


async def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    scratch: Path,
    stdin: bytes | BinaryIO | None,
    limit: int,
    timeout_s: float,
    stdout: BinaryIO | None = None,
    held: Sequence[int] = (),
) -> Ended:
    """Run `argv`, whose first item is an absolute path, in a session of its own with exactly `env`.

    `stdin` may be an open file, read from where it stands; into an open file for `stdout` goes all that is printed.
    It has the descriptors of the locks in `held` too: killed, this process leaves them to a git that goes on.

    When this returns or raises, cancelled or not, the process and its group are dead.
    """
    process = await run_sync(_start, argv, cwd, env, scratch, stdin, held, limiter=anyio.CapacityLimiter(1))
    out, err = bytearray(), bytearray()
    grace_s = 0.0
    try:
        with anyio.move_on_after(timeout_s) as deadline:
            async with anyio.create_task_group() as streams:
                streams.start_soon(partial(_follow, process.stderr, err, COMPLAINT, to_the_end=True))
                if stdout is not None:
                    await _copy(process.stdout, stdout)
                await _follow(process.stdout, out, limit, to_the_end=False)
                if len(out) > limit:
                    streams.cancel_scope.cancel()
            grace_s = 0.0 if len(out) > limit else GRACE_S
    finally:
        with anyio.CancelScope(shield=True):
            await run_sync(_bury, process, grace_s, limiter=anyio.CapacityLimiter(1))
    return Ended(
        process.returncode, bytes(out[:limit]), bytes(err), cut=len(out) > limit, timed_out=deadline.cancelled_caught
    )


def _start(
    argv: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    scratch: Path,
    stdin: bytes | BinaryIO | None,
    held: Sequence[int],
) -> subprocess.Popen[bytes]:
    """Start it by way of `env -i`: GitPython hands the whole environment of this process to every child."""
    from tools.gitpython import Git

    apart: dict[str, Any] = {"start_new_session": True, "pass_fds": tuple(held)}
    clean = [ENV, "-i", *(f"{name}={value}" for name, value in env.items()), *argv]
    with TemporaryFile(dir=scratch) if isinstance(stdin, bytes) else nullcontext(stdin) as given:
        if given is not None and isinstance(stdin, bytes):
            given.write(stdin)
            given.seek(0)
        started = cast(
            _Started,
            Git(str(cwd)).execute(clean, istream=given, as_process=True, shell=False, **apart),
        )
    process, started.proc = started.proc, None  # or the end of this scope would terminate it
    assert process is not None
    for pipe in (process.stdout, process.stderr):
        assert pipe is not None
        os.set_blocking(pipe.fileno(), False)
    return process


async def _follow(pipe: IO[bytes] | None, into: bytearray, limit: int, *, to_the_end: bool) -> None:
    """Keep up to `limit` bytes and one more, which tells that there are more; then stop, or read on and drop."""
    assert pipe is not None
    while chunk := await _chunk(pipe):
        into += chunk[: limit + 1 - len(into)]
        if len(into) > limit and not to_the_end:
            return


async def _copy(pipe: IO[bytes] | None, into: BinaryIO) -> None:
    assert pipe is not None
    while chunk := await _chunk(pipe):
        into.write(chunk)


async def _chunk(pipe: IO[bytes]) -> bytes:
    """Return what is there, after waiting for it; empty at the end."""
    while True:
        await anyio.lowlevel.checkpoint()
        try:
            return os.read(pipe.fileno(), CHUNK)
        except BlockingIOError:
            await anyio.wait_readable(pipe)


def _bury(process: subprocess.Popen[bytes], grace_s: float) -> None:
    try:
        process.wait(grace_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for pipe in (process.stdout, process.stderr):
        assert pipe is not None
        pipe.close()
