"""All agents of a process under their names: our own, and those of a person's repositories."""

from collections.abc import Iterator, Mapping
from typing import Any

from agents.runtime.definition import Agent
from mcp_server.custom import Custom


class Roster(Mapping[str, Agent[Any, Any]]):
    """Our own agents, and those of repositories as they are at the moment."""

    def __init__(self, own: Mapping[str, Agent[Any, Any]], custom: Custom) -> None:
        self._own, self._custom = own, custom

    def __getitem__(self, name: str) -> Agent[Any, Any]:
        if (found := self._own.get(name) or self._custom.agent(name)) is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        yield from self._own
        yield from self._custom.named()

    def __len__(self) -> int:
        return len(self._own) + len(self._custom.named())
