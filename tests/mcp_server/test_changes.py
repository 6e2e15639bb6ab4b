"""Who subscribed hears that a thread moved, in both eras, over every transport, also when another process moved it."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, MCPError
from mcp.client.sse import sse_client
from mcp.client.subscriptions import ResourceUpdated
from mcp.shared.subscriptions import ToolsListChanged
from mcp_types import (
    EmptyResult,
    ResourceTemplateReference,
    ResourceUpdatedNotification,
    SubscribeRequest,
    SubscribeRequestParams,
    ToolListChangedNotification,
    UnsubscribeRequest,
    UnsubscribeRequestParams,
)

from mcp_server.app import build_server
from mcp_server.callers import Caller
from mcp_server.changes import Changes
from mcp_server.compose import Runtime, compose, running
from mcp_server.launching import Place, wish
from mcp_server.sdk import Server
from state.events import CheckpointTaken
from tests.agents.shop import SHOP
from tests.conftest import repository, run_git
from tests.mcp_server.byhand import ENVELOPE, Host, hosted
from tests.mcp_server.door import ERAS, Calls, Door, Era, door, settings_in, structured, task
from tests.mcp_server.http_server import caller, listening, served, token
from tests.mcp_server.toys import AGENTS, TOOLS

pytestmark = pytest.mark.anyio


class Ear:
    """Hears what a server says unasked."""

    def __init__(self) -> None:
        self.heard = list[Any]()
        self._more = anyio.Event()

    async def __call__(self, message: Any) -> None:
        self.heard.append(message)
        self._more.set()

    async def next(self, kind: type[Any]) -> Any:
        """Wait for a message of that kind, and forget it and those before it."""
        with anyio.fail_after(10):
            while True:
                while self.heard:
                    if isinstance(message := self.heard.pop(0), kind):
                        return message
                self._more = anyio.Event()
                await self._more.wait()


@asynccontextmanager
async def elsewhere(folder: Path) -> AsyncGenerator[Runtime]:
    """Be another process on the same database: a connection of its own, that drives nothing."""
    runtime = compose(settings_in(folder), folder / "shop", agents=AGENTS, tools=TOOLS)
    try:
        yield runtime
    finally:
        runtime.database.close()


async def moved_elsewhere(folder: Path, thread_id: str) -> None:
    async with elsewhere(folder) as other:
        other.store.signal(other.store.load(thread_id), CheckpointTaken(label="by hand", trees={}))


@asynccontextmanager
async def legacy(folder: Path) -> AsyncGenerator[tuple[Door, Ear]]:
    """Open a process and a client of the older era that hears what it is told."""
    ear = Ear()
    async with running(settings_in(folder), folder / "shop", agents=AGENTS, tools=TOOLS) as runtime:
        with anyio.fail_after(30):
            async with Client(build_server(runtime), mode="legacy", message_handler=ear) as client:
                yield Door(client, runtime), ear


async def subscribe(client: Client, uri: str) -> None:
    """Subscribe as older clients do; the SDK's own method warns of its age."""
    request = SubscribeRequest(params=SubscribeRequestParams(uri=uri))
    await client.session.send_request(request, EmptyResult)


def silence(runtime: Runtime) -> list[str]:
    """Return what the process does beside its calls."""
    return [*vars(runtime.background)["_running"]]


@pytest.mark.requirement("R7")
@pytest.mark.parametrize("there", ["thread://{}", "thread://{}/events", "thread://{}/events?after=2"])
async def test_an_open_stream_tells_what_moved_here_and_in_another_process(shop: Path, there: str) -> None:
    async with door(shop.parent) as at:
        asked = await at.told("errand", **task("ask"))
        uri = there.format(asked["thread_id"])
        assert silence(at.runtime) == []
        async with at.client.listen(resource_subscriptions=[uri]) as stream:
            assert stream.honored.resource_subscriptions == [uri]
            await moved_elsewhere(shop.parent, asked["thread_id"])
            assert await anext(stream) == ResourceUpdated(uri=uri)
            await at.call("thread_cancel", thread_id=asked["thread_id"])
            assert await anext(stream) == ResourceUpdated(uri=uri)
            assert silence(at.runtime) == ["follow changes"]
        with anyio.fail_after(5):
            while silence(at.runtime):
                await anyio.lowlevel.checkpoint()


