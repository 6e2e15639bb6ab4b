"""Looks into JSON that any server may have written: what is not as it should be is as if it were not there."""

from typing import Any, cast


def inner(value: Any, *path: str) -> dict[str, Any]:
    """Return the object at the end of the path, or an empty one."""
    for name in path:
        value = cast(dict[str, Any], value).get(name) if isinstance(value, dict) else None
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def objects(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a list."""
    return (
        [cast(dict[str, Any], one) for one in cast(list[Any], value) if isinstance(one, dict)]
        if isinstance(value, list)
        else []
    )


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def texts(parts: list[dict[str, Any]], name: str) -> str:
    """Return the texts of an answer's parts as one."""
    return "".join(text(part.get(name)) for part in parts)


def count(value: Any) -> int:
    """Return a number of tokens."""
    return value if isinstance(value, int) and value > 0 else 0
