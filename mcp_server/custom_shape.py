"""What a custom agent takes and returns, as data: the server never holds the classes of code that is not ours."""

import re
from collections.abc import Mapping
from functools import reduce
from types import NoneType
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.errors import PydanticUserError
from pydantic_core import to_json

from agents.runtime.definition import Agent

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
LONGEST_TEXT = 600
LARGEST = 12_000
"""Bytes of both schemas together: every host reads them in every conversation."""
Schema: TypeAlias = dict[str, Any]
TYPES: Mapping[str, Any] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "null": NoneType,
    "object": dict[str, Any],
    "array": list[Any],
}
LIMITS = {
    "minimum": "ge",
    "maximum": "le",
    "exclusiveMinimum": "gt",
    "exclusiveMaximum": "lt",
    "minLength": "min_length",
    "maxLength": "max_length",
    "minItems": "min_length",
    "maxItems": "max_length",
    "pattern": "pattern",
}


class Shaped(BaseModel):
    """An agent without its code."""

    model_config = ConfigDict(frozen=True)

    name: Annotated[str, Field(pattern=f"^{NAME.pattern}$")]
    title: Annotated[str, Field(max_length=LONGEST_TEXT)]
    description: Annotated[str, Field(max_length=LONGEST_TEXT)]
    mode: Literal["read", "write"]
    reads: list[str]
    input: Schema
    output: Schema


def shape(agent: Agent[Any, Any]) -> Shaped:
    """Return what hosts are told of an agent.

    Raises:
        ValueError: What is wrong with it, as a sentence.
    """
    named: Any = agent.name  # a file may give anything
    if not isinstance(named, str) or not NAME.fullmatch(named) or "__" in named:
        raise ValueError(f"its name is {agent.name!r}; a name is small letters, digits and single _, at most 40.")
    for field in ("title", "description"):
        text = getattr(agent, field)
        if not isinstance(text, str) or not text.strip() or len(text) > LONGEST_TEXT:
            raise ValueError(f"its {field} must be a text of at most {LONGEST_TEXT} characters.")
    if agent.mode not in ("read", "write") or not callable(agent.next_step):
        raise ValueError("its mode is `read` or `write`, and its next_step a function.")
    task, output = _schema(agent, "input"), _schema(agent, "output")
    if taken := {"repo", "session", "isolation"}.intersection(task.get("properties", ())):
        raise ValueError(f"its task has the field {min(taken)!r}, which every agent's call has already.")
    if unknown := [name for name in agent.reads if name not in task.get("properties", ())]:
        raise ValueError(f"its `reads` names {unknown[0]!r}, which is no field of its task.")
    if len(to_json([task, output])) > LARGEST:
        raise ValueError(f"the schemas of its task and output have more than {LARGEST} bytes.")
    return Shaped(
        name=agent.name,
        title=agent.title,
        description=" ".join(agent.description.split()),
        mode=agent.mode,
        reads=list(agent.reads),
        input=task,
        output=output,
    )


def _schema(agent: Agent[Any, Any], which: Literal["input", "output"]) -> Schema:
    model = getattr(agent, which)
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise ValueError(f"its {which} is {model!r}, not a model of pydantic.")
    try:
        made = model.model_json_schema(mode="validation" if which == "input" else "serialization")
        modelled(made)
    except (PydanticUserError, TypeError, RecursionError, KeyError) as error:
        raise ValueError(f"its {which} has no JSON schema: {str(error).splitlines()[0]}") from error
    return made


def modelled(schema: Schema) -> type[BaseModel]:
    """Return a model of an object's schema, as strict as the schema says; the agent's own validates once more."""
    return _model(schema, schema.get("$defs", {}), {})


def _model(schema: Schema, known: Schema, made: dict[str, Any]) -> type[BaseModel]:
    required = schema.get("required", ())
    fields: dict[str, Any] = {
        name: (_annotated(field, known, made), _field(field, needed=name in required))
        for name, field in schema.get("properties", {}).items()
    }
    extra: Literal["forbid", "ignore"] = "forbid" if schema.get("additionalProperties") is False else "ignore"
    config = ConfigDict(extra=extra, protected_namespaces=())
    return create_model(
        str(schema.get("title", "Shape")), __config__=config, __doc__=schema.get("description"), **fields
    )


def _field(field: Schema, *, needed: bool) -> Any:
    told = {name: field[name] for name in ("description", "examples") if name in field}
    return Field(... if needed else field.get("default"), **told)


def _annotated(schema: Schema, known: Schema, made: dict[str, Any]) -> Any:
    limits = {ours: schema[theirs] for theirs, ours in LIMITS.items() if theirs in schema}
    kind = _kind(schema, known, made)
    return Annotated[kind, Field(**limits)] if limits else kind


def _kind(schema: Schema, known: Schema, made: dict[str, Any]) -> Any:
    match schema:
        case {"$ref": str(reference)}:
            return _referred(reference.rpartition("/")[2], known, made)
        case {"const": value}:
            return Literal[value]
        case {"enum": [*values]}:
            return Literal[tuple(values)]
        case {"anyOf": [*options]} | {"oneOf": [*options]} | {"allOf": [*options]}:
            return reduce(_or, [_annotated(option, known, made) for option in options])
        case {"type": "array", "items": dict()}:
            return list[_annotated(schema["items"], known, made)]
        case {"type": "object", "properties": _}:
            return _model(schema, known, made)
        case {"type": "object", "additionalProperties": dict()}:
            return dict[str, _annotated(schema["additionalProperties"], known, made)]
        case {"type": str(name)}:
            return TYPES[name]
        case _:
            return Any


def _or(one: Any, other: Any) -> Any:
    return one | other


def _referred(name: str, known: Schema, made: dict[str, Any]) -> Any:
    """Return a definition's type; one that holds itself is any JSON there, which its own code validates."""
    if name not in made:
        made[name] = Any
        made[name] = _kind(known[name], known, made)
    return made[name]
