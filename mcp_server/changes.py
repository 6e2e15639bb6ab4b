"""Who wants to hear of changes hears of them, in both eras, also of what another process wrote.

A client of 2026-07-28 keeps a `subscriptions/listen` open; an older one sends `resources/subscribe`. The store is
looked at only while somebody has subscribed to a thread (R7), and nobody subscribes to what they may not read.
"""

import logging
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Iterable
from contextlib import contextmanager

import anyio
from mcp.server.connection import Connection
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    PromptsListChanged,
    ResourcesListChanged,
    ResourceUpdated,
    ServerEvent,
    ToolsListChanged,
)
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    EmptyResult,
    NotificationParams,
    SubscribeRequestParams,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
    UnsubscribeRequestParams,
)

from agents.runtime.engine import TICK_S
from mcp_server.compose import Runtime
from mcp_server.reading import reader
from mcp_server.sdk import OLDER_NOT_FOUND, ListName, RequestCtx, Server, Session
from state.listing import heads
from state.problem import ProblemError

log = logging.getLogger(__name__)

THREAD = re.compile(r"thread://([0-9A-Za-z_-]{1,100})(?:/question|/events(?:\?after=\d{1,9})?)?")
"""The resources that change and of which it can be known: a thread's own."""
MOST_WATCHED = 1000
"""Resources one client may subscribe to."""
PATIENCE_S = 1.0
"""How long a client of the older era may take to receive; others wait no longer for it."""
_LISTS: dict[ListName, ServerEvent] = {
    "tools": ToolsListChanged(),
    "prompts": PromptsListChanged(),
    "resources": ResourcesListChanged(),
}


