"""Work that outlasts the call that began it: the call returns in time, the work goes on (R17)."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import anyio
from anyio.abc import TaskGroup

from state.problem import ProblemError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Work:
    over: anyio.Event = field(default_factory=anyio.Event)
    outcome: list[Any] = field(default_factory=list[Any])
    """One entry once it is over: a result, or what went wrong."""


class Background:
    """What runs in this process beside its calls, and ends with the process."""

    def __init__(self) -> None:
        self._group: TaskGroup | None = None
        self._running: dict[str, _Work] = {}

    async def run(self) -> None:
        """Have work done until cancelled."""
        async with anyio.create_task_group() as self._group:
            await anyio.sleep_forever()

    async def within(self, seconds: float, key: str, act: Callable[[], Awaitable[Any]]) -> Any:
        """Return what `act` returns, or `None` after so many seconds, while it goes on.

        What already runs under that key is waited for, and not begun again.
        """
        assert self._group is not None
        if (work := self._running.get(key)) is None:
            work = self._running[key] = _Work()
            self._group.start_soon(self._do, key, work, act)
        with anyio.move_on_after(seconds):
            await work.over.wait()
        for outcome in work.outcome:
            if isinstance(outcome, Exception):
                raise outcome
            return outcome
        return None

    async def _do(self, key: str, work: _Work, act: Callable[[], Awaitable[Any]]) -> None:
        try:
            work.outcome.append(await act())
        except ProblemError as error:
            log.info("%s: %s", key, error)  # for whoever has stopped waiting; who waits is told
            work.outcome.append(error)
        except Exception as error:
            log.exception("%s failed", key)
            work.outcome.append(error)
        finally:
            del self._running[key]
            work.over.set()
