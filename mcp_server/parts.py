"""Which agents and tools a process is composed of."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agents.runtime.definition import Agent
from tools.base import Tool


@dataclass(frozen=True)
class Parts:
    """Which agents and tools a process has."""

    agents: tuple[Agent[Any, Any], ...]
    tools: tuple[Tool[..., Any], ...]


def catalogued() -> Parts:
    """Return all there are. Their code is imported when it is first needed: a host waits for the start."""
    from mcp_server.catalogue import AGENTS, TOOLS

    return Parts(AGENTS, TOOLS)


def parts_of(
    agents: tuple[Agent[Any, Any], ...] | None, tools: tuple[Tool[..., Any], ...] | None
) -> Callable[[], Parts]:
    """Return what makes the parts: `catalogued` itself unless something else is given, by which the list is kept."""
    if agents is None and tools is None:
        return catalogued

    def given() -> Parts:
        known = catalogued() if agents is None or tools is None else Parts(agents, tools)
        return Parts(known.agents if agents is None else agents, known.tools if tools is None else tools)

    return given
