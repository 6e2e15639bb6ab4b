"""A task on the command line: which fields it has, and the words that fill them."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeAlias

import typer

from agents.runtime.definition import Agent
from state.problem import ProblemError

PAIR = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)=(.*)", re.DOTALL)

Words: TypeAlias = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY=VALUE", help="Fields of the task as words; one without a key is the first field."),
]


def task_fields(agent: Agent[Any, Any]) -> Mapping[str, Mapping[str, Any]]:
    """Return the JSON schema of each field of the agent's task, the first field first."""
    return agent.input.model_json_schema().get("properties", {})


def read_words(agent: str, fields: Mapping[str, Mapping[str, Any]], words: Sequence[str]) -> dict[str, Any]:
    """Return what `KEY=VALUE` words say; a word without a key is the first field, a repeated key makes a list.

    Raises:
        ProblemError: `bad_input`; an unknown key, or a second word without one.
    """
    task: dict[str, Any] = {}
    for word in words:
        match = PAIR.fullmatch(word)
        key, value = (match[1].replace("-", "_"), match[2]) if match else (next(iter(fields), ""), word)
        if key not in fields:
            raise ProblemError("bad_input", f"{agent} has no {key!r}.", f"It takes: {', '.join(fields) or 'nothing'}.")
        if fields[key].get("type") == "array":
            task[key] = [*task.get(key, ()), value]
        elif key in task:
            raise ProblemError("bad_input", f"{agent} is given {key!r} twice.", "Quote a value that has spaces.")
        else:
            task[key] = value
    return task
