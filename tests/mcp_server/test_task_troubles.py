"""Tasks when something is in the way: threads that nobody drives, damaged logs, forms asked again meanwhile."""

from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.client import ClientRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitRequestParams, ElicitResult, InputRequiredResult

from agents.runtime.engine import TICK_S, Launch
from mcp_server.app import build_server
from mcp_server.compose import compose
from mcp_server.tasks import said
from tests.mcp_server.door import Door, Person, accept, door, settings_in, structured, task
from tests.mcp_server.taskclient import filled, tasking
from tests.mcp_server.toys import AGENTS, TOOLS

pytestmark = pytest.mark.anyio


async def abandoned(shop: Path, *told: str) -> str:
    """Launch a thread in a process that never drives it, and return its id."""
    runtime = compose(settings_in(shop.parent), shop, agents=AGENTS, tools=TOOLS)
    thread = await runtime.engine.launch(Launch("errand", task(*told), "default"))
    runtime.database.close()
    return thread.id


def spoil(at: Door, statement: str) -> None:
    with at.runtime.database.transaction() as db:
        db.execute(statement)


@pytest.mark.requirement("R6", "R21")
async def test_whoever_looks_at_a_task_has_its_thread_driven(shop: Path) -> None:
    thread_id = await abandoned(shop, "ask")
    async with door(shop.parent) as at, tasking(at.runtime) as host:
        assert (await host.until(f"{thread_id}@1e", "input_required"))["inputRequests"]


@pytest.mark.requirement("R21")
async def test_a_thread_that_nobody_drives_unasked_any_longer_ends_its_task_as_interrupted(shop: Path) -> None:
    thread_id = await abandoned(shop, "ask")
    async with door(shop.parent, FACTOR12_AUTO_RESUME_S="0") as at, tasking(at.runtime) as host:
        spoil(at, "update threads set updated_at = 0")
        ended = await host.get(f"{thread_id}@1e")
        assert ended["status"] == "completed"
        assert ended["result"]["structuredContent"]["status"] == "interrupted"
        told = await at.told("thread_resume", thread_id=thread_id)
        assert told["status"] == "waiting"
        assert await host.get(f"{thread_id}@1e") == ended


@pytest.mark.requirement("R15")
async def test_a_log_that_cannot_be_read_is_said_as_an_error_inside_the_server(shop: Path) -> None:
    async with door(shop.parent) as at, tasking(at.runtime) as host:
        task_id = await host.begin("errand", **task("ask"))
        await host.until(task_id, "input_required")
        spoil(at, "update events set data = 'x' where kind = 'asked'")
        with pytest.raises(MCPError, match="factor12 doctor") as refused:
            await host.get(task_id)
        assert refused.value.error.code == -32603


@pytest.mark.requirement("R15")
def test_what_nobody_foresaw_is_an_error_without_its_details(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(MCPError) as refused, said():
        raise RuntimeError("a secret")
    assert refused.value.error.code == -32603 and "secret" not in refused.value.error.message
    assert "a secret" in caplog.text


async def test_a_subscription_survives_a_log_it_cannot_read_and_a_thread_that_was_forgotten(
    shop: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with door(shop.parent) as at, tasking(at.runtime) as host, anyio.create_task_group() as group:
        forgotten, damaged = [await host.begin("errand", **task("ask"), isolation="worktree") for _ in range(2)]
        for one in (forgotten, damaged):
            await host.until(one, "input_required")
        group.start_soon(host.listen, [forgotten, damaged])
        await host.notices.until(damaged, "input_required")
        thread_id = damaged.split("@")[0]
        spoil(at, f"delete from threads where public = '{forgotten.split('@')[0]}'")
        await at.runtime.engine.answer(thread_id, "0:ask", "red", channel="terminal", person=True)
        spoil(at, "update events set data = 'x' || data where kind = 'answered'")
        while "was not looked at" not in caplog.text:
            with anyio.move_on_after(TICK_S):
                await anyio.Event().wait()
        spoil(at, "update events set data = substr(data, 2) where kind = 'answered'")
        at.runtime.engine.wake(thread_id)
        await host.notices.until(damaged, "completed")
        group.cancel_scope.cancel()


async def test_a_subscription_that_the_server_refuses_is_refused_with_tasks_as_well(shop: Path) -> None:
    async with door(shop.parent) as at, tasking(at.runtime) as host:
        with pytest.raises(MCPError) as refused:
            await host.listen(["x"], toolsListChanged="perhaps")
        assert refused.value.error.code == -32602


@pytest.mark.requirement("R8")
async def test_a_form_of_a_call_is_answered_by_a_client_that_has_tasks_by_now(shop: Path) -> None:
    async with door(shop.parent, person=Person()) as at, tasking(at.runtime) as host:
        errand = task("ask person", "ask")
        asked = await at.client.session.call_tool("errand", errand, allow_input_required=True)
        assert isinstance(asked, InputRequiredResult)
        made: Any = await host.client.session.call_tool(
            "errand",
            errand,
            input_responses={"question-0": accept("green")},
            request_state=asked.request_state,
            allow_input_required=True,
            allow_claimed=True,
        )
        asks = await host.until(made.model_extra["taskId"], "input_required")
        (key,) = asks["inputRequests"]
        await host.update(asks["taskId"], {key: filled("blue")})
        ended = await host.until(asks["taskId"], "completed")
        assert ended["result"]["structuredContent"]["output"]["results"] == {"0:ask": "green", "1:ask": "blue"}


@pytest.mark.requirement("R17")
async def test_a_form_stays_open_while_the_same_question_is_asked_anew(shop: Path) -> None:
    async with door(shop.parent) as at:

        async def slow(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
            waiting = at.runtime.find("latest")
            await at.runtime.engine.ask_anew(waiting)
            assert at.runtime.find("latest").version == waiting.version + 1
            with anyio.move_on_after(3 * TICK_S):
                await anyio.Event().wait()
            return accept("red")

        async with Client(build_server(at.runtime), mode="legacy", elicitation_callback=slow) as client:
            told = structured(await client.call_tool("errand", task("ask person")))
        assert told["output"]["results"] == {"0:ask": "red"}


async def test_a_question_that_is_not_open_any_longer_is_not_asked_anew(shop: Path) -> None:
    async with door(shop.parent) as at:
        waiting = await at.told("errand", **task("ask"))
        before = at.runtime.find(waiting["thread_id"])
        await at.told("thread_answer", thread_id=before.id, key="0:ask", answer="red")
        after = at.runtime.find(before.id)
        for thread in (before, after):
            await at.runtime.engine.ask_anew(thread)
        assert at.runtime.find(before.id) == after
