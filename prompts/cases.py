"""Cases beside a template: variables, and what the words must and must not say, and how long they may get."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from prompts.marked import load
from prompts.problem import BadTemplate
from prompts.tokens import estimate

SUFFIX = ".cases.yaml"
MOST_BYTES = 256 * 1024
LONGEST_QUOTE = 80


class Case(BaseModel):
    """One case."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    case: Annotated[str, Field(min_length=1, max_length=200)]
    """What it shows."""
    variables: dict[str, Any] = {}
    contains: list[str] = []
    lacks: list[str] = []
    most_tokens: Annotated[int, Field(ge=1)] | None = None


_CASES = TypeAdapter(list[Case])


def read(text: str, where: str) -> list[Case]:
    """Return the cases of a file.

    Raises:
        BadTemplate: It is not YAML, or not a list of cases.
    """
    said = load(text, where)
    try:
        return _CASES.validate_python(said)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = ".".join(str(part) for part in first["loc"])
        wrong = "unknown key" if first["type"] == "extra_forbidden" else first["msg"]
        hint = "It is a list of cases; docs/prompts.md has one."
        raise BadTemplate(where, 0, f"{path or 'all'}: {wrong}.", hint) from error


def failures(case: Case, render: Callable[[Mapping[str, Any]], str]) -> list[str]:
    """Return what is wrong, each in a line; nothing if the case holds."""
    try:
        text = render(case.variables)
    except BadTemplate as error:
        return [str(error.problem)]
    wrong = [f"it does not contain {_quoted(part)}" for part in case.contains if part not in text]
    wrong += [f"it contains {_quoted(part)}" for part in case.lacks if part in text]
    if case.most_tokens is not None and (tokens := estimate(text)) > case.most_tokens:
        wrong.append(f"it takes about {tokens} tokens, more than {case.most_tokens}")
    return wrong


def _quoted(part: str) -> str:
    return repr(part if len(part) <= LONGEST_QUOTE else f"{part[:LONGEST_QUOTE]}…")