@pytest.mark.requirement("R7")
async def test_an_older_client_hears_what_it_subscribed_to_until_it_unsubscribes(shop: Path) -> None:
    async with legacy(shop.parent) as (at, ear):
        first = await at.told("errand", **task("ask"))
        uri = f"thread://{first['thread_id']}"
        await subscribe(at.client, uri)
        await subscribe(at.client, uri)  # twice is once
        await moved_elsewhere(shop.parent, first["thread_id"])
        told = await ear.next(ResourceUpdatedNotification)
        assert told.params.uri == uri
        for _ in range(2):
            unsubscribe = UnsubscribeRequest(params=UnsubscribeRequestParams(uri=uri))
            await at.client.session.send_request(unsubscribe, EmptyResult)
        with anyio.fail_after(5):
            while silence(at.runtime):
                await anyio.lowlevel.checkpoint()
        await at.call("thread_cancel", thread_id=first["thread_id"])
        assert ear.heard == []


async def test_only_what_can_be_heard_of_is_acknowledged(shop: Path) -> None:
    async with door(shop.parent) as at:
        asked = await at.told("errand", **task("ask"))
        there = f"thread://{asked['thread_id']}"
        wanted = ["thread://nobody", "repo://shop/status", "factor12://factors", "thread://latest", there]
        lists = {"tools_list_changed": True, "resources_list_changed": True}
        async with at.client.listen(**lists, resource_subscriptions=wanted) as stream:
            assert stream.honored.resource_subscriptions == [there]
            assert stream.honored.tools_list_changed and not stream.honored.resources_list_changed


@pytest.mark.parametrize(
    ("uri", "code", "says"),
    [
        ("thread://nobody", -32002, "no thread"),
        ("repo://shop/status", -32602, "Only threads"),
        ("thread://a/b", -32602, "Only threads"),
    ],
)
async def test_an_older_client_is_told_what_it_cannot_subscribe_to(shop: Path, uri: str, code: int, says: str) -> None:
    async with legacy(shop.parent) as (at, _):
        with pytest.raises(MCPError, match=says) as refused:
            await subscribe(at.client, uri)
        assert refused.value.error.code == code and refused.value.error.data == {"uri": uri}
        assert silence(at.runtime) == []


async def test_what_is_announced_is_what_happens(shop: Path) -> None:
    async with legacy(shop.parent) as (at, _):
        older = at.client.server_capabilities
        async with Client(build_server(at.runtime)) as client:
            newer = client.server_capabilities
    for told in (older, newer):
        assert told.tools and told.prompts and told.resources and told.completions
        assert told.tools.list_changed and told.prompts.list_changed and not told.resources.list_changed
        assert told.resources.subscribe


@asynccontextmanager
async def changing(folder: Path) -> AsyncGenerator[tuple[Server, Changes]]:
    """Serve a list of tools that becomes another."""
    async with running(settings_in(folder), folder / "shop", agents=AGENTS, tools=TOOLS) as runtime:
        changes = Changes(runtime)
        server = Server(name="changing", changing=["tools"], subscriptions=changes.bus)
        changes.serve_on(server)
        yield server, changes


async def test_a_list_that_becomes_another_is_told_in_both_eras(shop: Path) -> None:
    ear = Ear()
    async with changing(shop.parent) as (server, changes), Client(server, mode="legacy", message_handler=ear) as older:
        async with Client(server) as newer, newer.listen(tools_list_changed=True, prompts_list_changed=True) as stream:
            for client in (older, newer):
                told = client.server_capabilities
                assert told.tools and told.tools.list_changed and told.prompts and not told.prompts.list_changed
            assert stream.honored.tools_list_changed and not stream.honored.prompts_list_changed
            await older.list_tools()  # it has said by now that it is there
            await changes.list_changed("tools")
            with anyio.fail_after(5):
                assert await anext(stream) == ToolsListChanged()
            await ear.next(ToolListChangedNotification)
        with pytest.raises(ValueError, match="prompts stays the same"):
            await changes.list_changed("prompts")


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_nobody_subscribes_to_a_thread_of_somebody_else(shop: Path, mode: str) -> None:
    async with running(settings_in(shop.parent), shop, agents=AGENTS, tools=TOOLS) as runtime:
        theirs, place = runtime.acting_for(Caller("somebody else")), Place(repo="shop", session="")
        errand = runtime.engine.agent("errand")
        meant = await wish(theirs, errand, task("ask"), place, client="test", idempotency_key="")
        uri = f"thread://{(await runtime.engine.launch(meant)).id}"
        async with Client(build_server(runtime), mode=mode) as mine:
            if mode == "legacy":
                with pytest.raises(MCPError, match="no thread"):
                    await subscribe(mine, uri)
            else:
                async with mine.listen(resource_subscriptions=[uri]) as stream:
                    assert not stream.honored.resource_subscriptions
            with pytest.raises(MCPError, match="no thread"):
                await mine.read_resource(uri)


