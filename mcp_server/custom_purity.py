"""Try an agent on logs: recorded ones, and ones made up from what its tools and the model may answer (R2).

Two copies of the file, loaded apart, go over every prefix, one forwards and one backwards: what an agent keeps between
calls, or takes from a clock or a counter, shows as another step.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from agents.runtime.definition import Agent
from mcp_server.plugin import TOOLS
from state.events import Answered, Asked, Event, Failed, Launched, Question, Resolved
from state.fold import replay
from state.identity import identity
from state.problem import Problem
from state.rows import decode
from state.thread import Thread

MOST_STEPS = 30
Note: TypeAlias = dict[str, Any]
"""`kind`: impure, raised or tried; `says`: in words."""
Decided: TypeAlias = dict[str, Any]
"""A step as `custom_steps.written` has it, or what was `raised` in its place."""


def explored(
    agents: tuple[Agent[Any, Any], Agent[Any, Any]],
    recorded: Sequence[Sequence[Sequence[Any]]],
    decide: Callable[[Agent[Any, Any], Thread], Decided],
) -> list[Note]:
    """Return what was found, and at last how much was tried."""
    agent, fresh = agents
    notes, tried = list[Note](), 0
    for name, log in _logs(agent, recorded, decide):
        prefixes = [replay("t", log[:end]) for end in range(1, len(log) + 1)]
        tried += len(prefixes)
        forwards = [decide(agent, prefix) for prefix in prefixes]
        backwards = [decide(fresh, prefix) for prefix in reversed(prefixes)][::-1]
        for at, (one, other) in enumerate(zip(forwards, backwards, strict=True)):
            after = f"{name}, after {log[at].kind} {getattr(log[at], 'key', '')}".strip()
            if one != other:
                notes.append({"kind": "impure", "says": f"{after}: two different steps from the same log"})
                break
            if "raised" in one:
                notes.append({"kind": "raised", "says": f"{after}: {one['raised']['message']}"})
                break
    return [*notes, {"kind": "tried", "says": f"{tried} logs", "tried": tried}]


def _logs(
    agent: Agent[Any, Any],
    recorded: Sequence[Sequence[Sequence[Any]]],
    decide: Callable[[Agent[Any, Any], Thread], Decided],
) -> list[tuple[str, list[Event]]]:
    task: dict[str, Any] = _made_up(agent.input.model_json_schema(), {})
    first = Launched(agent=agent.name, session="s", task=task, at=1_000_000.0)
    made = [
        ("a made-up log", _walked(agent, first, decide, _succeeded)),
        ("a log of failures", _walked(agent, first, decide, _failed)),
    ]
    real = [(f"recorded log {number}", [decode(*event) for event in log]) for number, log in enumerate(recorded, 1)]
    return [*made, *real]


def _walked(
    agent: Agent[Any, Any],
    first: Launched,
    decide: Callable[[Agent[Any, Any], Thread], Decided],
    called: Callable[[Decided], Event],
) -> list[Event]:
    """Go on from the launch by whatever the last step may come to, until the agent ends or repeats itself."""
    log: list[Event] = [first]
    while len(log) < MOST_STEPS:
        thread = replay("t", log)
        if (more := _outcome(thread, decide(agent, thread), called)) is None:
            return log
        log += more
    return log


def _outcome(thread: Thread, step: Decided, called: Callable[[Decided], Event]) -> list[Event] | None:
    match step:
        case {"call": {"key": str(key)}} if key not in thread.effects and not thread.failures.get(key):
            return [called(step["call"])]
        case {"think": {"key": str(key), "returns": _}} if key not in thread.effects:
            answer = _made_up(step["think"]["returns"], {})
            return [Resolved(key=key, value=answer, tool="think", args={})]
        case {"ask": {"key": str(key), "text": str(text), "options": [*options]}} if key not in thread.effects:
            question = Question(key=key, kind="question", answer_by="anyone", text=text, options=tuple(options))
            answered = Answered(key=key, answer=options[0] if options else "yes", channel="check")
            return [Asked(key=key, topic="agent", question=question), answered]
        case _:
            return None


def _succeeded(call: Decided) -> Event:
    """Have a tool answer the least that it may."""
    known = next((one for one in TOOLS if one.name == call["tool"]), None)
    value = _made_up(known.output_schema(), {}) if known is not None else None
    return Resolved(key=call["key"], value=value, tool=call["tool"], args=call["args"])


def _failed(call: Decided) -> Event:
    problem = Problem(kind="not_found", message=f"{call['tool']} found nothing.", hint="")
    return Failed(key=call["key"], hash=identity(call["tool"], call["args"]), problem=problem)


def _made_up(schema: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    """Return a value that fits the schema, as small as it may be."""
    known = schema.get("$defs", known)
    match schema:
        case {"default": value} | {"const": value} | {"enum": [value, *_]} | {"examples": [value, *_]}:
            return value
        case {"$ref": str(reference)}:
            return _made_up(known[reference.rpartition("/")[2]], known)
        case {"anyOf": [*options]} | {"oneOf": [*options]} | {"allOf": [*options]}:
            return _made_up(options[0], known)
        case {"type": "object"}:
            fields, needed = schema.get("properties", {}), schema.get("required", ())
            return {name: _made_up(fields[name], known) for name in needed}
        case {"type": "array"}:
            return [_made_up(schema["items"], known)] * int(schema.get("minItems", 0))
        case _:
            return _plain(schema)


def _plain(schema: Mapping[str, Any]) -> Any:
    match schema.get("type"):
        case "string":
            return "x" * max(1, int(schema.get("minLength", 1)))
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return False
        case _:
            return None
