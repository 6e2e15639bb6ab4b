"""The server's end of the process in which a custom agent decides: one line there, one line back, in time or never."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, TypeAlias, cast

import anyio
from anyio.to_thread import run_sync
from pydantic import ValidationError
from pydantic_core import from_json

from mcp_server.custom_files import Source, text_of
from mcp_server.custom_lines import LARGEST_REPLY
from state.problem import Problem, ProblemError
from tools.boxes.sandbox import Sandbox, box_for

log = logging.getLogger(__name__)

START_S = 20.0
"""For Python and our own modules: a busy machine takes long for both."""
ENDED = "exit code 0"
CODE = tuple(Path(__file__).parents[1] / name for name in ("agents", "mcp_server", "prompts", "state", "tools"))
"""All that is shown in the box beside Python: no repository, for the process is told the text of the file."""
ENVIRONMENT: Mapping[str, str] = {"LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}
"""All that it is started with. With a seed of its own a set would have another order in each process (R2)."""
Reply: TypeAlias = dict[str, Any]


class Child:
    """One process, started when it is first asked, and anew after it was killed. One question at a time."""

    def __init__(self, repo: str, sandbox: Sandbox) -> None:
        self._repo, self._sandbox = repo, sandbox
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = anyio.Lock()
        self._asked = 0
        self._sent = set[str]()
        """What the process has the text of."""
        self.known = dict[str, int]()
        """Thread → how far the process was told of it."""

    async def ask(self, one: Source, do: str, seconds: float, **more: Any) -> Reply:
        """Return the reply.

        Raises:
            ProblemError: The file blocks, its process died, or the reply says what is wrong; `busy` if it changed.
        """
        async with self._turn:
            reply = await self._told(one, {"do": do, **more}, seconds)
            if reply is None:  # it had ended by itself, or still said what it was asked before
                reply = await self._told(one, {"do": do, **more}, seconds)
        if reply is None:
            raise self._failed(one, "ends without a reply, or says what it was not asked")
        if "problem" not in reply:
            return reply
        try:
            problem = Problem.model_validate(reply["problem"])
        except ValidationError as error:
            raise self._failed(one, "complains of nothing that can be understood") from error
        raise ProblemError(problem.kind, problem.message, problem.hint)

    async def _told(self, one: Source, wanted: Mapping[str, Any], seconds: float) -> Reply | None:
        """Return the reply; `None` if the process ended by itself, or says something else.

        Raises:
            ProblemError: It was too late, and was killed; or it died.
        """
        process, said = await self._started(), b""
        line = self._line(one, wanted)
        try:
            with anyio.move_on_after(seconds) as late:
                said = await self._exchange(process, line)
        finally:
            how = "" if said.endswith(b"\n") else self.end()
        if late.cancelled_caught:
            hint = "Find what it waits for; an agent decides from what it is given."
            what = f"{one.file} of {one.repo!r} did not come back within {seconds:g} s and was stopped."
            raise ProblemError("limit", what, hint)
        if len(said) > LARGEST_REPLY:
            self.end()
            raise self._failed(one, f"says more than {LARGEST_REPLY >> 20} MiB and was stopped")
        if how == ENDED:
            return None
        if how:
            raise self._failed(one, f"died ({how})")
        return self._read(said)

    def _line(self, one: Source, wanted: Mapping[str, Any]) -> bytes:
        """Return the question, with the text of the file if the process does not have it."""
        self._asked += 1
        asked = {**wanted, "number": self._asked, "file": one.file, "digest": one.digest}
        if one.key not in self._sent:
            asked["text"] = text_of(one).decode("latin-1")  # which any bytes are
            self._sent.add(one.key)
        return json.dumps(asked).encode() + b"\n"

    def _read(self, said: bytes) -> Reply | None:
        """Return the reply to the last question, and believe no other.

        After another the process is ended: what it says next could not be told from a late reply.
        """
        try:
            reply: Any = from_json(said, allow_inf_nan=False)
            if isinstance(reply, dict) and (known := cast(Reply, reply)).pop("number", None) == self._asked:
                return known
        except ValueError:
            log.warning("a process of %r says what is no JSON", self._repo)
        self.end()
        return None

    def _failed(self, one: Source, how: str) -> ProblemError:
        hint = f"`factor12 check {one.repo}` tries it alone."
        return ProblemError("internal", f"The process of {one.file} of {one.repo!r} {how}.", hint)

    @property
    def is_asked(self) -> bool:
        return self._turn.locked()

    def end(self) -> str:
        """Kill the process, if there is one, and say how it had ended."""
        process, self._process, self.known = self._process, None, {}
        self._sent.clear()
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
            ProblemError: It does not start; `refused` where the person wants a sandbox and there is none.
        """
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.end()
        box = await run_sync(box_for, self._sandbox)
        try:
            self._process = process = self._start(boxed=box != "none")
        except OSError as error:
            raise self._not_started(str(error)) from error
        with anyio.move_on_after(START_S):
            if await _read(_of(process.stdout)) == b"{}\n":
                return process
        raise self._not_started(self.end())

    def _not_started(self, why: str) -> ProblemError:
        message = f"No process for agents of {self._repo!r} could be started ({why})."
        return ProblemError("internal", message, "`factor12 doctor` looks at the sandbox, among others.")

    def _start(self, *, boxed: bool) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-s", "-P", "-m", "mcp_server.custom_process", self._repo]
        process = subprocess.Popen(
            self._sandbox.seal(command, CODE) if boxed else command,
            cwd="/",
            env=dict(ENVIRONMENT),
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
    """Return one line; less of it if the process died, more than the most if it says more than anybody asked for."""
    found = bytearray()
    while not found.endswith(b"\n") and len(found) <= LARGEST_REPLY:
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
