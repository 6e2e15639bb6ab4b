"""Do several things at the same time, and fail as if they were done one after the other."""

from collections.abc import Awaitable, Callable

import anyio

from tools.errors import ToolError


async def together(*acts: Callable[[], Awaitable[None]]) -> None:
    """Do several things at the same time; the first that fails stops the others.

    Raises:
        ToolError: One failed.
    """
    failed: list[ToolError] = []

    async def act(one: Callable[[], Awaitable[None]]) -> None:
        try:
            await one()
        except ToolError as error:
            failed.append(error)
            group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for one in acts:
            group.start_soon(act, one)
    if failed:
        raise failed[0]
