"""Run a door's asynchronous work from the synchronous world around it."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from state.problem import cause

T = TypeVar("T")


def run(work: Callable[[], Awaitable[T]]) -> T:
    """Run it to its end and return what it returns. A problem arrives without the task groups it came through."""
    try:
        return anyio.run(work)
    except BaseExceptionGroup as group:
        raise cause(group) from group
