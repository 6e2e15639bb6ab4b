"""Custom agents in a real server at pipes, killed: no process of theirs is left, and their threads go on (R6)."""

from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import psutil
import pytest

from tests.conftest import repository
from tests.mcp_server.byhand import Host, hosted
from tests.mcp_server.custom_repos import agent_file, sister
from tests.mcp_server.process import REAL, piped
from tests.processes import dies_within

pytestmark = pytest.mark.anyio
READS = "file = need(thread, read_file)(task.path)\n"
ASKS = agent_file(
    f"{READS}word = answer(thread, 'colour', 'Which?')\nreturn Done(Report(text=file.text + word))", name="asker"
).replace("import Agent", "import answer, Agent")
STUCK = agent_file(f"{READS}while True:\n    pass", name="slow")
FIXED = agent_file(f"{READS}return Done(Report(text=file.text))", name="slow")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    sister(tmp_path / "src", {"agents/asker.py": ASKS, "agents/slow.py": STUCK})
    return repository(tmp_path / "src/shop", {"README.md": "A shop.\n"})


async def deciding(host: Host, thread_id: str) -> list[psutil.Process]:
    """Wait until the file was read, after which the agent decides; return all processes that there are for that."""
    server = psutil.Process(host.process.pid)
    with anyio.fail_after(30):
        while not any(event["kind"] == "resolved" for event in await history(host, thread_id)):
            pass
        while not any("mcp_server.custom_process" in one.cmdline() for one in server.children(recursive=True)):
            await anyio.lowlevel.checkpoint()
    return server.children(recursive=True)


async def history(host: Host, thread_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await host.told("thread_history", thread_id=thread_id))["events"]
    return found


@pytest.mark.requirement("R6", "R10")
@pytest.mark.parametrize("sandbox", ["auto", "off"])
async def test_a_server_killed_while_an_agent_decides_leaves_no_process_and_its_thread_goes_on(
    shop: Path, sandbox: str
) -> None:
    async with hosted(shop, REAL, FACTOR12_SANDBOX=sandbox, FACTOR12_INLINE_WAIT_S="0") as host:
        begun = await host.told("lib__slow", repo="shop")
        assert begun["status"] == "running"
        left = await deciding(host, begun["thread_id"])
        host.process.kill()
        await host.process.wait()
    assert [dies_within(one.pid, 10) for one in left] == [True] * len(left)
    (shop.parent / "lib/agents/slow.py").write_text(FIXED)
    async with piped(shop, FACTOR12_SANDBOX=sandbox) as at:
        ended = await at.told("thread_wait", thread_id=begun["thread_id"])
        assert (ended["status"], ended["output"]) == ("completed", {"text": "A shop.\n"})


@pytest.mark.requirement("R6")
async def test_a_server_killed_while_a_thread_waits_loses_nothing_and_its_idle_agent_ends(shop: Path) -> None:
    async with hosted(shop, REAL) as host:
        waiting = await host.told("lib__asker", repo="shop")
        assert waiting["status"] == "waiting"
        left = await deciding(host, waiting["thread_id"])
        host.process.kill()
        await host.process.wait()
    assert [dies_within(one.pid, 10) for one in left] == [True] * len(left)
    async with piped(shop) as at:
        given = {"thread_id": waiting["thread_id"], "key": "colour", "answer": "blue"}
        assert (await at.told("thread_answer", **given))["output"] == {"text": "A shop.\nblue"}


@pytest.mark.requirement("R6")
async def test_a_server_that_leaves_while_an_agent_decides_does_not_take_that_for_its_fault(shop: Path) -> None:
    async with hosted(shop, REAL, FACTOR12_INLINE_WAIT_S="0") as host:
        begun = await host.told("lib__slow", repo="shop")
        left = await deciding(host, begun["thread_id"])
        await host.hang_up()
        assert await host.ends(10) == 0
    assert [dies_within(one.pid, 10) for one in left] == [True] * len(left)
    (shop.parent / "lib/agents/slow.py").write_text(FIXED)
    async with piped(shop) as at:
        ended = await at.told("thread_wait", thread_id=begun["thread_id"])
        assert (ended["status"], ended["output"]) == ("completed", {"text": "A shop.\n"})
