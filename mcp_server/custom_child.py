"""The server's end of the process in which a custom agent decides: one line there, one line back, in time or never."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, TypeAlias

import anyio

from state.problem import Problem, ProblemError

log = logging.getLogger(__name__)

START_S = 20.0
"""For Python, our own modules, and the file itself: a busy machine takes long for the first two."""
LARGEST_REPLY = 4 << 20
ENDED = "exit code 0"
Reply: TypeAlias = dict[str, Any]


class Child:
    """One process, started when it is first asked, and anew after it was killed. One question at a time."""

    def __init__(self, root: Path, repo: str, environment: Mapping[str, str]) -> None:
        self._root, self._repo, self._environment = root, repo, environment
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = anyio.Lock()
        self.known = dict[str, int]()
        """Thread → how far the process was told of it."""

    async def ask(self, wanted: Mapping[str, Any], seconds: float) -> Reply:
        """Return the reply.

        Raises:
            ProblemError: The file blocks, its process died, or the reply says what is wrong.
        """
        line = json.dumps(wanted).encode() + b"\n"
        async with self._turn:
            reply = await self._told(line, wanted, seconds)
            if reply is None:  # it had nothing to do for so long that it ended, at this very moment
                reply = await self._told(line, wanted, seconds)
        if reply is None:
            message = f"The process of {wanted['file']} of {self._repo!r} ends without a reply."
            raise ProblemError("internal", message, f"`factor12 check {self._repo}` tries it alone.")
        if "problem" in reply:
            raise _error(Problem.model_validate(reply["problem"]))
        return reply

    async def _told(self, line: bytes, wanted: Mapping[str, Any], seconds: float) -> Reply | None:
        """Return the reply; `None` if the process ended by itself.

        Raises:
            ProblemError: It was too late, and was killed; or it died.
        """
        file, said = f"{wanted['file']} of {self._repo!r}", b""
        process = await self._started()
        try:
            with anyio.move_on_after(seconds) as late:
                said = await self._exchange(process, line)
        finally:
            how = "" if said.endswith(b"\n") else self.end()
        if late.cancelled_caught:
            hint = "Find what it waits for; an agent decides from what it is given."
            raise ProblemError("limit", f"{file} did not come back within {seconds:g} s and was stopped.", hint)
        if how == ENDED:
            return None
        if how:
            raise ProblemError("internal", f"The process of {file} died ({how}).", "`factor12 check` tries it alone.")
        return json.loads(said)

    @property
    def is_asked(self) -> bool:
        return self._turn.locked()

    def end(self) -> str:
        """Kill the process, if there is one, and say how it had ended."""
        process, self._process, self.known = self._process, None, {}
        if process is None:
            return "it was not running"
        if process.poll() is None:
            with suppress(OSError):
                os.killpg(process.pid, 9)
        code = process.wait()
        for stream in (process.stdin, process.stdout):
            assert stream is not None
            with suppress(OSError):
                stream.close()
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    async def _started(self) -> subprocess.Popen[bytes]:
        """Return the process once it listens: the time that starting takes is not its file's.

        Raises:
            ProblemError: It does not start.
        """
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.end()
        self._process = process = self._start()
        with anyio.move_on_after(START_S):
            if await _read(_of(process.stdout)) == b"{}\n":
                return process
        how = self.end()
        raise ProblemError("internal", f"No process for agents of {self._repo!r} could be started ({how}).", "")

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-I", "-m", "mcp_server.custom_process", str(self._root), self._repo]
        process = subprocess.Popen(
            command,
            cwd="/",
            env=dict(self._environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for stream in (process.stdin, process.stdout):
            os.set_blocking(_of(stream).fileno(), False)
        return process

    async def _exchange(self, process: subprocess.Popen[bytes], line: bytes) -> bytes:
        rest = memoryview(line)
        while rest:
            await anyio.wait_writable(_of(process.stdin))
            try:
                rest = rest[os.write(_of(process.stdin).fileno(), rest) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                return b""
        return await _read(_of(process.stdout))


async def _read(stream: IO[bytes]) -> bytes:
    """Return one line; less of it if the process died, or says more than anybody asked for."""
    found = bytearray()
    while not found.endswith(b"\n") and len(found) < LARGEST_REPLY:
        await anyio.wait_readable(stream)
        try:
            data = os.read(stream.fileno(), 1 << 16)
        except BlockingIOError:
            continue
        if not data:
            break
        found += data
    return bytes(found)


def _of(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


def _error(problem: Problem) -> ProblemError:
    return ProblemError(problem.kind, problem.message, problem.hint)