class Changes:
    """What changes, and who is told."""

    def __init__(self, runtime: Runtime) -> None:
        self.bus = InMemorySubscriptionBus()
        self._runtime = runtime
        self._listen = ListenHandler(self.bus)
        self._older = dict[Connection, set[str]]()
        """Open connections of the older era, and what each is subscribed to."""
        self._watched = Counter[str]()
        """Subscribed resources of threads, of both eras."""
        self._heads = dict[str, int]()
        """Thread → how far it was when its subscribers were last told."""
        self._streams = 0
        """Open streams of clients that want to hear of lists."""
        self.begins: Callable[[], Awaitable[None]] | None = None
        """Called when somebody begins to listen for changes of lists."""

    def serve_on(self, server: Server) -> None:
        """Answer the methods by which clients subscribe."""
        self._changing = server.changing
        server.serve("subscriptions/listen", SubscriptionsListenRequestParams, self.listen)
        server.serve("resources/subscribe", SubscribeRequestParams, self.subscribe)
        server.serve("resources/unsubscribe", UnsubscribeRequestParams, self.unsubscribe)
        server.hear("notifications/initialized", NotificationParams, self.greet)

    async def list_changed(self, name: ListName) -> None:
        """Tell every client that a list is another now; the server must have said that it may change."""
        if name not in self._changing:
            raise ValueError(f"clients were told that the list of {name} stays the same")
        await self.bus.publish(_LISTS[name])
        await self._notify(f"notifications/{name}/list_changed", None, self._older)

    @property
    def has_listeners(self) -> bool:
        """Whether anybody would hear that a list is another."""
        return bool(self._older) or self._streams > 0

    async def listen(self, ctx: RequestCtx, params: SubscriptionsListenRequestParams) -> SubscriptionsListenResult:
        """Serve a stream; acknowledged is what may come of what was asked for."""
        wanted = params.notifications
        uris = self._readable(ctx, wanted.resource_subscriptions or ())
        honoured = wanted.model_copy(
            update={
                "tools_list_changed": wanted.tools_list_changed and "tools" in self._changing,
                "prompts_list_changed": wanted.prompts_list_changed and "prompts" in self._changing,
                "resources_list_changed": wanted.resources_list_changed and "resources" in self._changing,
                "resource_subscriptions": uris,
            }
        )
        lists = int(bool(honoured.tools_list_changed or honoured.prompts_list_changed))
        with self._watching(uris), self._hearing(lists):
            await self._follow_if_any()
            await self._begun()
            return await self._listen(ctx, params.model_copy(update={"notifications": honoured}))

    async def subscribe(self, ctx: RequestCtx, params: SubscribeRequestParams) -> EmptyResult:
        uri = str(params.uri)
        mine = self._known(Session.connection(ctx.session))
        if uri not in mine:
            if THREAD.fullmatch(uri) is None:
                raise MCPError(INVALID_PARAMS, "Only threads tell that they change: thread://{id}", {"uri": uri})
            if len(mine) >= MOST_WATCHED:
                raise MCPError(INVALID_PARAMS, f"At most {MOST_WATCHED} resources can be subscribed to.", {"uri": uri})
            if not self._readable(ctx, [uri]):
                raise MCPError(OLDER_NOT_FOUND, f"There is no thread for {uri!r}.", {"uri": uri})
            mine.add(uri)
            self._watched[uri] += 1
            await self._follow_if_any()
        return EmptyResult()

    async def unsubscribe(self, ctx: RequestCtx, params: UnsubscribeRequestParams) -> EmptyResult:
        mine, uri = self._known(Session.connection(ctx.session)), str(params.uri)
        if uri in mine:
            mine.remove(uri)
            self._unwatch([uri])
        return EmptyResult()

    async def greet(self, ctx: RequestCtx, params: NotificationParams) -> None:
        """Remember a client of the older era: from here on it may be told something unasked."""
        self._known(Session.connection(ctx.session))
        await self._begun()

    async def _begun(self) -> None:
        if self.begins is not None and self.has_listeners:
            await self.begins()

    @contextmanager
    def _hearing(self, lists: int) -> Generator[None]:
        self._streams += lists
        try:
            yield
        finally:
            self._streams -= lists

    def _known(self, connection: Connection) -> set[str]:
        if connection not in self._older:
            self._older[connection] = set()
            connection.exit_stack.callback(self._forget, connection)
        return self._older[connection]

    def _forget(self, connection: Connection) -> None:
        self._unwatch(self._older.pop(connection, ()))

    def _readable(self, ctx: RequestCtx, uris: Iterable[str]) -> list[str]:
        """Return those of a caller's own threads, and take down how far these are."""
        seen = reader(self._runtime, ctx.request)
        named = {uri: found[1] for uri in list(uris)[:MOST_WATCHED] if (found := THREAD.fullmatch(uri))}
        there = heads(seen.database, named.values(), seen.principal)
        self._heads = there | self._heads
        return [uri for uri, thread in named.items() if thread in there]

    @contextmanager
    def _watching(self, uris: list[str]) -> Generator[None]:
        self._watched.update(uris)
        try:
            yield
        finally:
            self._unwatch(uris)

    def _unwatch(self, uris: Iterable[str]) -> None:
        self._watched.subtract(Counter(uris))
        self._watched = +self._watched
        kept = self._threads()
        self._heads = {thread: head for thread, head in self._heads.items() if thread in kept}

    def _threads(self) -> dict[str, list[str]]:
        """Return each watched thread's resources."""
        threads = dict[str, list[str]]()
        for uri in self._watched:
            if found := THREAD.fullmatch(uri):
                threads.setdefault(found[1], []).append(uri)
        return threads

    async def _follow_if_any(self) -> None:
        if self._watched:
            await self._runtime.background.within(0, "follow changes", self._follow)

    async def _follow(self) -> None:
        """Look at the store, until nobody is subscribed: did another connection write, or this one?"""
        store, connection, seen = self._runtime.store, self._runtime.database.connection, (-1, -1)
        while self._watched:
            try:
                now = (store.changes(), connection.total_changes)
                if now != seen:
                    await self._tell()
                    seen = now
            except ProblemError as error:  # the store may be well at the next look
                log.info("subscribers are told later: %s", error)
            await anyio.sleep(TICK_S)

    async def _tell(self) -> None:
        threads = self._threads()
        there = heads(self._runtime.database, threads)
        moved = [thread for thread in threads if there.get(thread, 0) != self._heads.get(thread, 0)]
        self._heads |= {thread: there.get(thread, 0) for thread in moved}
        for uri in (uri for thread in moved for uri in threads[thread]):
            await self.bus.publish(ResourceUpdated(uri))
            subscribed = [connection for connection, mine in self._older.items() if uri in mine]
            await self._notify("notifications/resources/updated", {"uri": uri}, subscribed)

    async def _notify(self, method: str, params: dict[str, str] | None, connections: Iterable[Connection]) -> None:
        async with anyio.create_task_group() as group:
            for connection in list(connections):
                group.start_soon(_send, connection, method, params)


async def _send(connection: Connection, method: str, params: dict[str, str] | None) -> None:
    with anyio.move_on_after(PATIENCE_S) as patience:
        await connection.notify(method, params)
    if patience.cancelled_caught:
        log.info("a client took too long to receive %s", method)
