"""The server's stdin and stdout: nothing but protocol on them (R11), no thread that cannot be stopped, no request lost.

The SDK's own transport reads in a thread that cannot be cancelled, drops what it cannot parse without an answer, and
forgets calls in flight when stdin ends. This one waits for readiness instead, answers every request, and knows which
are still open.
"""

import fcntl
import os
import select
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCError, JSONRPCMessage
from mcp_types.jsonrpc import JSONRPCNotification, JSONRPCRequest, JSONRPCResponse, RequestId

from mcp_server.frames import Frame, Refused, Splitter, parse
from state.problem import ProblemError

CHUNK = 1 << 16


@contextmanager
def claimed() -> Generator[tuple[int, int]]:
    """Take stdin and stdout for the protocol: what else reads finds nothing, what else prints goes to stderr.

    Raises:
        ProblemError: `bad_input`; one of them is closed.
    """
    if sys.stdin is None or sys.stdout is None:  # closed when Python started; the numbers mean other files by now
        what = "stdin and stdout must be open: a host speaks MCP over them."
        raise ProblemError("bad_input", what, "Start it from a host.")
    source, sink = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3) for fd in (0, 1))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    try:
        yield source, sink
    finally:
        os.dup2(source, 0)
        os.dup2(sink, 1)
        os.close(source)
        os.close(sink)


class Wire:
    """One connection over two descriptors."""

    def __init__(self, source: int, sink: int) -> None:
        self._source = source
        self._sink = sink
        self._writing = anyio.Lock()
        self._open: set[RequestId] = set()
        self._answered = anyio.Event()

    async def receive(self, inbox: MemoryObjectSendStream[SessionMessage | Exception]) -> None:
        """Hand on every message until the other side closes; answer what is none."""
        async for frame in _frames(self._source):
            match parse(frame):
                case None:
                    continue
                case Refused(answer):
                    await self._write(answer)
                case message:
                    self._note(message)
                    await inbox.send(SessionMessage(message))

    async def send(self, outbox: MemoryObjectReceiveStream[SessionMessage]) -> None:
        """Write every message until the server closes.

        Raises:
            BrokenPipeError: Nobody reads any more.
        """
        async for item in outbox:
            await self._write(item.message)
            if isinstance(item.message, JSONRPCResponse | JSONRPCError) and item.message.id is not None:
                self._close(item.message.id)

    async def drained(self) -> None:
        """Return once every request that came has its answer on the way."""
        while self._open:
            await self._answered.wait()

    def _note(self, message: JSONRPCMessage) -> None:
        match message:
            case JSONRPCRequest(id=known):
                self._open.add(known)
            case JSONRPCNotification(method="notifications/cancelled", params={"requestId": str() | int() as known}):
                self._close(known)
            case _:
                pass

    def _close(self, known: RequestId) -> None:
        self._open.discard(known)
        self._answered.set()
        self._answered = anyio.Event()

    async def _write(self, message: JSONRPCMessage) -> None:
        line = message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n"
        async with self._writing:
            await _write(self._sink, memoryview(line))


async def _frames(source: int) -> AsyncGenerator[Frame]:
    splitter = Splitter()
    while chunk := await _read(source):
        for frame in splitter.feed(chunk):
            yield frame
    for frame in splitter.end():
        yield frame


async def _read(source: int) -> bytes:
    while True:
        try:
            await anyio.wait_readable(source)
        except PermissionError:
            await anyio.lowlevel.checkpoint()  # a plain file, which is always ready
        try:
            return os.read(source, CHUNK)
        except BlockingIOError:
            continue


async def _write(sink: int, line: memoryview) -> None:
    """Write in pieces that a pipe that is ready takes whole, so that a slow reader holds up nothing but this."""
    while line:
        try:
            await anyio.wait_writable(sink)
        except PermissionError:
            await anyio.lowlevel.checkpoint()
        try:
            line = line[os.write(sink, line[: select.PIPE_BUF]) :]
        except BlockingIOError:
            continue
