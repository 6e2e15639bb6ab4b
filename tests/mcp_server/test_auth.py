"""Who comes in over HTTP, and what they see: tokens, scopes, and two principals who never meet (R21)."""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from mcp_server import open_streams
from state import tokens
from state.sqlite import Database
from tests.mcp_server.door import ERAS, Era, Person, accept, settings_in, task
from tests.mcp_server.http_server import Doorway, bearer, caller, listening, token
from tests.mcp_server.shell import Said, Shell, open_shell

pytestmark = pytest.mark.anyio

DOORWAYS: tuple[Doorway, ...] = ("mcp", "sse")
POST = {"Accept": "application/json, text/event-stream"}
MODERN: dict[str, Any] = {
    "protocolVersion": "2026-07-28",
    "clientInfo": {"name": "t", "version": "1"},
    "clientCapabilities": {},
}


@asynccontextmanager
async def served(shop: Path, **changes: Any) -> AsyncGenerator[str]:
    async with listening(shop, **changes) as port:
        yield f"http://127.0.0.1:{port}"


async def status_of(url: str, headers: dict[str, str], **body: Any) -> httpx.Response:
    asked: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": dict[str, Any](), **body}
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(f"{url}/mcp", json=asked, headers={**POST, **headers})


@pytest.mark.requirement("R8")
async def test_once_a_token_was_made_nobody_comes_in_without_one(shop: Path) -> None:
    async with served(shop) as url:
        async with caller(url, "") as before:
            assert (await before.told("health"))["status"] == "ok"
        secret = token(shop, "ada")
        refused, false = await status_of(url, {}), await status_of(url, bearer("f12_" + "x" * 43))
        async with caller(url, secret) as after:
            assert (await after.told("health"))["status"] == "ok"
    assert refused.status_code == false.status_code == 401
    assert "error=" not in refused.headers["www-authenticate"]
    assert 'error="invalid_token"' in false.headers["www-authenticate"]
    assert "factor12 token create" in refused.json()["next"]


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer"}, {"Authorization": "Bearer é, é"}]
)
async def test_no_path_is_open_to_who_has_no_token(shop: Path, headers: dict[str, str]) -> None:
    token(shop, "ada")
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    async with served(shop) as url, httpx.AsyncClient(trust_env=False) as client:
        for path in ("mcp", "sse", "messages/", "health", "metrics", "agents", "nowhere"):
            for method in ("GET", "POST", "DELETE"):
                answered = await client.request(method, f"{url}/{path}", headers=raw)
                assert answered.status_code in (400, 401), (method, path, answered.text)


async def test_a_token_counts_until_it_is_revoked_or_expires(shop: Path) -> None:
    lasting, over = token(shop, "ada"), token(shop, "bob", lifetime_s=-1.0)
    async with served(shop) as url:
        assert (await status_of(url, bearer(over))).status_code == 401
        assert (await status_of(url, bearer(lasting))).status_code != 401
        revoke(shop)
        assert (await status_of(url, bearer(lasting))).status_code == 401


def revoke(shop: Path, secret: str = "") -> None:
    """Let a token, or every one, count no more."""
    database = Database(settings_in(shop.parent).database)
    known = tokens.find(database, secret)
    for made in tokens.listed(database) if known is None else [known]:
        tokens.revoke(database, made.id, 1.0)
    database.close()


