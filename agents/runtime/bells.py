"""Wake-ups inside one process: who waits for a thread hears of its rest at once, and knows what its driver knows."""

from collections.abc import Generator
from contextlib import contextmanager

import anyio

from state.thread import Thread


class Bell:
    """One thread that somebody in this process waits for."""

    def __init__(self) -> None:
        self.listeners = 0
        self.rung = anyio.Event()
        self._shown: Thread | None = None

    def ring(self) -> None:
        """Wake everybody who listens; the event is replaced, so that nobody spins on a set one."""
        self.rung.set()
        self.rung = anyio.Event()

    def show(self, thread: Thread) -> None:
        self._shown = thread

    def newest(self, thread: Thread) -> Thread:
        """Return what the driver has folded already, if that is more than `thread`: any fold is a part of the log."""
        shown = self._shown
        return thread if shown is None or shown.version <= thread.version else shown


class Bells:
    """The bells of all threads that are waited for."""

    def __init__(self) -> None:
        self._bells: dict[str, Bell] = {}
        self.doing: dict[str, str] = {}
        """Thread → what takes long at the moment and stands in no log."""
        self.closed = False
        """The process is going: nobody waits any longer."""

    @contextmanager
    def listen(self, thread_id: str) -> Generator[Bell]:
        """Keep the thread's bell for as long as somebody listens."""
        bell = self._bells.setdefault(thread_id, Bell())
        bell.listeners += 1
        try:
            yield bell
        finally:
            bell.listeners -= 1
            if not bell.listeners:
                del self._bells[thread_id]

    def show(self, thread: Thread) -> None:
        """Tell listeners how far the thread's driver is, so that they need not fold its log a second time."""
        if (bell := self._bells.get(thread.id)) is not None:
            bell.show(thread)

    def ring(self, thread_id: str) -> None:
        """Wake everybody who waits for the thread."""
        if (bell := self._bells.get(thread_id)) is not None:
            bell.ring()

    def close(self) -> None:
        """Let every waiting call answer at once with the thread as it is."""
        self.closed = True
        for bell in self._bells.values():
            bell.ring()
