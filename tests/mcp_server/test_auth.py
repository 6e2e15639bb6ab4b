"""Who comes in over HTTP, and what they see: tokens, scopes, and two principals who never meet (R21)."""

import json
import subprocess
from pathlib import Path
from typing import Any

import anyio
import httpx2 as httpx
import pytest

from tests.conftest import repository
from tests.mcp_server.door import ERAS, Era, Person, accept, task
from tests.mcp_server.http_server import Doorway, bearer, caller, served, token
from tests.mcp_server.process import FACTOR12, TOYS, measured

pytestmark = pytest.mark.anyio

DOORWAYS: tuple[Doorway, ...] = ("mcp", "sse")
POST = {"Accept": "application/json, text/event-stream"}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return repository(tmp_path / "src/shop", {"README": "A shop."})


def toys(shop: Path, **variables: str) -> Any:
    return served(shop, command=TOYS, **variables)


def person(shop: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Type a command, as whoever owns the database."""
    known = measured(shop.parent.parent / "state")
    return subprocess.run([*FACTOR12, *words], cwd=shop, env=known, capture_output=True, text=True, timeout=30)


async def status_of(url: str, headers: dict[str, str], **body: Any) -> httpx.Response:
    asked: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": dict[str, Any](), **body}
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(f"{url}/mcp", json=asked, headers={**POST, **headers})


@pytest.mark.requirement("R8")
async def test_once_a_token_was_made_nobody_comes_in_without_one(shop: Path) -> None:
    with toys(shop) as (_, url):
        async with caller(url, "") as before:
            assert (await before.told("health"))["status"] == "ok"
        secret = token(shop)
        refused, false = await status_of(url, {}), await status_of(url, bearer("f12_" + "x" * 43))
        async with caller(url, secret) as after:
            assert (await after.told("health"))["status"] == "ok"
    assert refused.status_code == false.status_code == 401
    assert "error=" not in refused.headers["www-authenticate"]
    assert 'error="invalid_token"' in false.headers["www-authenticate"]
    assert "factor12 token create" in refused.json()["next"]


@pytest.mark.parametrize("path", ["/mcp", "/sse", "/messages/", "/health", "/metrics", "/agents", "/nowhere"])
@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer"}, {"Authorization": "Bearer é, é"}]
)
async def test_no_path_is_open_to_who_has_no_token(shop: Path, path: str, headers: dict[str, str]) -> None:
    token(shop)
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    with toys(shop) as (_, url):
        async with httpx.AsyncClient(trust_env=False) as client:
            for method in ("GET", "POST", "DELETE"):
                answered = await client.request(method, url + path, headers=raw)
                assert answered.status_code in (400, 401), (method, answered.text)


async def test_a_token_counts_until_it_is_revoked_or_expires(shop: Path) -> None:
    lasting, short = token(shop), token(shop, "--days", "0.001")
    with toys(shop) as (_, url):
        assert (await status_of(url, bearer(lasting))).status_code != 401
        assert (await status_of(url, bearer(short))).status_code != 401
        known = json.loads(person(shop, "token", "list", "--json").stdout)
        assert person(shop, "token", "revoke", known[0]["id"]).returncode == 0
        assert (await status_of(url, bearer(lasting))).status_code == 401
        assert (await status_of(url, bearer(short))).status_code != 401
    again = person(shop, "token", "revoke", known[0]["id"])
    assert again.returncode == 2 and "still counts" in again.stderr
    assert json.loads(person(shop, "token", "list", "--json").stdout)[0]["state"] == "revoked"


def test_a_secret_is_shown_once_and_kept_nowhere(shop: Path) -> None:
    secret = token(shop, "--scopes", "read")
    kept = b"".join(path.read_bytes() for path in (shop.parent.parent / "state").rglob("*") if path.is_file())
    assert secret.encode() not in kept and secret[4:].encode() not in kept
    assert secret not in person(shop, "token", "list").stdout


@pytest.mark.requirement("R15")
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--scopes", "read,fly"), "no scope 'fly'"),
        (("--scopes", ""), "without a scope"),
        (("--principal", "a b"), "cannot be called"),
        (("--principal", "x" * 65), "cannot be called"),
        (("--days", "0"), "days"),
    ],
)
def test_a_token_of_no_use_is_not_made(shop: Path, words: tuple[str, ...], says: str) -> None:
    done = person(shop, "token", "create", *words)
    assert done.returncode == 2 and says in done.stderr and not done.stdout
    assert json.loads(person(shop, "token", "list", "--json").stdout) == []


@pytest.mark.parametrize("doorway", DOORWAYS)
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.requirement("R21")
async def test_two_principals_never_meet(shop: Path, era: Era, doorway: Doorway) -> None:
    scopes = ("--scopes", "read,run,approve,admin")
    ada, bob = token(shop, "--principal", "ada", *scopes), token(shop, "--principal", "bob", *scopes)
    with toys(shop) as (_, url):
        async with caller(url, ada, era, doorway) as hers, caller(url, bob, era, doorway) as his:
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
    reader, runner = (token(shop, "--principal", "ada", "--scopes", s) for s in ("read", "read,run"))
    with toys(shop) as (_, url):
        async with caller(url, runner, era, doorway) as hers:
            asked = await hers.told("errand", **task("ask"))
        async with caller(url, reader, era, doorway) as eyes:
            assert (await eyes.told("thread_wait", wait=0))["thread_id"] == asked["thread_id"]
            if era == "legacy" or doorway == "sse":
                problem = await eyes.problem("thread_cancel", thread_id=asked["thread_id"])
                assert problem["kind"] == "refused" and "'run'" in problem["message"]


async def test_a_scope_that_lacks_is_said_in_http_where_headers_say_what_is_called(shop: Path) -> None:
    reader = token(shop, "--scopes", "read")
    named = {"Mcp-Method": "tools/call", "Mcp-Name": "thread_cancel", "MCP-Protocol-Version": "2026-07-28"}
    with toys(shop) as (_, url):
        answered = await status_of(url, {**bearer(reader), **named}, method="tools/call")
    assert answered.status_code == 403 and 'scope="run"' in answered.headers["www-authenticate"]
    assert 'error="insufficient_scope"' in answered.headers["www-authenticate"]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.requirement("R8")
async def test_only_who_may_approve_is_shown_the_form_of_an_approval(shop: Path, era: Era) -> None:
    runner, approver = (token(shop, "--principal", "ada", "--scopes", f"read,run{s}") for s in ("", ",approve"))
    with toys(shop) as (_, url):
        eager = Person([accept("approve")])
        async with caller(url, runner, era, person=eager) as hers:
            asked = await hers.told("errand", **task("send box 7"))
            assert asked["status"] == "waiting" and not eager.shown and not (shop / "box").exists()
        async with caller(url, approver, era, person=eager) as hers:
            assert (await hers.told("thread_wait", thread_id=asked["thread_id"]))["status"] == "completed"
    assert len(eager.shown) == 1 and (shop / "box").read_text() == "letter 7"


async def test_a_session_of_the_transport_belongs_to_who_opened_it(shop: Path) -> None:
    ada, bob = token(shop, "--principal", "ada"), token(shop, "--principal", "bob")
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
    with toys(shop) as (_, url):
        opened = await status_of(url, bearer(ada), params=hello)
        session = {"Mcp-Session-Id": opened.headers["mcp-session-id"], "MCP-Protocol-Version": "2025-11-25"}
        hers = await status_of(url, {**bearer(ada), **session}, method="tools/list")
        his = await status_of(url, {**bearer(bob), **session}, method="tools/list")
    assert (hers.status_code, his.status_code) == (200, 404)


async def test_the_owner_of_the_file_may_act_for_a_principal_and_is_told_how(shop: Path) -> None:
    secret = token(shop, "--principal", "ada")
    with toys(shop) as (_, url):
        async with caller(url, secret) as hers:
            asked = await hers.told("errand", **task("ask"))
    lost = person(shop, "threads", "show", asked["thread_id"])
    assert lost.returncode == 2 and "--principal ada" in lost.stderr
    assert person(shop, "--principal", "ada", "threads", "show", asked["thread_id"]).returncode == 0
    assert json.loads(person(shop, "threads", "list", "--json").stdout) == []


async def test_beyond_this_machine_only_who_has_a_token_is_served(shop: Path) -> None:
    secret = token(shop)
    with toys(shop, API_HOST="0.0.0.0", FACTOR12_ALLOWED_HOSTS="agents.test:8000") as (_, url):
        url = url.replace("0.0.0.0", "127.0.0.1")
        assert (await status_of(url, {})).status_code == 401
        assert (await status_of(url, {**bearer(secret), "Host": "evil.test"})).status_code == 421
        assert (await status_of(url, {**bearer(secret), "Origin": "http://evil.test"})).status_code == 403
        named = await status_of(url, {**bearer(secret), "Host": "agents.test:8000"})
        assert named.status_code not in (401, 403, 421)


async def test_a_person_may_say_that_nobody_need_say_who_they_are(shop: Path) -> None:
    token(shop)
    with toys(shop, FACTOR12_AUTH="off", API_HOST="0.0.0.0") as (_, url), anyio.fail_after(30):
        async with caller(url.replace("0.0.0.0", "127.0.0.1"), "") as anybody:
            assert (await anybody.told("health"))["status"] == "ok"
