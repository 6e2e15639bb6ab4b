"""Work that outlasts its call: waited for by whoever asks for the same, told once, and never the end of the process."""

from collections.abc import AsyncGenerator

import anyio
import pytest

from mcp_server.background import Background

pytestmark = pytest.mark.anyio


@pytest.fixture
async def background() -> AsyncGenerator[Background]:
    made = Background()
    async with anyio.create_task_group() as group:
        group.start_soon(made.run)
        await anyio.wait_all_tasks_blocked()
        yield made
        group.cancel_scope.cancel()


@pytest.mark.requirement("R17")
async def test_the_same_is_begun_once_and_both_hear_of_it(background: Background) -> None:
    begun, go = list[int](), anyio.Event()

    async def act() -> str:
        begun.append(1)
        await go.wait()
        return "done"

    assert await background.within(0, "key", act) is None
    go.set()
    assert await background.within(20, "key", act) == "done" and begun == [1]
    assert await background.within(20, "key", act) == "done" and begun == [1, 1], "over is over"


async def test_what_nobody_foresaw_reaches_the_caller_and_the_rest_goes_on(
    background: Background, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails() -> None:
        raise RuntimeError("unforeseen")

    async def works() -> int:
        return 1

    with pytest.raises(RuntimeError, match="unforeseen"):
        await background.within(20, "key", fails)
    assert "key failed" in caplog.text
    assert await background.within(20, "key", works) == 1
