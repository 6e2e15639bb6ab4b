"""What the server knows of a custom agent, rebuilt from what its process says of it: types, and no code."""

import logging
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from agents.runtime.definition import Agent, Elsewhere
from mcp_server.custom_files import Source
from mcp_server.enabling import BETWEEN
from state.problem import Problem, ProblemError
from state.steps import Step
from state.thread import Thread

if TYPE_CHECKING:
    from mcp_server.custom_child import Child

log = logging.getLogger(__name__)

LONGEST_NAME = 64
"""What hosts take, their own prefix not counted."""
LOAD_S = 5.0
"""A file that only defines an agent is loaded in milliseconds."""
Told: TypeAlias = dict[str, Any]
"""What is known of one file: `shape`, `tool` and `prompt`, or `problem`."""


async def describe(child: "Child", one: Source) -> Told:
    """Have a file described by its process."""
    try:
        reply = await child.ask(one, "shape", LOAD_S)
        return _described(one, reply.get("shape"))
    except ProblemError as error:
        return {"problem": error.problem.model_dump()}
    except Exception as error:  # it need not be our code that answers, and a description may be anything
        log.exception("%s of %r is described in no way that can be used", one.file, one.repo)
        message = f"{one.file} of {one.repo!r} cannot be offered: what it says of itself is a {type(error).__name__}."
        hint = f"`factor12 check {one.repo}` tries it alone."
        return {"problem": Problem(kind="refused", message=message, hint=hint).model_dump()}


def _described(one: Source, told: object) -> Told:
    from mcp_server import agent_tools, prompts, toolbox
    from mcp_server.custom_shape import Shaped

    shape = Shaped.model_validate(told).model_dump()
    if len(name := f"{slug(one.repo)}{BETWEEN}{shape['name']}") > LONGEST_NAME:
        message = f"{one.file} of {one.repo!r} is called {name!r}; hosts take {LONGEST_NAME} characters."
        raise ProblemError("bad_input", message, "Give it a shorter name.")
    agent = made(name, shape)
    tool = toolbox.shown(agent_tools.entry(agent), "agents")
    return {"shape": shape, "tool": tool, "prompt": prompts.shown(agent)}


def made(name: str, shape: Mapping[str, Any], digest: str = "", elsewhere: Elsewhere | None = None) -> Agent[Any, Any]:
    """Return the agent as this process knows it: its types rebuilt from their schemas, and no code."""
    from mcp_server.custom_shape import modelled

    return Agent(
        name,
        shape["title"],
        shape["description"],
        modelled(shape["input"]),
        modelled(shape["output"]),
        _never,
        mode=shape["mode"],
        reads=tuple(shape["reads"]),
        elsewhere=elsewhere,
        digest=digest,
    )


def _never(_: Any, thread: Thread) -> Step:
    raise AssertionError(f"{thread.agent} decides in a process of its own")


def slug(repo: str) -> str:
    """Return a repository's name as part of a tool's."""
    return re.sub(r"[^a-z0-9]+", "_", repo.lower()).strip("_") or "repo"
