"""Wake-ups inside one process: who waits for a thread hears of its next event at once."""

import anyio


class Bells:
    """One event per thread that somebody waits for. Rung, it is replaced, so nobody spins on a set event."""

    def __init__(self) -> None:
        self._events: dict[str, anyio.Event] = {}
        self.closed = False
        """The process is going: nobody waits any longer."""

    def ring(self, thread_id: str) -> None:
        """Wake everybody who waits for the thread."""
        if (event := self._events.pop(thread_id, None)) is not None:
            event.set()

    def close(self) -> None:
        """Let every waiting call answer at once with the thread as it is."""
        self.closed = True
        for thread_id in list(self._events):
            self.ring(thread_id)

    def next(self, thread_id: str) -> anyio.Event:
        """Return the event that the next ring sets."""
        return self._events.setdefault(thread_id, anyio.Event())
