"""Which agents and tools a process has."""

from typing import Any

from agents.runtime.definition import Agent
from tools.base import Tool

AGENTS: tuple[Agent[Any, Any], ...] = ()
TOOLS: tuple[Tool[..., Any], ...] = ()