def streams(thread_id: str) -> dict[str, dict[str, Any]]:
    """Return the requests whose answers go on for as long as the client stays."""
    envelope = {f"io.modelcontextprotocol/{name}": value for name, value in MODERN.items()}
    wanted = {"notifications": {"resourceSubscriptions": [f"thread://{thread_id}"]}, "_meta": envelope}
    headers = {**POST, "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "subscriptions/listen"}
    body = {"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": wanted}
    return {
        "asked": {"method": "GET", "url": f"/agents/{thread_id}/events"},
        "acknowledged": {"method": "POST", "url": "/mcp", "headers": headers, "json": body},
    }


@pytest.mark.parametrize("begun", ["asked", "acknowledged"])
async def test_an_open_stream_ends_with_the_right_to_it(
    shop: Path, begun: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_streams, "RECHECK_S", 0.0)
    leaver, stayer = token(shop, "ada"), token(shop, "ada")
    async with (
        served(shop) as url,
        caller(url, stayer) as stays,
        httpx.AsyncClient(base_url=url, headers=bearer(leaver), trust_env=False) as client,
    ):
        asked = await stays.told("errand", **task("ask", "ask"))
        async with client.stream(**streams(asked["thread_id"])[begun]) as stream:
            lines = stream.aiter_lines()
            while begun not in await anext(lines):
                continue
            revoke(shop, leaver)
            await stays.told("thread_answer", thread_id=asked["thread_id"], key="0:ask", answer="red")
            left = "".join([line async for line in lines])
        assert "answered" not in left and "updated" not in left


def person(shop: Path, *words: str) -> Said:
    """Type a command, as whoever owns the database."""
    return Shell(shop, shop.parent / "state").run(*words)


@pytest.fixture
def shell(make_repository: Callable[..., Path], tmp_path: Path) -> Shell:
    return open_shell(make_repository, tmp_path)


def test_a_secret_is_shown_once_and_kept_nowhere(shell: Shell) -> None:
    secret = shell.quick("token", "create", "--scopes", "read").out.strip()
    kept = b"".join(path.read_bytes() for path in shell.state.rglob("*") if path.is_file())
    assert secret.startswith("f12_") and secret.encode() not in kept and secret[4:].encode() not in kept
    assert secret not in shell.quick("token", "list").out
    (known,) = shell.quick("token", "list", "--json").json
    assert (known["scopes"], known["state"]) == (["read"], "counts")
    assert shell.quick("token", "revoke", known["id"]).code == 0
    assert shell.quick("token", "list", "--json").json[0]["state"] == "revoked"
    again = shell.quick("token", "revoke", known["id"])
    assert again.code == 2 and "still counts" in again.complaint


@pytest.mark.requirement("R15")
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--scopes", "read,fly"), "no scope 'fly'"),
        (("--scopes", ""), "without a scope"),
        (("--principal", "a b"), "cannot be called"),
        (("--principal", "x" * 65), "cannot be called"),
        (("--days", "0"), "days"),
        (("--days", "inf"), "days"),
    ],
)
def test_a_token_of_no_use_is_not_made(shell: Shell, words: tuple[str, ...], says: str) -> None:
    done = shell.quick("token", "create", *words)
    assert done.code == 2 and says in done.complaint and not done.out
    assert "No token was made yet" in shell.quick("token", "list").out


@pytest.mark.parametrize("doorway", DOORWAYS)
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.requirement("R21")
async def test_two_principals_never_meet(shop: Path, era: Era, doorway: Doorway) -> None:
    scopes = "read,run,approve,admin"
    ada, bob = token(shop, "ada", scopes), token(shop, "bob", scopes)
    async with served(shop) as url, caller(url, ada, era, doorway) as hers, caller(url, bob, era, doorway) as his:
        place = await hers.told("repo_switch", repo="shop")
        asked = await hers.told("errand", session=place["session"], **task("add a 1", "ask"))
        named = {"thread_id": asked["thread_id"]}
        taken = await hers.told("checkpoint_save", label="mine", **named)
        await meets_nothing(his, named, asked["question"]["key"], place["session"], taken["checkpoint_id"])
        busy = await his.problem("errand", **task("add b 1"))
        assert busy["kind"] == "busy" and asked["thread_id"] not in json.dumps(busy)
        assert await readable(hers, f"thread://{asked['thread_id']}/events")
        ended = await hers.told("thread_answer", key=asked["question"]["key"], answer="red", **named)
        assert ended["status"] == "completed"


async def meets_nothing(his: Any, named: dict[str, str], key: str, session: str, checkpoint: str) -> None:
    """Try everything on a thread of somebody else's, by every id there is of it."""
    calls: list[tuple[str, dict[str, Any]]] = [
        ("thread_wait", named),
        ("thread_history", named),
        ("thread_answer", {**named, "key": key, "answer": "red"}),
        ("thread_resume", named),
        ("thread_cancel", named),
        ("thread_fork", {**named, "version": 1}),
        ("thread_wait", {"thread_id": "latest"}),
        ("checkpoint_save", named),
        ("checkpoint_list", named),
        ("checkpoint_diff", {"checkpoint_id": checkpoint}),
        ("checkpoint_restore", {"checkpoint_id": checkpoint, "dry_run": False}),
        ("repo_current", {"session": session}),
        ("repo_restore", {"session": session}),
        ("thread_list", {"session": session}),
        ("errand", {"session": session, **task("peek a")}),
    ]
    for tool, arguments in calls:
        problem = await his.problem(tool, **arguments)
        assert problem["kind"] == "not_found", (tool, problem)
    assert (await his.told("thread_list"))["threads"] == []
    assert (await his.told("health"))["threads"] == {"running": 0, "waiting": 0, "interrupted": 0}
    assert not await readable(his, f"thread://{named['thread_id']}")
    assert not await readable(his, f"thread://{named['thread_id']}/events")


async def readable(calls: Any, uri: str) -> bool:
    from mcp.shared.exceptions import MCPError

    try:
        return bool((await calls.client.read_resource(uri)).contents)
    except MCPError:
        return False


