"""Tasks of real servers: over HTTP and pipes, after a kill -9 and a restart, for who may see them (R6, R8)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import httpx2 as httpx
import pytest

from tests.conftest import repository
from tests.mcp_server.byhand import ENVELOPE
from tests.mcp_server.door import task
from tests.mcp_server.http_server import bearer, served, token
from tests.mcp_server.process import TOYS, started
from tests.mcp_server.taskclient import TASKS, filled, tasking

pytestmark = pytest.mark.anyio

CAPABILITIES: dict[str, Any] = {"extensions": {TASKS: {}}, "elicitation": {"form": {}}}
DECLARED = {**ENVELOPE, "io.modelcontextprotocol/clientCapabilities": CAPABILITIES}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return repository(tmp_path / "src/shop", {"README": "A shop."})


def toys(shop: Path, **variables: str) -> Any:
    return served(shop, command=TOYS, **variables)


async def post(url: str, method: str, params: Mapping[str, Any], secret: str = "", **headers: str) -> Any:
    """Send one request of 2026-07-28 by hand, the headers as they must be or as given; return status and answer."""
    known = {
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": method,
        "Mcp-Name": headers.get("name", params.get("taskId") or params.get("name") or ""),
        **bearer(secret),
    }
    sent = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"_meta": DECLARED, **params}}
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        told = await client.post(f"{url}/mcp", json=sent, headers={k: v for k, v in known.items() if v})
    return told.status_code, told.json()


async def begun(url: str, secret: str, *told: str) -> str:
    """Call an errand that asks, and return its task once it does."""
    _, made = await post(url, "tools/call", {"name": "errand", "arguments": task(*told)}, secret)
    assert made["result"]["resultType"] == "task", made
    task_id = made["result"]["taskId"]
    while (await post(url, "tasks/get", {"taskId": task_id}, secret))[1]["result"]["status"] != "input_required":
        pass
    return task_id


@pytest.mark.requirement("R6", "R8", "F6")
async def test_a_task_outlives_a_kill_and_its_answer_after_a_restart_finishes_it(shop: Path) -> None:
    with toys(shop) as (process, url):
        async with tasking(f"{url}/mcp") as host:
            task_id = await host.begin("errand", **task("add a 1", "send box 7", "add a 1"))
            asked = await host.until(task_id, "input_required")
        process.kill()
        process.wait(10)
    with toys(shop) as (_, url):
        async with tasking(f"{url}/mcp") as host, anyio.create_task_group() as group:
            group.start_soon(host.listen, [task_id])
            assert await host.get(task_id) == asked
            (key,) = asked["inputRequests"]
            await host.update(task_id, {key: filled("approve")})
            ended = await host.until(task_id, "completed")
            assert (await host.notices.until(task_id, "completed"))["result"] == ended["result"]
            assert ended["result"]["structuredContent"]["outcome"] == "done"
            group.cancel_scope.cancel()
    assert (shop / "a").read_text() == "2" and (shop / "box").exists()


@pytest.mark.requirement("R6", "R3")
async def test_a_task_killed_at_work_is_taken_up_by_whoever_looks_at_it(shop: Path) -> None:
    with toys(shop, FACTOR12_INLINE_WAIT_S="0") as (process, url):
        async with tasking(f"{url}/mcp") as host:
            task_id = await host.begin("holder")
            assert (await host.get(task_id))["status"] == "working"
        process.kill()
        process.wait(10)
    with toys(shop) as (_, url):
        async with tasking(f"{url}/mcp") as host:
            assert (await host.get(task_id))["status"] == "working"
            (shop / "go").write_text("gone")
            ended = await host.until(task_id, "completed")
    assert ended["result"]["structuredContent"]["output"] == {"summary": "gone"}


@pytest.mark.requirement("F11")
async def test_over_pipes_a_task_is_asked_for_and_answered(shop: Path) -> None:
    async with tasking(started(shop, TOYS)) as host:
        task_id = await host.begin("errand", **task("send box 7"))
        (key,) = (await host.until(task_id, "input_required"))["inputRequests"]
        await host.update(task_id, {key: filled("approve")})
        assert (await host.until(task_id, "completed"))["result"]["structuredContent"]["outcome"] == "done"


@pytest.mark.requirement("R15")
async def test_the_name_in_the_headers_must_be_the_tasks(shop: Path) -> None:
    with toys(shop) as (_, url):
        task_id = await begun(url, "", "ask")
        named: dict[str, Any] = {"taskId": task_id, "inputResponses": {}}
        for name in ("another", f"{task_id}p", ""):
            for method in ("tasks/get", "tasks/update", "tasks/cancel"):
                status, told = await post(url, method, named, name=name)
                assert (status, told["error"]["code"]) == (400, -32020)
        status, told = await post(url, "tasks/get", named)
        assert status == 200 and told["result"]["status"] == "input_required"
        for removed in ("tasks/list", "tasks/result"):
            assert (await post(url, removed, named))[1]["error"]["code"] == -32601


@pytest.mark.requirement("R8", "R21")
async def test_two_principals_never_meet_and_a_token_does_what_its_scopes_say(shop: Path) -> None:
    approves = "read,run,approve"
    mine, theirs = token(shop, "me", approves), token(shop, "them", approves)
    reads = token(shop, "me", "read")
    runs = token(shop, "me", "read,run")
    with toys(shop) as (_, url):
        task_id = await begun(url, mine, "send box 7")
        (key,) = (await post(url, "tasks/get", {"taskId": task_id}, mine))[1]["result"]["inputRequests"]
        yes = {"taskId": task_id, "inputResponses": {key: filled("approve")}}
        for method in ("tasks/get", "tasks/update", "tasks/cancel"):
            told = (await post(url, method, yes, theirs))[1]
            assert told["error"]["code"] == -32602 and "There is no task" in told["error"]["message"]
        for method in ("tasks/update", "tasks/cancel"):
            told = (await post(url, method, yes, reads))[1]
            assert "scope 'run'" in told["error"]["message"]
        assert (await post(url, "tasks/get", yes, reads))[1]["result"]["status"] == "input_required"
        await post(url, "tasks/update", yes, runs)
        waiting = (await post(url, "tasks/get", {"taskId": task_id}, mine))[1]["result"]["result"]["structuredContent"]
        assert waiting["status"] == "waiting"
        cancel = {"name": "thread_cancel", "arguments": {"thread_id": waiting["thread_id"]}}
        assert not (await post(url, "tools/call", cancel, runs))[1]["result"]["isError"]
        errand = {"name": "errand", "arguments": task("send crate 7")}
        told = (await post(url, "tools/call", errand, runs))[1]["result"]
        assert told["resultType"] == "complete" and told["structuredContent"]["status"] == "waiting"
    assert not (shop / "box").exists() and not (shop / "crate").exists()
