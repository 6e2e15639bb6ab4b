"""More than anybody needs: huge arguments, a thousand calls, starts and cancels; the next good call is answered."""

import time
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.mcp_server.door import Door, door, structured, task
from tools.edits import REDACTED

pytestmark = pytest.mark.anyio
LARGE = "x" * 10_000_000


async def alive(at: Door) -> None:
    assert (await at.told("repo_current"))["repo"] == "shop"


@pytest.mark.requirement("R15")
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("repo_switch", {"repo": LARGE}),
        ("thread_history", {"thread_id": LARGE}),
        ("checkpoint_diff", {"checkpoint_id": LARGE}),
        ("checkpoint_restore", {"checkpoint_id": f"{LARGE}@1", "dry_run": False}),
        ("errand", {"nothing": LARGE}),
        ("repo_current", {"session": LARGE}),
    ],
)
async def test_ten_megabytes_of_an_argument_are_answered_in_one_short_line(
    name: str, arguments: dict[str, Any], shop: Path
) -> None:
    async with door(shop.parent) as at:
        error = await at.problem(name, **arguments)
        assert len(str(error)) < 5000
        await alive(at)


async def test_a_thousand_calls_at_once_are_all_answered(shop: Path) -> None:
    answered: list[bool] = []
    async with door(shop.parent) as at:
        begun = time.monotonic()

        async def one(number: int) -> None:
            name = "repo_list" if number % 2 else "thread_list"
            answered.append((await at.call(name)).is_error or False)

        async with anyio.create_task_group() as calls:
            for number in range(1000):
                calls.start_soon(one, number)
        assert answered == [False] * 1000 and time.monotonic() - begun < 25
        await alive(at)


async def test_fifty_starts_and_cancels_leave_nothing_running(shop: Path) -> None:
    async with door(shop.parent) as at:

        async def one(number: int) -> None:
            started = structured(await at.call("holder", {"wait": 0}, name=f"never-{number}"))
            assert (await at.told("thread_cancel", thread_id=started["thread_id"]))["status"] == "cancelled"

        for start in range(0, 50, 10):
            async with anyio.create_task_group() as calls:
                for number in range(start, start + 10):
                    calls.start_soon(one, number)
        assert not (await at.told("thread_list", status="running"))["threads"]
        await alive(at)


async def test_a_secret_in_a_file_is_in_no_patch_and_no_line_of_a_checkpoint(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = "ghp_" + "a1" * 18
    monkeypatch.setenv("SHOP_API_KEY", "open-sesame-1234")
    async with door(shop.parent) as at:
        done = await at.told("errand", **task("add a 2"))
        [first] = (await at.told("checkpoint_list", thread_id=done["thread_id"]))["checkpoints"]
        (shop / "a").write_text(f"key open-sesame-1234 {token}\n")
        (shop / "open-sesame-1234.txt").write_text("x\n")
        shown = str(await at.call("checkpoint_diff", checkpoint_id=first["checkpoint_id"]))
        shown += str(await at.call("repo_current"))
        assert "open-sesame" not in shown and token not in shown and REDACTED in shown
