"""Waiting for a store that another process is writing to, without holding up the event loop."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import anyio

from state.sqlite import Locked

P = ParamSpec("P")
R = TypeVar("R")
PATIENCE_S = 10.0


async def patiently(call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Repeat a store call while the file is locked.

    Raises:
        Locked: It stayed locked for `PATIENCE_S` seconds.
    """
    deadline = None
    while True:
        try:
            return call(*args, **kwargs)
        except Locked:
            deadline = deadline or anyio.current_time() + PATIENCE_S
            if anyio.current_time() > deadline:
                raise
            await anyio.sleep(0.01)
