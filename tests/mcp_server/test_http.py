"""Over HTTP: the same calls as over pipes, for this machine only, and gone soon when told to."""

import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import anyio
import httpx2 as httpx
import pytest
from mcp import Client
from mcp.client.sse import sse_client

from mcp_server.front import reachable_by
from tests.agents.shop import FIXED, SHOP
from tests.conftest import repository
from tests.mcp_server.door import Calls, settings_in
from tests.mcp_server.http_server import listening, served
from tests.mcp_server.process import FACTOR12, measured

pytestmark = pytest.mark.anyio


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return repository(tmp_path / "src/shop", SHOP)


@pytest.mark.requirement("F11")
@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_an_issue_is_fixed_over_streamable_http_in_both_eras(shop: Path, mode: str) -> None:
    with served(shop) as (_, url), anyio.fail_after(60):
        async with Client(f"{url}/mcp", mode=mode) as client:
            fixed = await Calls(client).told("issue_fixer", issue="123")
    assert fixed["outcome"] == "fixed" and (shop / "auth.py").read_text() == FIXED


@pytest.mark.parametrize("words", [(), ("--transport", "sse")])
async def test_an_issue_is_fixed_over_sse(shop: Path, words: tuple[str, ...]) -> None:
    with served(shop, *words) as (_, url), anyio.fail_after(60):
        async with Client(sse_client(f"{url}/sse"), mode="legacy") as client:
            fixed = await Calls(client).told("issue_fixer", issue="123")
    assert fixed["outcome"] == "fixed"


async def test_a_thread_outlives_its_connection_and_is_found_by_the_next(shop: Path) -> None:
    with served(shop, FACTOR12_INLINE_WAIT_S="0") as (_, url), anyio.fail_after(60):
        async with Client(f"{url}/mcp") as client:
            begun = await Calls(client).told("issue_fixer", issue="123")
        async with Client(f"{url}/mcp") as client:
            ended = await Calls(client).told("thread_wait", thread_id=begun["thread_id"], wait=30)
    assert begun["status"] == "running" and ended["outcome"] == "fixed"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("health", {}, 200),
        ("health", {"Host": "evil.test"}, 421),
        ("health", {"Host": "127.0.0.1.evil.test"}, 421),
        ("health", {"Origin": "http://evil.test"}, 403),
        ("health", {"Origin": "null"}, 403),
        ("mcp", {"Host": "evil.test"}, 421),
        ("mcp", {"Origin": "http://evil.test"}, 403),
        ("sse", {"Host": "evil.test"}, 421),
        ("sse", {"Origin": "null"}, 403),
    ],
)
async def test_a_page_of_another_site_gets_nothing(shop: Path, path: str, headers: dict[str, str], status: int) -> None:
    async with listening(shop) as port, httpx.AsyncClient(trust_env=False) as client:
        accept = {"Accept": "text/event-stream"}
        answered = await client.get(f"http://127.0.0.1:{port}/{path}", headers={**accept, **headers})
    assert answered.status_code == status
    assert ("database" in answered.text) is (status == 200)


async def test_a_request_larger_than_its_cap_is_refused_and_the_next_is_served(shop: Path) -> None:
    async with listening(shop) as port, httpx.AsyncClient(trust_env=False) as client:
        url = f"http://127.0.0.1:{port}"
        large = {"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"x": "y" * (5 << 20)}}
        accept = {"Accept": "application/json, text/event-stream"}
        assert (await client.post(f"{url}/mcp", json=large, headers=accept)).status_code == 413
        assert (await client.get(f"{url}/health")).json()["status"] == "ok"


@pytest.mark.requirement("R6")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_ends_soon_with_a_stream_open(shop: Path, number: signal.Signals) -> None:
    with served(shop) as (process, url):
        async with httpx.AsyncClient(trust_env=False) as client, client.stream("GET", f"{url}/sse") as stream:
            assert stream.status_code == 200
            start = time.monotonic()
            process.send_signal(number)
            assert await anyio.to_thread.run_sync(process.wait, 10) == 0
            assert time.monotonic() - start < 3


@pytest.mark.requirement("R15")
def test_an_address_beyond_this_machine_is_refused_while_nobody_has_a_token(shop: Path) -> None:
    command = [*FACTOR12, "serve", "--transport", "http", "--host", "0.0.0.0", "--port", "0"]
    done = subprocess.run(
        command, cwd=shop, env=measured(shop.parent / "state"), capture_output=True, text=True, timeout=20
    )
    assert done.returncode == 1 and "open to other machines" in done.stderr
    assert done.stderr.count("\n") == 1 and "factor12 token create" in done.stderr


@pytest.mark.requirement("R15")
def test_a_port_that_is_taken_is_named(shop: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        command = [*FACTOR12, "serve", "--transport", "http", "--port", port]
        known: dict[str, Any] = {"cwd": shop, "env": measured(shop.parent / "state")}
        done = subprocess.run(command, **known, capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and f"Port {port}" in done.stderr and "API_PORT" in done.stderr


def test_a_name_counts_as_clients_write_it_in_small_letters_and_without_the_port_that_http_has(tmp_path: Path) -> None:
    names = {"FACTOR12_PUBLIC_URL": "https://Agents.Example.com", "FACTOR12_ALLOWED_HOSTS": "Box.local:80"}
    by = reachable_by(settings_in(tmp_path, API_PORT=80, **names))
    assert {"127.0.0.1", "localhost:80", "agents.example.com", "box.local:80"} <= set(by.allowed_hosts)
    assert "http://localhost" in by.allowed_origins
    assert "localhost" not in reachable_by(settings_in(tmp_path, API_PORT=8080)).allowed_hosts
