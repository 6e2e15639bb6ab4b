"""Subscriptions to tasks: who is told, of what, and whichever process moved the thread."""

from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.shared.exceptions import MCPError

from agents.runtime.engine import Launch
from mcp_server.compose import running
from tests.mcp_server.byhand import ENVELOPE, hosted
from tests.mcp_server.door import door, settings_in, task
from tests.mcp_server.taskclient import TASKS, filled, tasking
from tests.mcp_server.toys import AGENTS, TOOLS

pytestmark = pytest.mark.anyio

QUICK: dict[str, Any] = {"FACTOR12_INLINE_WAIT_S": "0"}
CAPABILITIES: dict[str, Any] = {"extensions": {TASKS: {}}, "elicitation": {}}
DECLARED = {**ENVELOPE, "io.modelcontextprotocol/clientCapabilities": CAPABILITIES}


@pytest.mark.requirement("R7")
async def test_a_subscriber_hears_of_every_step_of_a_task_as_it_would_read_it(shop: Path) -> None:
    async with door(shop.parent) as at, tasking(at.runtime) as host, anyio.create_task_group() as group:
        task_id = await host.begin("errand", **task("ask person", "ask"))
        group.start_soon(host.listen, [task_id, task_id])
        for answer in ("red", "blue"):
            asked = await host.notices.until(task_id, "input_required")
            read = await host.get(task_id)
            assert {name: asked[name] for name in asked if name != "_meta"} == {
                name: read[name] for name in read if name not in ("_meta", "resultType")
            }
            host.notices.told.clear()
            await host.update(task_id, {key: filled(answer) for key in asked["inputRequests"]})
        ended = await host.notices.until(task_id, "completed")
        assert ended["result"] == (await host.get(task_id))["result"]
        group.cancel_scope.cancel()


@pytest.mark.requirement("R7", "R6")
async def test_a_subscriber_hears_what_another_process_did(shop: Path) -> None:
    async with door(shop.parent) as at, tasking(at.runtime) as host, anyio.create_task_group() as group:
        task_id = await host.begin("errand", **task("ask person", "add a 1"))
        group.start_soon(host.listen, [task_id])
        await host.notices.until(task_id, "input_required")
        async with running(settings_in(shop.parent), shop, agents=AGENTS, tools=TOOLS) as other:
            await other.engine.answer(task_id.split("@")[0], "0:ask", "red", channel="terminal", person=True)
            ended = await host.notices.until(task_id, "completed")
        assert ended["result"]["structuredContent"]["outcome"] == "done" and (shop / "a").read_text() == "1"
        group.cancel_scope.cancel()


async def test_a_task_that_is_over_is_told_of_once(shop: Path) -> None:
    async with door(shop.parent, **QUICK) as at, tasking(at.runtime) as host, anyio.create_task_group() as group:
        done, going = await host.begin("holder"), await host.begin("holder", name="other")
        (shop / "go").write_text("gone")
        await host.until(done, "completed")
        group.start_soon(host.listen, [done, going])
        await host.notices.until(going, "working")
        (shop / "other").write_text("gone")
        await host.notices.until(going, "completed")
        assert [one["status"] for one in host.notices.told if one["taskId"] == done] == ["completed"]
        group.cancel_scope.cancel()


@pytest.mark.parametrize("given", [["x"] * 101, [7], "latest", {"a": 1}])
async def test_what_is_no_list_of_tasks_is_refused(shop: Path, given: Any) -> None:
    async with door(shop.parent) as at, tasking(at.runtime) as host:
        with pytest.raises(MCPError) as refused:
            await host.listen(given)
        assert refused.value.error.code == -32602


@pytest.mark.requirement("R8")
async def test_over_pipes_only_known_tasks_are_agreed_to_and_only_for_who_declares_tasks(shop: Path) -> None:
    async with running(settings_in(shop.parent), shop, agents=AGENTS, tools=TOOLS) as other:
        theirs = await other.engine.launch(Launch("errand", task("ask"), "default", principal="somebody"))
        mine = await other.engine.launch(Launch("errand", task("ask"), "default"))
        for thread in (theirs, mine):
            await other.engine.wait(thread.id, 10)
    wanted = [f"{theirs.id}@1e", f"{mine.id}@1e", "latest", f"{mine.id}@1e"]
    async with hosted(shop, greeted=False) as host:
        refused = await host.ask("subscriptions/listen", _meta=ENVELOPE, notifications={"taskIds": wanted})
        assert (await host.answer(refused))["error"]["code"] == -32021
        known = await host.ask(
            "subscriptions/listen", _meta=DECLARED, notifications={"taskIds": wanted, "toolsListChanged": True}
        )
        first, second = await host.receive(), await host.receive()
        assert first["method"] == "notifications/subscriptions/acknowledged"
        assert first["params"]["notifications"] == {"taskIds": [f"{mine.id}@1e"], "toolsListChanged": True}
        assert second["method"] == "notifications/tasks" and second["params"]["status"] == "input_required"
        assert second["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"] == known
