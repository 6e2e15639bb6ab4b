"""Load the file of a custom agent by its path: under a private package, on no path, and without writing bytecode."""

import sys
from importlib.abc import ExecutionLoader
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from agents.runtime.definition import Agent

PACKAGE = "factor12_custom"
"""It is on no path, so that no file can import another."""


class NoAgent(Exception):
    """The file ran, and has no `agent` that is one."""


class Given(ExecutionLoader):
    """Loads a module from a text, and reads no other (R14)."""

    def __init__(self, path: Path, source: str) -> None:
        self._path, self._source = path, source

    def get_source(self, fullname: str) -> str:
        return self._source

    def get_filename(self, fullname: str) -> str:
        return str(self._path)


def module_of(path: Path, source: str) -> ModuleType:
    """Run the text as the module of that file, and return it. Whatever it raises comes through."""
    name = f"{PACKAGE}.{path.stem}"
    module = sys.modules[name] = ModuleType(name)
    vars(module)["__file__"] = str(path)
    Given(path, source).exec_module(module)
    return module


def agent_in(module: ModuleType) -> Agent[Any, Any]:
    """Return the module's agent.

    Raises:
        NoAgent: It has none.
    """
    agent: Any = vars(module).get("agent")
    if not isinstance(agent, Agent):
        raise NoAgent(f"its `agent` is a {type(agent).__name__}, not an Agent.")
    return cast("Agent[Any, Any]", agent)


def load(path: Path) -> Agent[Any, Any]:
    """Return the agent of a file, for its tests: nothing is checked but that there is one."""
    return agent_in(module_of(path, path.read_text(encoding="utf-8")))
