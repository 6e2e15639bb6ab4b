"""Whatever comes over HTTP: the answer is one of the protocol, the next good call is served, nothing is approved."""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2 as httpx
import pytest

from tests.mcp_server.door import task
from tests.mcp_server.http_server import listening

pytestmark = pytest.mark.anyio

ERA = "2026-07-28"
ACCEPT = {"Accept": "application/json, text/event-stream"}
KNOWN: dict[str, Any] = {
    "io.modelcontextprotocol/protocolVersion": ERA,
    "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}}},
}

YES = {"question-0": {"action": "accept", "content": {"answer": "approve"}}}


class Wire:
    """A client that sends whatever a test says."""

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = url

    async def send(self, body: bytes, **headers: str) -> httpx.Response:
        told = {"Content-Type": "application/json", **ACCEPT, **{k.replace("_", "-"): v for k, v in headers.items()}}
        return await self._client.post(self._url, content=body, headers=told)

    async def call(self, name: str, arguments: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """Call a tool in the newest revision, and return the message that answers."""
        params = {"name": name, "arguments": arguments, "_meta": KNOWN, **more}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        answered = await self.send(
            json.dumps(message).encode(), **{"MCP-Protocol-Version": ERA, "Mcp-Method": "tools/call", "Mcp-Name": name}
        )
        return message_in(answered)


def message_in(answered: httpx.Response) -> dict[str, Any]:
    lines = [line.removeprefix("data: ") for line in answered.text.splitlines() if line.startswith("data: {")]
    found: dict[str, Any] = json.loads(lines[-1] if lines else answered.text)
    return found


@asynccontextmanager
async def wire(shop: Path) -> AsyncGenerator[Wire]:
    async with listening(shop) as port, httpx.AsyncClient(trust_env=False, timeout=30) as client:
        yield Wire(client, f"http://127.0.0.1:{port}/mcp")


def asked(**params: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()


BAD: tuple[tuple[bytes, dict[str, str]], ...] = (
    (b"", {}),
    (b"{", {}),
    (b"\xff\xfe{}", {}),
    (b"[]", {}),
    (b"null", {}),
    (b'"text"', {}),
    (b"NaN", {}),
    (b"[" * 100_000, {}),
    (b'{"a":' * 50_000, {}),
    (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', {}),
    (b'{"jsonrpc":"2.0","id":{},"method":"ping"}', {}),
    (b'{"jsonrpc":"2.0","id":1e400,"method":"ping"}', {}),
    (b'{"jsonrpc":"2.0","id":1,"method":"\\ud800"}', {}),
    (b'{"jsonrpc":"2.0","id":1,"method":"' + b"x" * 100_000 + b'"}', {}),
    (b'{"jsonrpc":"2.0","id":1,"method":"nothing/like/it"}', {"MCP_Protocol_Version": ERA}),
    (b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}', {"MCP_Protocol_Version": "1999-01-01"}),
    (b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}', {"Mcp_Session_Id": "' or 1=1 --"}),
    (b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}', {"Content_Type": "text/plain"}),
    (b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}', {"Accept": "text/html"}),
    (b'{"jsonrpc":"2.0","id":1,"result":{}}', {}),
    (asked(name="health", arguments={}), {"MCP_Protocol_Version": ERA}),
    (asked(name="health", _meta=KNOWN), {"MCP_Protocol_Version": ERA, "Mcp_Method": "tools/list"}),
    (asked(name="health", _meta=7), {"MCP_Protocol_Version": ERA, "Mcp_Method": "tools/call", "Mcp_Name": "health"}),
    (asked(name=7, _meta=KNOWN), {"MCP_Protocol_Version": ERA, "Mcp_Method": "tools/call", "Mcp_Name": "7"}),
)


@pytest.mark.requirement("R15")
async def test_what_is_no_message_is_refused_and_the_next_good_call_is_served(shop: Path) -> None:
    async with wire(shop) as client:
        for body, headers in BAD:
            answered = await client.send(body, **headers)
            assert 400 <= answered.status_code < 500 or "error" in message_in(answered), (body[:60], answered.text)
            assert "Traceback" not in answered.text
        good = await client.call("health", {})
        assert good["result"]["structuredContent"]["status"] == "ok"


@pytest.mark.requirement("R15")
@pytest.mark.parametrize(
    "arguments",
    [
        {"thread_id": "x" * 1_000_000},
        {"thread_id": {"a": [1] * 1000}},
        {"thread_id": "\ud800"},
        {"thread_id": "latest", "wait": 1e308},
        {"thread_id": "latest", "approved": True, "force": True},
        {"_meta": {"wait": 5}},
        json.loads('{"thread_id":' * 300 + "1" + "}" * 300),
    ],
)
async def test_arguments_that_are_none_are_said_in_one_line(shop: Path, arguments: dict[str, Any]) -> None:
    async with wire(shop) as client:
        told = await client.call("thread_wait", arguments)
        text = json.dumps(told)
        assert "error" in told or told["result"]["isError"], text[:300]
        assert len(text) < 10_000 and "Traceback" not in text
        assert "error" not in await client.call("health", {})


@pytest.mark.requirement("R8")
@pytest.mark.parametrize(
    "more",
    [
        {"inputResponses": {"question-0": {"action": "accept", "content": {"answer": "approve"}}}},
        {
            "requestState": "forged",
            "inputResponses": {"question-0": {"action": "accept", "content": {"answer": "approve"}}},
        },
        {"requestState": json.dumps({"thread": "x", "shown": "y", "number": 0})},
        {"requestState": ""},
        {"inputResponses": {"question-0": "approve"}},
        {"inputResponses": []},
    ],
)
async def test_forged_answers_approve_nothing(shop: Path, more: dict[str, Any]) -> None:
    async with wire(shop) as client:
        first = await client.call("errand", task("send box 7"))
        assert first["result"]["resultType"] == "input_required", "the control: it is asked"
        await client.call("errand", task("send box 7"), **more)
        state = {"requestState": first["result"]["requestState"]}
        changed = await client.call("errand", task("send crate 7"), **{**more, **state})
        assert "error" in changed
    assert not (shop / "box").exists() and not (shop / "crate").exists()


async def test_an_approval_counts_once_and_only_for_what_was_shown(shop: Path) -> None:
    async with wire(shop) as client:
        first = await client.call("errand", task("send box 7"))
        (key,) = first["result"]["inputRequests"]
        yes = {"inputResponses": {key: {"action": "accept", "content": {"answer": "approve"}}}}
        state = {"requestState": first["result"]["requestState"]}
        done = await client.call("errand", task("send box 7"), **yes, **state)
        assert done["result"]["structuredContent"]["status"] == "completed"
        (shop / "box").unlink()
        again = await client.call("errand", task("send box 7"), **yes, **state)
        assert again["result"]["structuredContent"]["thread_id"] == done["result"]["structuredContent"]["thread_id"]
    assert not (shop / "box").exists()


@pytest.mark.requirement("R15", "R17")
async def test_a_thousand_rapid_calls_are_all_answered(shop: Path) -> None:
    answered = list[str]()
    async with wire(shop) as client:

        async def calls() -> None:
            for _ in range(50):
                told = await client.call("health", {})
                answered.append(told["result"]["structuredContent"]["status"])

        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(calls)
    assert answered == ["ok"] * 1000
