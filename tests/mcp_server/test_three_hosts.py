"""One thread in three places: asked over HTTP, answered at a terminal, finished by another host over stdio."""

from pathlib import Path

import anyio
import pytest
from anyio.to_thread import run_sync
from mcp import Client

from tests.agents.shop import SHOP
from tests.conftest import repository
from tests.mcp_server.door import Calls, structured
from tests.mcp_server.http_server import served
from tests.mcp_server.process import piped
from tests.mcp_server.shell import Shell

pytestmark = pytest.mark.anyio
WARY = {"FACTOR12_TRUSTED_ROOTS": "", "FACTOR12_SANDBOX": "off"}


@pytest.mark.requirement("R8", "F6", "F11")
async def test_an_approval_asked_in_one_host_is_answered_at_a_terminal_and_finished_in_a_third(tmp_path: Path) -> None:
    shop = repository(tmp_path / "src/shop", SHOP)
    with served(shop, FACTOR12_TRUSTED_ROOTS="", FACTOR12_SANDBOX="off") as (_, url), anyio.fail_after(60):
        async with Client(f"{url}/mcp") as client:
            asked = await Calls(client).told("testing")
            named = {"thread_id": asked["thread_id"], "key": asked["question"]["key"]}
            assert asked["question"]["kind"] == "approval"
            refused = await Calls(client).problem("thread_answer", answer="approve", **named)
            assert refused["kind"] == "refused"
    await run_sync(approved, Shell(shop, shop.parent / "state", WARY), asked["thread_id"])
    async with piped(shop, FACTOR12_TRUSTED_ROOTS="", FACTOR12_SANDBOX="off") as host:
        before = await host.told("thread_history", thread_id=asked["thread_id"])
        assert [one["kind"] for one in before["events"]][-1] == "answered", "nobody went on with it yet"
        ended = structured(await host.call("thread_wait", thread_id=asked["thread_id"], wait=40))
    assert "1 passed, 1 failed" in ended["output"]["summary"], "the tests of the shop are red, and have been run"


def approved(shell: Shell, thread_id: str) -> None:
    """Answer as a person does: with the code that stands on the screen and nowhere else."""
    with shell.person("answer", thread_id, "--wait", "0") as person:
        person.sees("Your answer: ")
        person.types("approve")
        person.types(person.sees("type the code ([A-Z2-9]{4}): ")[1])
        person.leaves()
