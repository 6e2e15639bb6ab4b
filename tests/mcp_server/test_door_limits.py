"""The door at its limits: forms that nobody fills in, crashes, errors of the protocol, stores that fail (R15, R17)."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import pytest
from mcp import Client
from mcp.client import ClientRequestContext
from mcp.server.mcpserver import Context
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolRequestParams, ElicitRequestParams, ElicitResult, TextResourceContents

from agents.runtime.engine import Launch
from mcp_server.arguments import Nothing
from mcp_server.asking import Ctx, begin, carried, settle
from mcp_server.compose import Runtime, running
from mcp_server.schemas import envelope_schema
from mcp_server.sdk import Server
from mcp_server.toolbox import Answer, Entry, shown, tools
from state.problem import ProblemError
from state.sqlite import Database
from tests.conftest import run_git
from tests.mcp_server.door import CANCEL, Door, accept, door, settings_in, structured, task
from tests.mcp_server.toys import AGENTS, TOOLS, until
from tools.edits import REDACTED

pytestmark = pytest.mark.anyio
Callback: TypeAlias = Callable[[ClientRequestContext, ElicitRequestParams], Awaitable[ElicitResult]]


@asynccontextmanager
async def one_tool(
    folder: Path, act: Callable[[Runtime, Ctx, Any], Awaitable[Answer]], callback: Any = None
) -> AsyncGenerator[tuple[Client, Runtime]]:
    """Serve a table of one tool to a client of the handshake era."""
    async with running(settings_in(folder), folder / "shop", agents=AGENTS, tools=TOOLS) as runtime:
        entry = Entry("only", "Only", "The only tool.", Nothing, envelope_schema(), act)
        server = Server(name="one", tools=tools(runtime, [shown(entry, "agents")], lambda _: entry))
        with anyio.fail_after(30):
            async with Client(server, mode="legacy", elicitation_callback=callback) as client:
                yield client, runtime


def asking(left_s: float) -> Callable[[Runtime, Ctx, Any], Awaitable[Answer]]:
    """Return a tool that launches an errand with a question, in a call that has so many seconds left."""

    async def act(runtime: Runtime, ctx: Ctx, _: Nothing) -> Answer:
        thread = await runtime.engine.launch(Launch("errand", task("ask person"), "default"))
        thread = await runtime.engine.wait(thread.id, 10)
        return await settle(replace(begin(runtime, ctx), deadline=anyio.current_time() + left_s), thread)

    return act


@pytest.mark.requirement("R17")
async def test_a_form_that_nobody_fills_in_is_withdrawn_in_time_and_the_call_says_waiting(shop: Path) -> None:
    opened, withdrawn = anyio.Event(), anyio.Event()

    async def stare(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        opened.set()
        try:
            await anyio.sleep_forever()
        finally:
            withdrawn.set()
        return CANCEL

    async with one_tool(shop.parent, asking(2.2), stare) as (client, _):
        result = await client.call_tool("only", {})
        assert structured(result)["status"] == "waiting" and opened.is_set()
        await withdrawn.wait()


@pytest.mark.requirement("R17")
async def test_no_form_is_opened_that_nobody_could_read_in_time(shop: Path) -> None:
    async def never(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        raise AssertionError("a form was opened")

    async with one_tool(shop.parent, asking(1.5), never) as (client, _):
        assert structured(await client.call_tool("only", {}))["status"] == "waiting"


async def test_a_client_that_fails_at_its_form_answers_nothing(shop: Path) -> None:
    async def broken(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        raise MCPError(code=-1, message="no screen")

    async with one_tool(shop.parent, asking(20), broken) as (client, _):
        assert structured(await client.call_tool("only", {}))["status"] == "waiting"


@pytest.mark.requirement("R15")
async def test_an_answer_that_cannot_be_kept_is_an_error_and_leaves_the_question_open(shop: Path) -> None:
    async def accept_as_the_disk_fails(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        runtime.database.connection.execute("pragma query_only = on")
        return accept("red")

    async with one_tool(shop.parent, asking(20), accept_as_the_disk_fails) as (client, runtime):
        result = await client.call_tool("only", {})
        assert result.is_error and structured(result)["error"]["kind"] == "store"
        runtime.database.connection.execute("pragma query_only = off")
        assert runtime.find("latest").status == "waiting"


@pytest.mark.requirement("R15")
async def test_a_crash_in_the_door_is_an_internal_error_without_its_details(
    shop: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def crash(_: Runtime, ctx: Ctx, args: Nothing) -> Answer:
        raise RuntimeError("the detail")

    async with one_tool(shop.parent, crash) as (client, _):
        result = await client.call_tool("only", {})
    error = structured(result)["error"]
    assert result.is_error and error["kind"] == "internal" and "RuntimeError" in error["message"]
    assert "the detail" not in str(result) and "the detail" in caplog.text


async def test_an_error_of_the_protocol_stays_one(shop: Path) -> None:
    async def refuse(_: Runtime, ctx: Ctx, args: Nothing) -> Answer:
        raise MCPError(code=-32021, message="not declared")

    async with one_tool(shop.parent, refuse) as (client, _):
        with pytest.raises(MCPError, match="not declared"):
            await client.call_tool("only", {})


@pytest.mark.requirement("R15")
async def test_a_store_that_cannot_be_read_is_an_error_that_names_its_file(shop: Path) -> None:
    async with door(shop.parent) as at:
        at.runtime.database.connection.execute("alter table threads rename to gone")
        error = await at.problem("thread_list")
        assert error["kind"] == "store" and "factor12.db" in error["message"]
        at.runtime.database.connection.execute("alter table gone rename to threads")
        assert (await at.told("thread_list"))["threads"] == []


@pytest.mark.requirement("R6", "R15")
async def test_a_store_that_cannot_be_searched_for_interrupted_threads_keeps_no_process_from_starting(
    shop: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with door(shop.parent) as at:
        at.runtime.database.connection.execute("alter table threads rename to gone")
    async with door(shop.parent) as at:
        assert "interrupted threads were not looked for: The database" in caplog.text
        at.runtime.database.connection.execute("alter table gone rename to threads")
        assert (await at.told("errand", **task("add a 1")))["outcome"] == "done"


@pytest.mark.requirement("R6", "R15")
async def test_a_damaged_log_is_an_error_of_its_own_thread_and_holds_up_no_other(
    shop: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with door(shop.parent) as at:
        thread_id = (await at.told("holder", {"wait": 0}))["thread_id"]
        await until(shop.parent / "state" / "scratch" / "holding")
    database = Database(shop.parent / "state" / "factor12.db")
    with database.transaction() as db:
        db.execute("update events set data = '{\"unknown\": 1}', kind = 'launched' where version = 1")
    database.close()
    async with door(shop.parent) as at:
        await at.runtime.sweep()
        error = await at.problem("thread_wait", thread_id=thread_id)
        assert error["kind"] == "store" and "version 1" in error["message"]
        at.runtime.dispatcher.wake(thread_id)
        at.runtime.dispatcher.wake("feed")
        assert (await at.told("errand", **task("add a 1")))["outcome"] == "done"
        assert (await at.told("thread_list"))["threads"][1]["thread_id"] == thread_id
    assert f"thread {thread_id} cannot be driven" in caplog.text and "thread feed cannot be driven" in caplog.text


@pytest.mark.requirement("R15")
async def test_a_form_of_another_version_is_expired_and_launches_nothing() -> None:
    params = CallToolRequestParams(name="errand", request_state='{"thread": "feed"}')
    with pytest.raises(ProblemError, match="another version") as raised:
        carried(Context(input_params=params))
    assert raised.value.problem.kind == "expired"


@pytest.mark.requirement("R15")
async def test_secrets_of_the_process_leave_in_no_result_and_stay_exact_in_the_store(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_API_KEY", "open-sesame-1234")
    (shop / "a").write_text("key: open-sesame-1234")
    async with door(shop.parent) as at:
        told = await at.call("errand", **task("peek a"))
        history = await at.call("thread_history", thread_id="latest")
        page = await at.client.read_resource(f"thread://{structured(told)['thread_id']}/events")
        for shown in (told, history, page):
            assert "open-sesame" not in str(shown) and REDACTED in str(shown)
        assert at.runtime.find("latest").results["0:peek"] == "key: open-sesame-1234"


async def test_a_long_log_is_read_in_parts_by_following_the_last_line(shop: Path) -> None:
    async with door(shop.parent) as at:
        thread_id = (await at.told("decider", name="y" * 1_200_000))["thread_id"]
        lines = (await _read(at, f"thread://{thread_id}/events")).splitlines()
        assert [json.loads(line).get("version") for line in lines] == [1, None]
        rest = (await _read(at, json.loads(lines[-1])["more"])).splitlines()
        assert [json.loads(line)["kind"] for line in rest] == ["asked"]
        assert len(await _read(at, f"thread://{thread_id}")) < 2000


async def _read(at: Door, uri: str) -> str:
    (content,) = (await at.client.read_resource(uri)).contents
    assert isinstance(content, TextResourceContents)
    return content.text


@pytest.mark.requirement("R15")
async def test_what_a_caller_sent_comes_back_cut(shop: Path) -> None:
    async with door(shop.parent) as at:
        error = await at.problem("repo_current", session="s" * 100_000)
        assert error["kind"] == "not_found" and len(error["message"]) <= 1001


@pytest.mark.requirement("R21")
async def test_threads_of_another_principal_are_neither_listed_nor_found(shop: Path) -> None:
    async with door(shop.parent) as at:
        other = await at.runtime.engine.launch(Launch("decider", {}, "default", principal="somebody"))
        await at.runtime.engine.wait(other.id, 10)
        assert (await at.told("thread_list"))["threads"] == []
        for name in ("thread_wait", "thread_history", "thread_resume", "thread_cancel"):
            assert (await at.problem(name, thread_id=other.id))["kind"] == "not_found"


@pytest.mark.parametrize("state", ["empty", "merging"])
@pytest.mark.requirement("R15")
async def test_a_writer_is_not_launched_where_there_is_no_commit_or_an_unfinished_merge(shop: Path, state: str) -> None:
    till = shop.parent / "till"
    till.mkdir()
    run_git(till, "init", "-q", "-b", "main")
    if state == "merging":
        run_git(till, "commit", "-q", "--allow-empty", "-m", "start")
        (till / ".git" / "MERGE_HEAD").write_text(run_git(till, "rev-parse", "HEAD"))
    async with door(shop.parent) as at:
        error = await at.problem("errand", repo="till", **task("add a 1"))
        assert error["kind"] == "refused" and "'till'" in error["message"] and error["hint"]
        looked = await at.told("repo_switch", repo="till")
        assert looked["repo"] == "till"
    assert not (till / "a").exists()


@pytest.mark.requirement("R6", "R21")
async def test_a_thread_that_nobody_will_drive_shows_as_interrupted_until_it_is_resumed(shop: Path) -> None:
    (shop / "go").write_text("gone")
    async with door(shop.parent) as at:
        database = at.runtime.database
        thread_id = (await at.told("holder"))["thread_id"]
        row = database.row("select id from threads where public = ?", thread_id)
        assert row is not None
        with database.transaction() as db:  # as if it had died long ago, before its effect
            db.execute("delete from events where thread = ? and version > 1", row)
            db.execute(
                "update threads set status = 'running', outcome = null, head = 1, lease_owner = null,"
                " lease_until = null, updated_at = 1 where id = ?",
                row,
            )
        shown = await at.told("thread_wait", thread_id=thread_id, wait=0)
        assert shown["status"] == "interrupted" and "thread_resume" in shown["next"]
        (listed,) = (await at.told("thread_list", status="interrupted"))["threads"]
        assert listed["thread_id"] == thread_id
        assert (await at.told("health"))["threads"]["interrupted"] == 1
        assert (await at.told("thread_resume", thread_id=thread_id))["output"] == {"summary": "gone"}
