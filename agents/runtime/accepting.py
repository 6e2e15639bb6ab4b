"""Check a task against what its agent takes, before a thread is opened for it."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from agents.runtime.answers import storable
from agents.runtime.definition import Agent
from state.problem import ProblemError
from tools.base import first_complaint


def accepted(agent: Agent[Any, Any], task: Mapping[str, Any], hint: str = "") -> dict[str, Any]:
    """Return the task as the log keeps it: typed, without defaults.

    Raises:
        ProblemError: `bad_input`; the agent does not take it, or the log cannot keep it.
    """
    try:
        given = agent.input.model_validate(dict(task)).model_dump(mode="json", exclude_defaults=True)
    except ValidationError as error:
        told = hint or f"`factor12 info {agent.name}` shows what it takes."
        raise ProblemError("bad_input", f"{agent.name}: {first_complaint(error)}", told) from error
    return storable(given, "The task")
