"""The writing hand of one driver: its lease, the thread as it knows it, and how both meet signals."""

import logging
from collections.abc import Mapping

from agents.runtime.bells import Bells
from agents.runtime.patience import patiently
from state import fold
from state.events import Event, Launched, Spawned
from state.sqlite import StoreError
from state.store import Fenced, Lease, Moved, Store
from state.thread import Thread

log = logging.getLogger(__name__)


class Pen:
    """Appends under one lease. `thread` is the fold of everything this driver has seen."""

    def __init__(self, store: Store, lease: Lease, thread: Thread, bells: Bells) -> None:
        self._store = store
        self._lease = lease
        self._bells = bells
        self.thread = thread

    async def decide(self, *events: Event, durable: bool = False) -> None:
        """Append a decision.

        Raises:
            Moved: A signal came first; fold it and decide anew.
            Fenced: The lease was taken over.
        """
        self.thread = await patiently(self._store.append, self._lease, self.thread, *events, durable=durable)
        self._bells.show(self.thread)

    async def spawn(self, spawned: Spawned, children: Mapping[str, Launched]) -> None:
        """Append that children were started, and start them. Raises as `decide`."""
        self.thread = await patiently(self._store.spawn, self._lease, self.thread, spawned, children)
        self._bells.show(self.thread)

    async def record(self, *events: Event, durable: bool = False) -> None:
        """Append an outcome. A signal that came first is folded and the outcome appended after it, never lost.

        Only a thread that was ended meanwhile takes no more.

        Raises:
            Fenced: The lease was taken over.
        """
        while not self.thread.ended:
            try:
                return await self.decide(*events, durable=durable)
            except Moved:
                self.catch_up()

    async def leave(self, *notes: Event) -> None:
        """Let go whatever happened, saying why if the thread is still this driver's own and can be written to.

        A store that cannot be written to must not take the process down: the lease runs out by itself.
        """
        try:
            if notes and self.thread.status == "running":
                await self.record(*notes)
            while not await self.let_go():
                pass
        except Fenced:
            return
        except StoreError as error:
            log.error("thread %s: %s", self.thread.id, error)

    def fence(self) -> None:
        """Look whether the thread is still this driver's to work on; right before something changes (R6).

        Raises:
            Fenced: The lease was taken over, or the thread has ended.
        """
        if not self._store.holds(self._lease):
            raise Fenced(self.thread.id)

    async def renew(self) -> bool:
        """Show life; True if a signal waits to be folded.

        Raises:
            Fenced: The lease was taken over.
        """
        return await patiently(self._store.renew, self._lease) > self.thread.version

    async def let_go(self) -> bool:
        """Release the lease and wake who waits, unless a signal came since; False then."""
        if await patiently(self._store.release, self._lease, self.thread):
            self._bells.ring(self.thread.id)
            return True
        self.catch_up()
        return False

    def unread(self) -> list[Event]:
        """Return what others appended since this driver last looked."""
        return [record.event for record in self._store.read(self.thread.id, after=self.thread.version)]

    def catch_up(self) -> None:
        self.thread = fold.catch_up(self.thread, self.unread())
        self._bells.show(self.thread)
