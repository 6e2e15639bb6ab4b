"""The store's contract, and what its answers mean. Any store must pass `tests/state/conformance.py`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict

from state.events import Event, Launched, Spawned
from state.problem import ProblemError
from state.spending import Spent
from state.thread import Thread


class Fenced(Exception):
    """Another driver took the thread over. This one must stop and change nothing (R6)."""


class Moved(Exception):
    """A signal was appended meanwhile. Fold it, append the outcome again, decide anew."""


class UnknownThread(ProblemError):
    """No thread has that id, or not for this principal."""

    def __init__(self, thread_id: str) -> None:
        super().__init__(
            "not_found", f"There is no thread {thread_id!r}.", "`thread_list` shows the threads there are."
        )


@dataclass(frozen=True, slots=True)
class Owner:
    """A process that may hold leases. The start time tells a reused pid apart."""

    host: str
    pid: int
    started: float


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to drive one thread until a later epoch takes it."""

    thread_id: str
    row: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Held:
    """Somebody else drives the thread."""

    by: Owner


class Record(NamedTuple):
    version: int
    at: float
    event: Event


@dataclass(frozen=True, slots=True)
class Created:
    thread: Thread
    new: bool
    """False: the idempotency key found this thread; nothing was appended."""


class Row(BaseModel):
    """One thread in a list: an index over its log."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    thread_id: str
    session: str
    agent: str
    status: Literal["running", "waiting", "completed", "failed", "cancelled", "interrupted"]
    outcome: str | None
    waiting_on: str | None
    question: str | None
    repo: str | None
    root: str | None
    branch: str | None
    issue: str | None
    version: int
    parent: str | None
    created_at: float
    updated_at: float


class Search(BaseModel):
    """Filters of a list, all optional, all joined by and. Parameters, never SQL."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    session: str | None = None
    repo: str | None = None
    """A repository's name, or its absolute path."""
    branch: str | None = None
    issue: str | None = None
    status: str | None = None
    agent: str | None = None
    limit: int = 20


class Store(Protocol):
    """An append-only log per thread, guarded by leases with epochs.

    Every writing method may raise `Locked`, after which the same call may be repeated.
    """

    def create(
        self, thread_id: str, launched: Launched, *then: Event, idempotency_key: str = "", arguments: str = ""
    ) -> Created:
        """Open a thread and, for repositories it writes to, take their work trees (R20).

        `then` follows the launch at once: a fork begins with what another thread went through.

        Raises:
            ProblemError: `busy` (a work tree is taken; names the holder), `conflict` (the idempotency key was used
                with other arguments).
        """
        ...

    def claim(self, thread_id: str) -> Lease | Held:
        """Take the lease if it is free, its owner is dead, or it stood still for one lifetime (R6).

        Raises:
            UnknownThread: No such thread.
        """
        ...

    def renew(self, lease: Lease) -> int:
        """Show life and return the head, which tells whether a signal arrived.

        Raises:
            Fenced: The lease was taken over.
        """
        ...

    def holds(self, lease: Lease) -> bool:
        """Tell whether the lease was not taken over and the thread has not ended."""
        ...

    def append(self, lease: Lease, thread: Thread, *events: Event, durable: bool = False) -> Thread:
        """Append after `thread.version`, all or nothing, and return the thread after it.

        The end of a child is written into its parent's log as well, and its parent gets back what it lent.

        Raises:
            Fenced: The lease was taken over.
            Moved: The log went on since `thread` was folded.
        """
        ...

    def spawn(self, lease: Lease, thread: Thread, spawned: Spawned, children: Mapping[str, Launched]) -> Thread:
        """Append `spawned` and open its children, by their ids: all or nothing.

        They take over the work trees that the thread hands down. Raises as `create` and `append`.
        """
        ...

    def release(self, lease: Lease, thread: Thread) -> bool:
        """Give the lease back, unless the log went on since `thread`; False then: look again."""
        ...

    def signal(self, thread: Thread, *events: Event) -> Thread:
        """Append without a lease: an answer, a cancel, which the children hear of too. Survives power loss.

        Raises:
            Moved: The log went on since `thread` was folded.
        """
        ...

    def driven(self, thread_id: str) -> bool:
        """Tell whether a live lease is on the thread; without one a running thread is interrupted."""
        ...

    def touched(self, thread_id: str) -> float:
        """Return when the thread's driver last showed life, or its log last moved it; epoch seconds."""
        ...

    def load(self, thread_id: str) -> Thread:
        """Fold the whole log.

        Raises:
            UnknownThread: No such thread.
        """
        ...

    def read(self, thread_id: str, after: int = 0, limit: int = -1) -> Sequence[Record]:
        """Return the records past version `after`, oldest first.

        Raises:
            UnknownThread: No such thread.
        """
        ...

    def due(self, since: float, limit: int = 100) -> Sequence[str]:
        """Return threads that should run and are driven by nobody, last touched after `since`."""
        ...

    def list(self, search: Search, principal: str = "") -> Sequence[Row]:
        """Return matching threads, the latest first."""
        ...

    def spent(self, principal: str, session: str) -> Spent:
        """Return what the models of all the session's threads took."""
        ...

    def find(self, thread_ids: Sequence[str]) -> Sequence[Row]:
        """Return the rows of those of these threads that there are, in any order."""
        ...

    def changes(self) -> int:
        """Return a number that differs after another connection wrote."""
        ...

    def put(self, data: bytes) -> str:
        """Keep `data` by its sha256 and return that in hex."""
        ...

    def get(self, digest: str) -> bytes | None: ...
