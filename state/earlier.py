"""What one principal's agents did before: threads of the same agent, to be looked up by a tool that remembers."""

from contextlib import suppress
from dataclasses import dataclass

from state.events import Launched
from state.problem import ProblemError
from state.store import Search, Store
from state.thread import Thread

LOOKED_AT = 500
"""Threads whose beginning is read, the latest first."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """The other threads of a thread's principal and agent; never anybody else's."""

    store: Store
    of: Thread

    def launches(self) -> list[tuple[str, Launched]]:
        """Return ids and launches, the thread that moved last first."""
        rows = self.store.list(Search(agent=self.of.agent, limit=LOOKED_AT), self.of.principal)
        found: list[tuple[str, Launched]] = []
        for row in rows:
            with suppress(ProblemError):  # one that is damaged, or gone meanwhile, holds up no other
                first = self.store.read(row.thread_id, limit=1)[0].event
                if row.thread_id != self.of.id and isinstance(first, Launched):
                    found.append((row.thread_id, first))
        return found

    def thread(self, thread_id: str) -> Thread:
        """Return one of them.

        Raises:
            ProblemError: Its log cannot be read.
        """
        return self.store.load(thread_id)
