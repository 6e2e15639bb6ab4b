"""The server as its host sees it: start, memory, the size of its tool list, one call. Spoken to without an SDK."""

import json
import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from typing import Any

import psutil

from benchmarks.figures import Figure, at_most, at_most_times, timed
from benchmarks.threads import make_finished, make_waiting

CHECKOUT = Path(__file__).resolve().parent.parent
OURS, BARE = ("mcp_server", "serve"), ("benchmarks.bare",)
SDK = "bare SDK server"
STARTS, CALLS, MEMORIES, IDLE_S = 7, 300, 3, 5.0
HELLO = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}


class Connection:
    """A host: JSON-RPC, one message a line."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._asked = 0

    def ask(self, method: str, **params: Any) -> bytes:
        """Send a request and return the line that answers it."""
        self._asked += 1
        self._send({"jsonrpc": "2.0", "id": self._asked, "method": method, "params": params})
        while line := self.process.stdout.readline():
            if json.loads(line).get("id") == self._asked:
                return line
        raise AssertionError("the server has gone")

    def greet(self) -> bytes:
        """Shake hands and return the list of tools."""
        self.ask("initialize", **HELLO)
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return self.ask("tools/list")

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        result = json.loads(self.ask("tools/call", name=tool, arguments=arguments))["result"]
        assert not result.get("isError"), result
        return result

    def _send(self, message: dict[str, Any]) -> None:
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()


@contextmanager
def connected(program: tuple[str, ...], state: Path) -> Generator[Connection]:
    """Start a server and be its host until the block ends."""
    environment = {**os.environ, "FACTOR12_STATE_DIR": str(state), "XDG_CONFIG_HOME": str(state / "config")}
    command = [sys.executable, "-m", *program]
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=CHECKOUT, env=environment, **pipes) as process:
        yield Connection(process)
        process.stdin.close()
        process.wait(10)


def figures(folder: Path) -> Iterator[Figure]:
    known, state = make_finished(folder / "server" / "factor12.db"), folder / "server"
    yield _start(state)
    with connected(OURS, state) as ours, connected(BARE, state) as bare:
        listed = ours.greet()
        bare.greet()
        yield Figure("list of tools", len(listed) / 1e3, "kB")
        yield at_most_times("idle resident memory", _resident(ours), "MB", _resident(bare), SDK, 1.2)
        wait = timed(lambda: ours.call("thread_wait", thread_id=known), CALLS)
        empty = timed(lambda: bare.call("nothing"), CALLS)
        what = "thread_wait on an ended thread over stdio, p50"
        yield at_most_times(what, 1e3 * wait, "ms", 1e3 * empty, f"{SDK}'s empty tool", 1.5)
    yield from _crowded(folder / "crowd", state)


def _start(state: Path) -> Figure:
    """Time both in turns, so that whatever else the machine does falls on both."""
    taken: dict[tuple[str, ...], list[float]] = {OURS: [], BARE: []}
    for _ in range(STARTS):
        for program, times in taken.items():
            start = perf_counter()
            with connected(program, state) as server:
                server.greet()
                times.append(perf_counter() - start)
    ours, bare = (1e3 * median(times) for times in taken.values())
    return at_most_times("start to the first answered tools/list", ours, "ms", bare, SDK, 1.1)


def _crowded(crowd: Path, alone: Path) -> Iterator[Figure]:
    yield make_waiting(crowd / "factor12.db")
    what = "memory of an idle server with 10,000 waiting threads"
    yield at_most_times(what, _least_memory(crowd), "MB", _least_memory(alone), "the same without them", 1.02)
    with connected(OURS, crowd) as full:
        full.greet()
        before = _cpu(full)
        sleep(IDLE_S)
        yield at_most("its CPU", 100 * (_cpu(full) - before) / IDLE_S, "%", 1)
        listing = timed(lambda: full.call("thread_list", status="waiting"), 21)
        yield at_most("thread_list with 10,000 waiting threads, over stdio", 1e3 * listing, "ms", 20)


def _least_memory(state: Path) -> float:
    """Return the least of several starts: now and then a process keeps a few megabytes more, whatever it has done."""
    taken: list[float] = []
    for _ in range(MEMORIES):
        with connected(OURS, state) as server:
            server.greet()
            taken.append(_resident(server))
    return min(taken)


def _resident(server: Connection) -> float:
    return psutil.Process(server.process.pid).memory_info().rss / 1e6


def _cpu(server: Connection) -> float:
    used = psutil.Process(server.process.pid).cpu_times()
    return used.user + used.system
