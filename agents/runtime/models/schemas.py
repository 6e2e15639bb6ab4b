"""The form an answer must have, as providers that hold a model to it want it written."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from pydantic import BaseModel

_SAID = frozenset(
    {"type", "description", "properties", "required", "additionalProperties", "patternProperties", "items"}
    | {"prefixItems", "minItems", "maxItems", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
    | {"multipleOf", "pattern", "enum", "const", "anyOf", "oneOf", "allOf", "$ref", "$defs"}
)
"""What is said of a value. One word more, and a strict provider refuses the whole schema; pydantic checks the rest.

`minLength` and `maxLength` are not here: OpenAI has refused them, and grammars of local servers burst on large ones.
"""
_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"})
"""Those that strict providers know."""
_BY_NAME = frozenset({"properties", "$defs", "patternProperties"})
"""Under these stand names that a person chose, and not words of schemas."""


@dataclass(frozen=True, slots=True)
class Form:
    """The schema of one decision."""

    name: str
    schema: dict[str, Any]
    strict: bool
    """Whether it is closed all through, which is what can be enforced word by word."""

    @property
    def told(self) -> str:
        """How a prompt says it."""
        written = json.dumps(self.schema, ensure_ascii=False, separators=(",", ":"))
        return f"Answer with one JSON object, and nothing else, that fits this JSON schema:\n{written}"


def form_of(returns: type[BaseModel]) -> Form:
    """Return the schema of a model's answer: every object closed, every field required, a choice always `anyOf`."""
    name = re.sub(r"[^A-Za-z0-9_-]", "_", returns.__name__)[:64]
    schema = returns.model_json_schema()
    schema = _at_root(schema)
    return Form(name, cast(dict[str, Any], _closed(schema)), not _is_open(schema))


def _at_root(schema: dict[str, Any]) -> dict[str, Any]:
    """Write out what a recursive model has at its root: a reference."""
    if (reference := schema.get("$ref")) is None:
        return schema
    return {**schema["$defs"][reference.rpartition("/")[2]], "$defs": schema["$defs"]}


def _closed(node: Any) -> Any:
    match node:
        case {"$ref": reference}:
            return {"$ref": reference}
        case dict():
            written = {
                "anyOf" if key == "oneOf" else key: _named(value) if key in _BY_NAME else _closed(value)
                for key, value in cast(dict[str, Any], node).items()
                if key in _SAID or (key == "format" and value in _FORMATS)
            }
            if "properties" in written:
                written |= {"required": list(written["properties"]), "additionalProperties": False}
            return written
        case list():
            return [_closed(part) for part in cast(list[Any], node)]
        case _:
            return node


def _named(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Close each part; its name is a field's, whatever it is."""
    return {name: _closed(part) for name, part in parts.items()}


def _is_open(node: Any) -> bool:
    """Tell whether something in the schema is not closed: maps, tuples, values of any kind; or cannot be told."""
    match node:
        case {"const": _} | {"enum": _} | {"$ref": _}:
            return False
        case {"prefixItems": _} | {"allOf": _} | {"additionalProperties": True | {}}:
            return True
        case dict():
            parts = cast(dict[str, Any], node)
            if not parts.keys() & {"type", "anyOf", "oneOf"}:
                return True
            if parts.get("type") == "object" and "properties" not in parts:
                return True
            inner = [*parts.get("properties", {}).values(), *parts.get("$defs", {}).values()]
            inner += [part for word in ("anyOf", "oneOf") for part in parts.get(word, [])]
            return any(map(_is_open, [*inner, *([parts["items"]] if "items" in parts else [])]))
        case _:
            return True
