"""Which agents and tools a process has."""

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
