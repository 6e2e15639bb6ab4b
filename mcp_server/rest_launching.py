"""Launch an agent from what a JSON body says."""

from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json

from agents.runtime.definition import Agent
from agents.runtime.engine import Source
from mcp_server.compose import Runtime
from mcp_server.enabling import BETWEEN
from mcp_server.launching import Place, wish
from state.problem import ProblemError
from state.thread import Thread
from tools.base import first_complaint


async def launched(
    runtime: Runtime,
    name: str,
    task: dict[str, Any],
    place: Place,
    *,
    client: str,
    source: Source = "rest",
    untrusted: tuple[str, ...] = (),
    idempotency_key: str = "",
) -> Thread:
    """Launch an agent.

    Raises:
        ProblemError: `not_found` (no such agent), `bad_input` (the task); as `wish` and `Engine.launch`.
    """
    if BETWEEN in name:
        await runtime.custom.learn()
    agent = offered(runtime, name)
    known = ", ".join(agent.input.model_fields)
    if unknown := sorted(task.keys() - agent.input.model_fields.keys()):
        raise ProblemError("bad_input", f"{agent.name} has no field {unknown[0][:80]!r}.", f"Its task has: {known}.")
    if agent.mode == "read" and place.isolation != "in_place":
        raise ProblemError("bad_input", f"{agent.name} only reads.", "Leave `isolation` out.")
    meant = await wish(
        runtime,
        agent,
        _checked(agent, task),
        place,
        client=client,
        source=source,
        untrusted=untrusted,
        idempotency_key=idempotency_key,
    )
    return await runtime.engine.launch(meant)


def _checked(agent: Agent[Any, Any], task: dict[str, Any]) -> dict[str, Any]:
    """Return the task, if every field is of its type as JSON has it."""
    try:
        checked = agent.input.model_validate_json(to_json(task), strict=True)
    except ValidationError as error:
        hint = f"Its task has: {', '.join(agent.input.model_fields)}."
        raise ProblemError("bad_input", f"{agent.name}: {first_complaint(error)}", hint) from error
    return checked.model_dump(mode="json", exclude_unset=True)


def told(runtime: Runtime, name: str, message: str) -> dict[str, Any]:
    """Return the task that a message means: the one text that the agent must be given.

    Raises:
        ProblemError: `not_found` (no such agent), `bad_input` (its task is more, or less, than one text).
    """
    agent = offered(runtime, name)
    if not (field := one_text(agent)):
        hint = f"Launch it with `agent` and `task`; its task has: {', '.join(agent.input.model_fields)}."
        raise ProblemError("bad_input", f"{agent.name} is not told what to do in one text.", hint)
    return {field: message}


def one_text(agent: Agent[Any, Any]) -> str:
    """Return the only field that the agent's task must have, if that is a text."""
    match [(name, field.annotation) for name, field in agent.input.model_fields.items() if field.is_required()]:
        case [(name, annotation)] if annotation is str:
            return name
        case _:
            return ""


def offered(runtime: Runtime, name: str) -> Agent[Any, Any]:
    """Return the agent that is called by this name.

    Raises:
        ProblemError: `not_found`, with the names there are.
    """
    known = {agent.name: agent for agent in runtime.engine.offered}
    if (found := known.get(name)) is None:
        if (why := runtime.custom.missing(name)) is not None:
            raise ProblemError(why.kind, why.message, why.hint)
        raise ProblemError("not_found", f"There is no agent {name[:80]!r}.", f"There are: {', '.join(known)}.")
    return found
