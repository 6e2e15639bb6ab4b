"""What a custom agent decides, as JSON: that is all of it that leaves the process it decides in."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_jsonable_python

from agents.runtime.definition import Agent
from state.events import Event, Launched, Resolved
from state.fold import replay
from state.problem import ProblemError
from state.steps import Abort, Ask, Call, Done, Step, Think
from state.thread import Thread
from tools.base import first_complaint


def decided(agent: Agent[Any, Any], thread: Thread) -> Step:
    """Return the step, from a task of its own.

    Raises:
        ProblemError: `bad_input`; the task does not fit. As the agent's own.
    """
    try:
        task = agent.task(thread)
    except ValidationError as error:
        raise ProblemError(
            "bad_input", f"{thread.agent}: {first_complaint(error)}", "Launch it with another task."
        ) from error
    return agent.next_step(task, thread)


def written(agent: Agent[Any, Any], step: Any) -> dict[str, Any]:
    """Return a step as JSON.

    Raises:
        TypeError: It is none, or holds what is no JSON.
    """
    try:
        match step:
            case Call(key, tool, args):
                return {"call": {"key": _text(key), "tool": tool, "args": _json(args)}}
            case Think():
                given = {field.name: getattr(step, field.name) for field in fields(step)}
                schema = TypeAdapter(step.returns).json_schema()
                asked = {**given, "key": _text(step.key), "returns": schema, "context": _json(step.context)}
                return {"think": asked}
            case Ask(key, text, options, by, context):
                question = {"key": _text(key), "text": text, "options": list(options), "answer_by": by}
                return {"ask": {**question, "context": _json(context)}}
            case Done(output, outcome) if isinstance(output, agent.output):
                return {"done": {"output": output.model_dump(mode="json"), "outcome": outcome}}
            case Done(output):
                raise TypeError(f"it ended with a {type(output).__name__}, not a {agent.output.__name__}")
            case Abort(reason):
                return {"abort": reason.model_dump()}
            case _:
                raise TypeError(f"it decided a {type(step).__name__}, which is no step")
    except PydanticSerializationError as error:
        raise TypeError(str(error)) from error


def _json(value: Mapping[str, Any]) -> dict[str, Any]:
    return to_jsonable_python(dict(value))


def _text(key: Any) -> str:
    if not isinstance(key, str) or not key:
        raise TypeError(f"the key of a step is a text, not {key!r}")
    return key


def step_after(agent: Agent[Any, Any], task: Mapping[str, Any], outcomes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the step that follows from a task and what came of earlier steps by their keys, for tests of an agent.

    It is {"call" | "think" | "ask" | "done" | "abort": …}.
    """
    log: list[Event] = [Launched(agent=agent.name, session="test", task=dict(task), at=0.0)]
    log += [Resolved(key=key, value=value, tool=key, args={}) for key, value in outcomes.items()]
    return written(agent, decided(agent, replay("test", log)))
