"""Run a door's asynchronous work from the synchronous world around it."""

import os
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from state.problem import cause

T = TypeVar("T")
LAST_S = 2.6
"""By then a server that was told to end is gone, whatever hangs; what it drove is taken up elsewhere."""


def run(work: Callable[[], Awaitable[T]]) -> T:
    """Run it to its end and return what it returns. A problem arrives without the task groups it came through."""
    try:
        return anyio.run(work)
    except BaseExceptionGroup as group:
        raise cause(group) from group


def go_at_last() -> None:
    """End the process even if a thread hangs in the file system; a second signal need not be waited for."""
    last = threading.Timer(LAST_S, os._exit, [0])
    last.daemon = True
    last.start()
