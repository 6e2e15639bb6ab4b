"""A JSON schema as a person reads it: the skeleton of the answer, with types where its values belong."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

WIDTH = 100
"""Characters of what may stand on one line."""
STEP = "  "
LIMITS = (("minLength", "maxLength", "characters"), ("minItems", "maxItems", "entries"), ("minimum", "maximum", ""))
WORDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true | false", "null": "null"}

Schema: TypeAlias = Mapping[str, Any]
Lines: TypeAlias = list[str]


def skeleton(schema: Schema) -> Lines:
    """Return the lines of an answer that fits; a field with `?` may be left out."""
    return _Reader(schema.get("$defs", {})).read(schema, ())


class _Reader:
    """Knows the schemas that others refer to."""

    def __init__(self, known: Mapping[str, Schema]) -> None:
        self._known = known

    def read(self, schema: Schema, within: tuple[str, ...]) -> Lines:
        match {**schema}:
            case {"$ref": str(ref)}:
                name = ref.rpartition("/")[2]
                if name in within:
                    return [f"{name}, as above"]
                return self.read(self._known.get(name, {}), (*within, name))
            case {"const": value}:
                return [_json(value)]
            case {"enum": values}:
                return [" | ".join(map(_json, cast(Sequence[Any], values)))]
            case {"anyOf": several} | {"oneOf": several}:
                return _either([self.read(one, within) for one in cast(Sequence[Schema], several)])
            case {"properties": fields}:
                return self._object(cast(Mapping[str, Schema], fields), schema.get("required", ()), within)
            case {"additionalProperties": {**inner}}:
                return _wrapped("{", [_after("any name: ", self.read(cast(Schema, inner), within))], "}")
            case {"prefixItems": items}:
                return _wrapped("[", [self.read(one, within) for one in cast(Sequence[Schema], items)], "]")
            case {"items": {**inner}}:
                return _wrapped("[", [[*self.read(cast(Schema, inner), within)], [f"…{_limits(schema)}"]], "]")
            case _:
                return [f"{WORDS.get(str(schema.get('type')), 'anything')}{_limits(schema)}"]

    def _object(self, fields: Mapping[str, Schema], needed: Sequence[str], within: tuple[str, ...]) -> Lines:
        written = list[Lines]()
        for name, schema in fields.items():
            lines = _after(f"{_json(name)}{'' if name in needed else '?'}: ", self.read(schema, within))
            why = " ".join(str(schema.get("description", "")).split())
            written.append([f"{lines[0]}  # {why}", *lines[1:]] if why else lines)
        return _wrapped("{", written, "}")


def _either(several: Sequence[Lines]) -> Lines:
    line = " | ".join(lines[0] for lines in several)
    if all(len(lines) == 1 for lines in several) and len(line) <= WIDTH:
        return [line]
    return ["one of", *(line for lines in several for line in _after("- ", lines, STEP))]


def _wrapped(begin: str, parts: Sequence[Lines], end: str) -> Lines:
    """Put brackets around the parts, on one line where that can be read."""
    line = f"{begin}{', '.join(lines[0] for lines in parts)}{end}"
    if len(line) <= WIDTH and all(len(lines) == 1 and "  # " not in lines[0] for lines in parts):
        return [line]
    return [begin, *(STEP + line for lines in parts for line in lines), end]


def _after(label: str, lines: Lines, indent: str = "") -> Lines:
    """Put a label before the first line, and the others beneath what it stands before."""
    beneath = indent + (" " * len(label) if label.endswith("- ") else "")
    return [f"{indent}{label}{lines[0]}", *(f"{beneath}{line}" for line in lines[1:])]


def _limits(schema: Schema) -> str:
    for least, most, unit in LIMITS:
        match schema.get(least), schema.get(most):
            case None, None:
                continue
            case low, None:
                said = f"at least {low}"
            case None, high:
                said = f"at most {high}"
            case low, high:
                said = f"{low} to {high}"
        return f" ({said} {unit})".replace(" )", ")")
    return ""


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
