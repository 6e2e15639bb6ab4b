"""Which of the tools a server offers: all, or those that a person's settings leave of them."""

from collections.abc import Collection, Sequence

from mcp_server.enabling import BETWEEN
from mcp_server.schemas import Schema
from mcp_server.settings import Settings
from state.problem import ProblemError


def offered(settings: Settings, tools: Sequence[Schema]) -> list[Schema]:
    """Return the tools to list and to call, in their order; each setting leaves fewer.

    Agents of a person's own repositories (`repo__agent`) come and go, so a name like that is never wrong here.

    Raises:
        ProblemError: `bad_input`; a name that no tool has, or nothing is left.
    """
    known = [tool["name"] for tool in tools]
    foreign = [name for name in settings.tools or () if BETWEEN in name]
    if unknown := [name for name in settings.tools or () if name not in known and name not in foreign]:
        message = f"FACTOR12_TOOLS names {', '.join(map(repr, unknown))}, which is no tool."
        raise ProblemError("bad_input", message, f"There are: {', '.join(known)}.")
    left = [tool for tool in tools if is_wanted(settings, tool)]
    if not left and not foreign:
        message = "FACTOR12_TOOLSETS, FACTOR12_TOOLS and FACTOR12_READ_ONLY together leave no tool."
        raise ProblemError("bad_input", message, "Leave one of them out, or name more.")
    return left


def is_wanted(settings: Settings, tool: Schema) -> bool:
    """Tell whether the settings leave this tool."""
    if tool["toolset"] not in settings.toolsets:
        return False
    if settings.read_only and not tool["annotations"]["readOnlyHint"]:
        return False
    return settings.tools is None or tool["name"] in settings.tools


COMMANDS = {
    "thread_list": "threads list",
    "thread_wait": "threads watch",
    "thread_history": "threads show",
    "thread_answer": "answer",
    "thread_resume": "threads resume",
    "thread_fork": "threads fork",
    "thread_cancel": "threads cancel",
    "checkpoint_list": "checkpoints list",
    "checkpoint_diff": "checkpoints diff",
    "checkpoint_restore": "checkpoints restore",
    "repo_list": "repo list",
    "repo_switch": "repo switch",
    "repo_restore": "repo restore",
}
"""What a person types for what results tell a model to call."""


def said(step: str, absent: Collection[str]) -> str:
    """Return the next step; where it names tools that are not offered, with what the person can do instead."""
    named = [name for name in COMMANDS if name in absent and f"`{name}`" in step]
    if not named:
        return step
    instead = ", ".join(f"`factor12 {COMMANDS[name]}` for `{name}`" for name in named)
    return f"{step} Not all of that is offered here; the person has {instead}."