async def heard(host: Host, method: str) -> dict[str, Any]:
    """Return the next notification of that method."""
    while (message := await host.receive()).get("method") != method:
        pass
    return message["params"]


async def older_over_pipes(host: Host, uri: str) -> None:
    assert "error" not in await host.answer(await host.ask("resources/subscribe", uri=uri))


async def newer_over_pipes(host: Host, uri: str) -> None:
    await host.ask("subscriptions/listen", _meta=ENVELOPE, notifications={"resourceSubscriptions": [uri]})
    told = await heard(host, "notifications/subscriptions/acknowledged")
    assert told["notifications"]["resourceSubscriptions"] == [uri]


@pytest.mark.requirement("R7")
@pytest.mark.parametrize("subscribe", [older_over_pipes, newer_over_pipes])
async def test_over_pipes_a_host_hears_of_what_another_hosts_server_does(
    shop: Path, subscribe: Callable[[Host, str], Any]
) -> None:
    async with hosted(shop) as first, hosted(shop, greeted=subscribe is older_over_pipes) as second:
        asked = await first.told("errand", **task("ask"))
        await subscribe(second, f"thread://{asked['thread_id']}")
        await first.call("thread_cancel", thread_id=asked["thread_id"])
        told = await heard(second, "notifications/resources/updated")
        assert told["uri"] == f"thread://{asked['thread_id']}"
        await second.hang_up()
        assert await second.ends(3) == 0


@pytest.mark.requirement("R7")
@pytest.mark.parametrize("way", ["http legacy", "http 2026-07-28", "sse legacy"])
async def test_over_http_a_client_hears_of_what_another_process_does(tmp_path: Path, way: str) -> None:
    shop = tmp_path / "src/shop"
    shop.mkdir(parents=True)
    run_git(shop, "init", "-q", "-b", "main")
    run_git(shop, "commit", "-q", "--allow-empty", "-m", "start")
    ear, (transport, mode) = Ear(), way.split()
    with served(shop, FACTOR12_SANDBOX="off") as (_, url), anyio.fail_after(60):
        there = f"{url}/mcp" if transport == "http" else sse_client(f"{url}/sse")
        async with Client(there, mode=mode, message_handler=ear) as client:
            asked = structured(await Calls(client).call("testing"))
            uri = f"thread://{asked['thread_id']}"
            runtime = compose(settings_in(shop.parent), shop)
            thread = runtime.store.load(asked["thread_id"])
            if mode == "legacy":
                await subscribe(client, uri)
                runtime.store.signal(thread, CheckpointTaken(label="by hand", trees={}))
                assert (await ear.next(ResourceUpdatedNotification)).params.uri == uri
            else:
                async with client.listen(resource_subscriptions=[uri]) as stream:
                    runtime.store.signal(thread, CheckpointTaken(label="by hand", trees={}))
                    assert await anext(stream) == ResourceUpdated(uri=uri)
            runtime.database.close()


@pytest.mark.parametrize("era", ERAS)
async def test_over_http_a_token_opens_no_news_and_no_names_of_another_principals_threads(
    tmp_path: Path, era: Era
) -> None:
    shop = repository(tmp_path / "src/shop", SHOP)
    mine, theirs = token(shop, "me"), token(shop, "them")
    async with listening(shop, toys=False) as port:
        url = f"http://127.0.0.1:{port}"
        async with caller(url, theirs, era) as them:
            there = (await them.told("issue_fixer", issue="123", check="none"))["thread_id"]
            assert await named(them.client) == [there]
        async with caller(url, mine, era) as me:
            assert await named(me.client) == []
            with pytest.raises(MCPError, match="no thread"):
                await me.client.read_resource(f"thread://{there}")
            if era == "legacy":
                with pytest.raises(MCPError, match="no thread"):
                    await subscribe(me.client, f"thread://{there}")
            else:
                async with me.client.listen(resource_subscriptions=[f"thread://{there}"]) as stream:
                    assert not stream.honored.resource_subscriptions


async def named(client: Client) -> list[str]:
    """Return the threads that complete the address of one."""
    ref = ResourceTemplateReference(type="ref/resource", uri="thread://{id}")
    return (await client.complete(ref, {"name": "id", "value": ""})).completion.values
