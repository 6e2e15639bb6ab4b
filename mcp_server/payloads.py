"""What a rule reads in a payload: values by dotted paths. Its text is data; nothing in it is looked at again."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from mcp_server.webhook_rules import Rule
from state.problem import ProblemError

_PLACE = re.compile(r"\$\{([^{}$]*)\}")


def matches(rule: Rule, payload: Mapping[str, Any]) -> bool:
    """Whether every path of the rule has one of its values; a path through a list looks at each of its items."""
    for path, wanted in rule.match.items():
        accepted = wanted if isinstance(wanted, list) else [wanted]
        found = [*_at(payload, path.split("."))]
        if not any(type(one) is type(value) and one == value for one in found for value in accepted):
            return False
    return True


def filled(value: Any, payload: Mapping[str, Any]) -> Any:
    """Return the task with each `${path}` replaced by what the payload has there.

    Raises:
        ProblemError: `bad_input`; the payload has no single value there.
    """
    match value:
        case str():
            return _PLACE.sub(lambda place: _text(payload, place[1].strip()), value)
        case dict():
            return {name: filled(inner, payload) for name, inner in cast(dict[str, Any], value).items()}
        case list():
            return [filled(inner, payload) for inner in cast(list[Any], value)]
        case _:
            return value


def _text(payload: Mapping[str, Any], path: str) -> str:
    match [*_at(payload, path.split("."))]:
        case [None]:
            return ""
        case [bool() as flag]:
            return str(flag).lower()
        case [str() | int() | float() as one]:
            return str(one)
        case _:
            hint = "The rule's task names a path that this payload does not have."
            raise ProblemError("bad_input", f"The payload has no single value at {path[:80]!r}.", hint)


def _at(value: Any, path: list[str]) -> Iterator[Any]:
    match value, path:
        case _, []:
            if isinstance(value, list):
                yield from cast(list[Any], value)
            else:
                yield value
        case dict(), [first, *rest] if first in value:
            yield from _at(cast(dict[str, Any], value)[first], rest)
        case list(), _:
            for one in cast(list[Any], value):
                yield from _at(one, path)
        case _:
            return
