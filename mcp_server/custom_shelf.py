"""The agents of a person's own repositories among a server's tools and prompts, as they are at the moment.

They are looked at before every list and call, and every two seconds while there are some and a client listens (R7).
"""

import logging
from collections.abc import Collection
from typing import Any

import anyio

from agents.runtime.definition import Agent
from mcp_server.changes import Changes
from mcp_server.compose import Runtime
from mcp_server.custom_files import Broken
from mcp_server.enabling import BETWEEN
from mcp_server.narrowing import is_wanted
from mcp_server.prompts import prompt
from mcp_server.sdk import Server
from mcp_server.toolbox import Entry, tools

log = logging.getLogger(__name__)

PATIENCE_S = 3.0
"""How long a list waits for files that were never described; who listens is told of them when they are."""
EVERY_S = 2.0


class Shelf:
    """One per server."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._shown: object = None
        self._broken = list[Broken]()
        self.names: frozenset[str] = frozenset()
        """Of the custom agents that are offered."""

    def serve_on(self, server: Server, changes: Changes, absent: Collection[str]) -> None:
        """Offer what is known already, and go on from there."""
        self._server, self._changes, self._absent = server, changes, absent
        self._runtime.custom.look()
        self._put()
        server.renew = self._renew
        changes.begins = self._begin

    def agents(self, names: Collection[str]) -> list[Agent[Any, Any]]:
        """Return the agents of these names, and the custom ones that are offered."""
        return [agent for agent in self._runtime.engine.offered if agent.name in {*names, *self.names}]

    async def _renew(self, name: str) -> None:
        """Look, which is quick; only files that were never described take long."""
        self._runtime.custom.look()
        if self._runtime.custom.unknown:
            patience = PATIENCE_S if not name or BETWEEN in name else 0
            await self._runtime.background.within(patience, "show agents", self._learn)
        else:
            await self._tell()

    async def _learn(self) -> None:
        await self._runtime.custom.learn()
        await self._tell()

    async def _tell(self) -> None:
        """Put on the server what there is, and tell of it if it is something else than before."""
        if self._put():
            await self._begin()
            await self._changes.list_changed("tools")
            await self._changes.list_changed("prompts")

    def _put(self) -> bool:
        """Put on the server what there is; false if that is what stands there. What is broken is logged, once."""
        for one in self._runtime.custom.broken:
            if one not in self._broken:
                log.warning("of the agents of repositories: %s", one.problem)
        self._broken = self._runtime.custom.broken
        settings, (told, prompts) = self._runtime.settings, self._runtime.custom.shown()
        left = [tool for tool in told if is_wanted(settings, tool)]
        shown = [left, prompts]
        if shown == self._shown or (self._shown is None and not left):
            return False
        names = {tool["name"] for tool in left}
        offered = [prompt(self._runtime, fields) for fields in prompts if fields["name"] in names]
        self._server.put(tools(self._runtime, left, self._entry, self._absent), offered, self.names)
        self._shown, self.names = shown, frozenset(names)
        return True

    def _entry(self, name: str) -> Entry:
        from mcp_server.agent_tools import entry

        return entry(self._runtime.engine.agent(name))

    async def _begin(self) -> None:
        if self._runtime.custom.is_watching and self._changes.has_listeners:
            await self._runtime.background.within(0, "follow agents", self._follow)

    async def _follow(self) -> None:
        while self._changes.has_listeners and self._runtime.custom.is_watching:
            await anyio.sleep(EVERY_S)
            await self._learn()
