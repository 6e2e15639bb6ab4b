"""JSON schemas as a model should read them: no generated titles, no nulls, and one envelope shared by every tool."""

from functools import lru_cache
from typing import Any, cast

from pydantic import BaseModel

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_OBJECT: Schema = {"type": "object"}
ERROR: Schema = _OBJECT
"""Kind, message and hint; the same in every result, and thin here as a question is."""
STATUSES = ("running", "waiting", "completed", "failed", "cancelled", "interrupted")
ENVELOPE: Schema = {
    "thread_id": _TEXT,
    "session": _TEXT,
    "agent": _TEXT,
    "status": {"enum": list(STATUSES)},
    "outcome": {"enum": ["fixed", "changed_unverified", "no_change", "done", "failed", "denied"]},
    "output": _OBJECT,
    "question": _OBJECT,
    "error": ERROR,
    "worktree": _OBJECT,
    "forked_from": _TEXT,
    "version": {"type": "integer"},
    "progress": _OBJECT,
    "approval": _TEXT,
    "next": _TEXT,
}


def envelope_schema(output: type[BaseModel] | None = None) -> Schema:
    """Return the output schema of a tool that answers with a thread.

    `output` is its agent's own: its fields and theirs. What is nested deeper shows as plain objects, for a model reads
    this before every call, and the result itself when there is one.
    """
    if output is None:
        return result_schema(ENVELOPE)
    own = schema_of(output)
    shown = {name: value for name, value in own.items() if name != "$defs"}
    named = {name: _shallow(own["$defs"][name]) for name in sorted(_references(shown))}
    return result_schema(ENVELOPE | {"output": shown}, named)


@lru_cache(maxsize=256)
def schema_of(model: type[BaseModel]) -> Schema:
    """Return what a model takes or holds, lean. It is made once, which takes milliseconds, and nobody changes it."""
    return lean(model.model_json_schema())


def _shallow(node: Any) -> Any:
    """Return a schema without references, and without a word about itself."""
    match node:
        case {"$ref": _}:
            return _OBJECT
        case dict():
            fields = cast(Schema, node).items()
            return {name: _shallow(value) for name, value in fields if name != "description" or isinstance(value, dict)}
        case list():
            return [_shallow(item) for item in cast(list[Any], node)]
        case _:
            return node


def _references(node: Any) -> set[str]:
    """Return the names of the definitions that a schema refers to."""
    match node:
        case {"$ref": str(name)}:
            return {name.removeprefix("#/$defs/")}
        case dict():
            return {name for value in cast(Schema, node).values() for name in _references(value)}
        case list():
            return {name for value in cast(list[Any], node) for name in _references(value)}
        case _:
            return set()


def result_schema(fields: Schema, definitions: Schema | None = None) -> Schema:
    """Return the schema of a result: whatever else a result has, it says what to do next (R16)."""
    schema: Schema = {"type": "object", "properties": {"error": ERROR} | fields | {"next": _TEXT}, "required": ["next"]}
    return schema | {"$defs": definitions} if definitions else schema


def lean(schema: Schema) -> Schema:
    """Drop what says nothing to a model: generated titles, defaults, and `null` beside another type."""
    return cast(Schema, _lean(schema))


def _lean(node: Any) -> Any:
    match node:
        case dict():
            fields = _without_nullable(cast(Schema, node))
            return _without_null(
                {name: _lean_field(name, value) for name, value in fields.items() if _says(name, value)}
            )
        case list():
            return [_lean(item) for item in cast(list[Any], node)]
        case _:
            return node


def _without_nullable(fields: Schema) -> Schema:
    """Require no field that may be null: results leave nulls out."""
    if not isinstance(found := fields.get("properties"), dict) or "required" not in fields:
        return fields
    nullable = {name for name, field in cast(Schema, found).items() if {"type": "null"} in field.get("anyOf", ())}
    return {**fields, "required": [name for name in fields["required"] if name not in nullable]}


def _lean_field(name: str, value: Any) -> Any:
    if name in ("properties", "$defs") and isinstance(value, dict):
        return {field: _lean(schema) for field, schema in cast(Schema, value).items()}
    return _lean(value)


def _says(name: str, value: Any) -> bool:
    return not (name == "default" or (name == "title" and isinstance(value, str)))


def _without_null(fields: Schema) -> Schema:
    options = [option for option in fields.get("anyOf", ()) if option != {"type": "null"}]
    if "anyOf" not in fields or len(options) == len(fields["anyOf"]):
        return fields
    rest = {name: value for name, value in fields.items() if name != "anyOf"}
    return rest | (options[0] if len(options) == 1 else {"anyOf": options})
