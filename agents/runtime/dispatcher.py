"""Drives threads inside this process, a bounded number at a time."""

from collections import deque
from collections.abc import Awaitable, Callable

import anyio


class InProcessDispatcher:
    """A queue of thread ids and the tasks that drive them. A wake is a hint: doubled and late ones are fine."""

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency
        self._queue: deque[str] = deque()
        self._queued: set[str] = set()
        self._running: set[str] = set()
        self._bell = anyio.Event()

    def wake(self, thread_id: str) -> None:
        """Drive the thread soon. One that runs here already is looked at once more when it rests."""
        if thread_id not in self._queued:
            self._queued.add(thread_id)
            self._queue.append(thread_id)
            self._bell.set()

    async def run(self, advance: Callable[[str], Awaitable[None]]) -> None:
        """Drive what is woken until cancelled; drives in flight are cancelled with it and let go of their leases."""
        async with anyio.create_task_group() as group:
            while True:
                while self._queue and len(self._running) < self._concurrency:
                    if (thread_id := self._next()) is None:
                        break
                    self._running.add(thread_id)
                    group.start_soon(self._drive, advance, thread_id)
                await self._bell.wait()
                self._bell = anyio.Event()

    def _next(self) -> str | None:
        for _ in range(len(self._queue)):
            thread_id = self._queue.popleft()
            if thread_id not in self._running:
                self._queued.discard(thread_id)
                return thread_id
            self._queue.append(thread_id)
        return None

    async def _drive(self, advance: Callable[[str], Awaitable[None]], thread_id: str) -> None:
        try:
            await advance(thread_id)
        finally:
            self._running.discard(thread_id)
            self._bell.set()
