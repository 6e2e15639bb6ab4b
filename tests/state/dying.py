"""A program that forks workers on a store and lets them die, before their n-th SQL statement or at some moment.

It reads a list of jobs per line, runs them at the same time and answers with what each said before it ended. It has no
threads, so forking it is safe, and a worker starts in milliseconds.
"""

import json
import os
import select
import signal
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NotRequired, TypedDict, cast

import state.migrations
from state.events import Resolved
from state.log import SqliteStore
from state.sqlite import Database, Locked
from state.store import Lease
from tests.state.places import THREAD, launched

Say = Callable[[str | int], None]
assert state.migrations.migration, "imported here, so that no worker has to"


class Job(TypedDict):
    """What a worker does, and how it dies if it does."""

    work: str
    path: str
    thread: NotRequired[str]
    count: NotRequired[int]
    before_statement: NotRequired[int]
    after_s: NotRequired[float]
    """Counted from the first thing it said."""


class Ended(TypedDict):
    said: list[str]
    """Line by line, each written only when it was true."""
    killed: bool
    status: int


def opening(job: Job, say: Say) -> None:
    """Open the file, which makes it if need be."""
    Database(Path(job["path"])).close()
    say("opened")


def appending(job: Job, say: Say) -> None:
    """Drive the thread on, saying each version once it is acknowledged."""
    store = SqliteStore(Database(Path(job["path"])))
    lease, thread = store.claim(THREAD), store.load(THREAD)
    assert isinstance(lease, Lease), f"held by {lease.by}"
    for _ in range(job.get("count", 0)):
        event = Resolved(key=str(thread.version), value="x" * 200, tool="look", args={})
        thread = store.append(lease, thread, event, durable=thread.version % 5 == 0)
        say(thread.version)


def crowding(job: Job, say: Say) -> None:
    """Write to a thread of one's own beside others, repeating what was locked, and say how it ended."""
    name = job.get("thread", THREAD)
    store = SqliteStore(patiently(lambda: Database(Path(job["path"]))))
    thread = patiently(lambda: store.create(name, launched())).thread
    lease = patiently(lambda: store.claim(name))
    assert isinstance(lease, Lease)
    for number in range(job.get("count", 0)):
        event = Resolved(key=str(number), value=number, tool="look", args={})
        thread = patiently(lambda thread=thread, event=event: store.append(lease, thread, event))
    say(thread.version)


def patiently(call: Callable[[], Any]) -> Any:
    while True:
        try:
            return call()
        except Locked:
            continue


WORK = {work.__name__: work for work in (opening, appending, crowding)}


@dataclass
class Worker:
    """A forked child, and the pipe that it speaks through."""

    job: Job
    pid: int
    heard: int

    def ended(self) -> Ended:
        if (after := self.job.get("after_s")) is not None:
            select.select([self.heard], [], [])
            select.select([], [], [], after)
            os.kill(self.pid, signal.SIGKILL)
        with os.fdopen(self.heard, encoding="utf-8") as pipe:
            said = pipe.read().splitlines()
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return Ended(said=said, killed=status == -signal.SIGKILL, status=status)


def fork(job: Job) -> Worker:
    heard, spoken = os.pipe()
    if pid := os.fork():
        os.close(spoken)
        return Worker(job, pid, heard)
    said = os.fdopen(spoken, "w", encoding="utf-8")
    status = 1
    try:
        if last := job.get("before_statement"):
            die_before(last)
        WORK[job["work"]](job, lambda line: print(line, file=said, flush=True))
        status = 0
    finally:
        sys.setprofile(None)
        if status:
            print(repr(sys.exc_info()[1]), file=said, flush=True)
        os._exit(status)


def die_before(last: int) -> None:
    """Kill this process when it is about to run its `last` statement on any connection."""
    left = last

    def watch(_: FrameType, event: str, called: Any) -> None:
        nonlocal left
        if event == "c_call" and called.__name__ == "execute" and isinstance(called.__self__, sqlite3.Connection):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(watch)


def main() -> None:
    for line in sys.stdin:
        workers = [fork(job) for job in cast(list[Job], json.loads(line))]
        print(json.dumps([worker.ended() for worker in workers]), flush=True)


if __name__ == "__main__":
    main()
