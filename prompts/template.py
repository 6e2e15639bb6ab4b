"""What a template is: its front matter, which says what it takes, and the words below."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import to_jsonable_python

from prompts.marked import load
from prompts.problem import BadTemplate

MOST_BYTES = 64 * 1024
"""What a template may have, with its front matter."""
MOST_HEADER = 4 * 1024
FENCE = "---\n"
Kind: TypeAlias = Literal["string", "integer", "number", "boolean", "list", "object"]
TYPES: Mapping[Kind, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "list": (list,),
    "object": (dict,),
}
NAME = re.compile(r"^[a-z][a-z0-9_]{0,63}$")


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class Header(BaseModel):
    """The front matter of a template."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[str, Field(pattern=NAME.pattern)]
    version: Annotated[str, BeforeValidator(_as_text), Field(min_length=1, max_length=32)]
    description: Annotated[str, Field(min_length=1, max_length=300)]
    variables: dict[Annotated[str, Field(pattern=NAME.pattern)], Kind] = {}


@dataclass(frozen=True)
class Template:
    """One template, as its file has it."""

    header: Header
    source: str
    body: str
    where: str
    """What an error calls its file."""
    before: int
    """Lines above the body."""

    @property
    def name(self) -> str:
        return self.header.name

    @cached_property
    def digest(self) -> str:
        """The sha256 of the file in hex."""
        return digest(self.source)

    def taken(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """Return the context as JSON, if it is what the front matter declares.

        Raises:
            BadTemplate: A variable is missing, unknown or of another type.
        """
        declared = self.header.variables
        try:
            given: dict[str, Any] = to_jsonable_python(dict(context))
        except ValueError as error:
            raise BadTemplate(self.where, 0, f"prompt {self.name!r}: its variables are no JSON: {error}.") from error
        wrong = [f"{name!r} ({kind}) is missing" for name, kind in declared.items() if name not in given]
        wrong += [f"{name!r} is not one of its variables" for name in given if name not in declared]
        wrong += [
            f"{name!r} must be {declared[name]}, not {kind_of(value)}"
            for name, value in given.items()
            if name in declared and not fits(value, declared[name])
        ]
        if wrong:
            hint = f"It takes: {', '.join(declared) or 'nothing'}."
            raise BadTemplate(self.where, 0, f"prompt {self.name!r}: {'; '.join(wrong)}.", hint)
        return given

    def must_fit(self, ours: "Template") -> None:
        """See that it takes no more than the one that it stands before.

        Raises:
            BadTemplate: It declares a variable that ours does not, or another type.
        """
        for name, kind in self.header.variables.items():
            if (expected := ours.header.variables.get(name)) != kind:
                known = ", ".join(f"{name}: {kind}" for name, kind in ours.header.variables.items()) or "none"
                wrong = f"{name!r} is {expected}" if expected else f"there is no variable {name!r}"
                line = _line_of(name, self.source.replace("\r\n", "\n").removeprefix(FENCE))
                raise BadTemplate(self.where, line, f"{wrong} in factor12's {ours.name!r}.", f"It has: {known}.")


def digest(source: str) -> str:
    return sha256(source.encode("utf-8", "surrogatepass")).hexdigest()


def fits(value: object, kind: Kind) -> bool:
    return isinstance(value, TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def kind_of(value: object) -> str:
    """Name the type of a JSON value as the front matter does."""
    kinds: tuple[Kind, ...] = ("boolean", "integer", "number", "string", "list", "object")
    return next((kind for kind in kinds if fits(value, kind)), "null")


def parse(source: str, name: str, where: str) -> Template:
    """Split a template into its front matter and its body.

    Raises:
        BadTemplate: It is too large, or its front matter is not there, not YAML or not what it must be.
    """
    if len(source.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise BadTemplate(where, 0, f"the template has more than {MOST_BYTES} bytes.")
    text = source.removeprefix("\ufeff").replace("\r\n", "\n")
    above, fence, body = text.removeprefix(FENCE).partition(f"\n{FENCE}")
    if not text.startswith(FENCE) or not fence:
        raise BadTemplate(where, 1, "the template does not begin with front matter between two lines of `---`.")
    if len(above) > MOST_HEADER:
        raise BadTemplate(where, 1, f"the front matter has more than {MOST_HEADER} characters.")
    header = _header(load(above, where, before=1), above, where)
    if header.name != name:
        raise BadTemplate(where, _line_of("name", above), f"the template calls itself {header.name!r}, not {name!r}.")
    return Template(header, source, body, where, above.count("\n") + 3)


def _header(said: Any, above: str, where: str) -> Header:
    try:
        return Header.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = [str(part) for part in first["loc"] if part != "[key]"]
        wrong = "unknown key" if first["type"] == "extra_forbidden" else first["msg"]
        line = _line_of(path[-1], above) if path else 1
        raise BadTemplate(where, line, f"front matter: {'.'.join(path) or 'all'}: {wrong}.") from error


def _line_of(key: str, above: str) -> int:
    """Find the line of a key in the front matter, for a message."""
    lines = (number for number, line in enumerate(above.split("\n"), 2) if re.match(rf" *{re.escape(key)} *:", line))
    return next(lines, 1)
