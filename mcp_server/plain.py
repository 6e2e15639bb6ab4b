"""The envelope as text: hosts hand the model either the structured result or the text, so both must be complete."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

STEP = "  "
HEAD = ("agent", "status", "outcome", "thread_id", "session", "version")
"""What the first lines are made of, in this order; everything else follows as a list."""


def text(fields: Mapping[str, Any]) -> str:
    """Return every field of a result, readable: a headline, the summary, the rest as an indented list, `next` last."""
    rest = {name: value for name, value in fields.items() if name not in (*HEAD, "next")}
    lines = [*_headline(fields), *_mapping(rest, "")]
    if "next" in fields:
        lines.append(f"next: {fields['next']}")
    return "\n".join(lines)


def _headline(fields: Mapping[str, Any]) -> Iterator[str]:
    match fields:
        case {"agent": agent, "status": status, "outcome": outcome}:
            yield f"{agent}: {status} ({outcome})"
        case {"agent": agent, "status": status}:
            yield f"{agent}: {status}"
        case _:
            yield from (f"{name}: {fields[name]}" for name in ("agent", "status", "outcome") if name in fields)
    yield from (f"{name}: {fields[name]}" for name in ("thread_id", "session", "version") if name in fields)


def _mapping(fields: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name, value in fields.items():
        yield from _entry(f"{indent}{name}:", value, indent)


def _entry(label: str, value: Any, indent: str) -> Iterator[str]:
    deeper = indent + STEP
    match value:
        case dict() if value:
            yield label
            yield from _mapping(cast(dict[str, Any], value), deeper)
        case list() if value:
            yield label
            for item in cast(list[Any], value):
                yield from _item(item, deeper)
        case str() if "\n" in value:
            yield label
            yield from (f"{deeper}{line}" for line in value.split("\n"))
        case _:
            yield f"{label} {_scalar(value)}"


def _item(item: Any, indent: str) -> Iterator[str]:
    """Yield a list's item; the fields of an object stand under its first one."""
    lines = list(_mapping(cast(dict[str, Any], item), indent + STEP) if isinstance(item, dict) else ())
    if lines:
        yield f"{indent}- {lines[0].strip()}"
        yield from lines[1:]
    else:
        yield from _entry(f"{indent}-", item, indent)


def _scalar(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case list() | dict():
            return "none"
        case _:
            return str(value)
