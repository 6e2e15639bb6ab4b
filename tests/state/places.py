"""Where a store stands in the tests: clocks that are set, processes that live or are gone, and short logs."""

import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from state.events import Asked, Launched, Question, RepositoryRef, Topic
from state.log import SqliteStore
from state.owner import this_process
from state.sqlite import Database
from state.store import Owner, Store

LEASE_S = 30.0
THREAD = "0123456789abcdef0123456789abcdef"
ELSEWHERE = Owner("another-host", 7, 1.0)
"""A process that can never be known to be dead."""


@dataclass
class Clock:
    """Both clocks of a process; `pass_by` moves them together, and either may be set alone."""

    wall: float = 1_700_000_000.0
    steady: float = 0.0

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


class Place(Protocol):
    """What a store must offer to be tested by `tests.state.conformance`."""

    clock: Clock

    def open(self, owner: Owner | None = None) -> Store:
        """Open the same store once more, as another process would; by default as this one."""
        ...


@dataclass
class SqlitePlace:
    """Stores over one SQLite file in a folder."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    store_type: type[SqliteStore] = SqliteStore

    @property
    def path(self) -> Path:
        return self.folder / "factor12.db"

    def open(self, owner: Owner | None = None) -> SqliteStore:
        if not self.path.exists():
            self.path.write_bytes(fresh_file())
        return self.store_type(
            Database(self.path),
            clock=lambda: self.clock.wall,
            monotonic=lambda: self.clock.steady,
            lease_s=LEASE_S,
            owner=owner,
        )


@cache
def fresh_file() -> bytes:
    """Return a migrated file without threads; making one from nothing takes long, for a disk is waited for."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "fresh.db"
        Database(path).close()
        return path.read_bytes()


@cache
def dead_owner() -> Owner:
    """Identify a process of this host that has ended."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return Owner(this_process().host, child.pid, 1.0)


def launched(**fields: Any) -> Launched:
    return Launched(agent="painter", session="s-1", task={"wall": "north"}, at=5.0).model_copy(update=fields)


def writing(key: str, name: str = "shop") -> RepositoryRef:
    """Return a repository that is written to, under this work-tree key."""
    return RepositoryRef(name=name, root=f"/repos/{name}", mode="write", key=key)


def asked(key: str, topic: Topic = "agent", *, about: str = "", binding: str = "") -> Asked:
    kind = "approval" if topic == "approval" else "decision" if topic == "decision" else "question"
    person = "anyone" if topic in ("agent", "decision") else "person"
    question = Question(key=key, kind=kind, answer_by=person, text=f"{topic}?")
    return Asked(key=key, question=question, topic=topic, about=about, binding=binding)