@pytest.mark.parametrize("doorway", DOORWAYS)
@pytest.mark.parametrize("era", ERAS)
async def test_a_token_does_what_its_scopes_say(shop: Path, era: Era, doorway: Doorway) -> None:
    reader, runner = (token(shop, "ada", s) for s in ("read", "read,run"))
    async with served(shop) as url:
        async with caller(url, runner, era, doorway) as hers:
            asked = await hers.told("errand", **task("ask"))
        async with caller(url, reader, era, doorway) as eyes:
            assert (await eyes.told("thread_wait", wait=0))["thread_id"] == asked["thread_id"]
            if era == "legacy" or doorway == "sse":
                problem = await eyes.problem("thread_cancel", thread_id=asked["thread_id"])
                assert problem["kind"] == "refused" and "'run'" in problem["message"]


async def test_a_scope_that_lacks_is_said_in_http_where_headers_say_what_is_called(shop: Path) -> None:
    reader = token(shop, "ada", "read")
    named = {"Mcp-Method": "tools/call", "Mcp-Name": "thread_cancel", "MCP-Protocol-Version": "2026-07-28"}
    async with served(shop) as url:
        answered = await status_of(url, {**bearer(reader), **named}, method="tools/call")
    assert answered.status_code == 403 and 'scope="run"' in answered.headers["www-authenticate"]
    assert 'error="insufficient_scope"' in answered.headers["www-authenticate"]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.requirement("R8")
async def test_only_who_may_approve_is_shown_the_form_of_an_approval(shop: Path, era: Era) -> None:
    runner, approver = (token(shop, "ada", f"read,run{s}") for s in ("", ",approve"))
    async with served(shop) as url:
        eager = Person([accept("approve")])
        async with caller(url, runner, era, person=eager) as hers:
            asked = await hers.told("errand", **task("send box 7"))
            assert asked["status"] == "waiting" and not eager.shown and not (shop / "box").exists()
        async with caller(url, approver, era, person=eager) as hers:
            assert (await hers.told("thread_wait", thread_id=asked["thread_id"]))["status"] == "completed"
    assert len(eager.shown) == 1 and (shop / "box").read_text() == "letter 7"


async def test_a_session_of_the_transport_belongs_to_who_opened_it(shop: Path) -> None:
    ada, bob = token(shop, "ada"), token(shop, "bob")
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
    async with served(shop) as url:
        opened = await status_of(url, bearer(ada), params=hello)
        session = {"Mcp-Session-Id": opened.headers["mcp-session-id"], "MCP-Protocol-Version": "2025-11-25"}
        hers = await status_of(url, {**bearer(ada), **session}, method="tools/list")
        his = await status_of(url, {**bearer(bob), **session}, method="tools/list")
    assert (hers.status_code, his.status_code) == (200, 404)


async def test_the_owner_of_the_file_may_act_for_a_principal_and_is_told_how(shop: Path) -> None:
    secret = token(shop, "ada")
    async with served(shop) as url, caller(url, secret) as hers:
        asked = await hers.told("errand", **task("ask"))
    lost = person(shop, "threads", "show", asked["thread_id"])
    assert lost.code == 2 and "--principal ada" in lost.complaint
    assert person(shop, "--principal", "ada", "threads", "show", asked["thread_id"]).code == 0
    assert person(shop, "threads", "list", "--json").json == []


async def test_beyond_this_machine_only_who_has_a_token_is_served(shop: Path) -> None:
    secret = token(shop, "ada")
    async with served(shop, API_HOST="0.0.0.0", FACTOR12_ALLOWED_HOSTS="agents.test:8000") as url:
        assert (await status_of(url, {})).status_code == 401
        assert (await status_of(url, {**bearer(secret), "Host": "evil.test"})).status_code == 421
        assert (await status_of(url, {**bearer(secret), "Origin": "http://evil.test"})).status_code == 403
        named = await status_of(url, {**bearer(secret), "Host": "agents.test:8000"})
        assert named.status_code not in (401, 403, 421)


async def test_a_person_may_say_that_nobody_need_say_who_they_are(shop: Path) -> None:
    token(shop, "ada")
    async with served(shop, FACTOR12_AUTH="off", API_HOST="0.0.0.0") as url, caller(url, "") as anybody:
        assert (await anybody.told("health"))["status"] == "ok"


async def test_a_person_is_told_the_command_that_answers_for_a_principal(shop: Path) -> None:
    secret = token(shop, "ada")
    async with served(shop) as url, caller(url, secret) as hers:
        asked = await hers.told("errand", **task("ask person"))
    assert f"`factor12 --principal ada answer {asked['thread_id']}`" in asked["next"]
