"""Render prompt templates. Missing variables are errors, never blanks; nothing but our own files is ever compiled."""

import unicodedata
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from state.problem import ProblemError

if TYPE_CHECKING:
    from jinja2 import Environment

    from prompts.template import Template


TEMPLATES = Path(__file__).parent / "templates"
SUFFIX = ".md.j2"


@cache
def environment() -> "Environment":
    from jinja2 import FunctionLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    made = ImmutableSandboxedEnvironment(
        loader=FunctionLoader(_body),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
    cast(dict[str, Any], made.filters)["framed"] = framed
    return made


@dataclass(frozen=True, slots=True)
class Rendered:
    """A rendered template, and which it was."""

    name: str
    text: str
    version: str = ""
    source: str = ""
    """The template as it is written."""

    @property
    def digest(self) -> str:
        """Of the template as it is written: sha256 in hex, as blobs are called."""
        return sha256(self.source.encode("utf-8", "surrogatepass")).hexdigest()


def framed(text: str, origin: str) -> str:
    """Frame text that somebody else wrote, by its origin, so that a model can tell it from what it is asked (R18).

    Nothing inside can end the frame: it is marked by a hash of what it holds.
    """
    plain = "".join(char for char in str(text) if char in "\n\t" or unicodedata.category(char)[0] != "C")
    mark = sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    where = " ".join(origin.split()).replace('"', "'")
    return f'<data origin="{where}" id="{mark}">\n{plain.rstrip()}\n</data id="{mark}">'


def rendered(name: str, /, **context: Any) -> Rendered:
    """Render `templates/<name>.md.j2`, and say which it was.

    Raises:
        ProblemError: `not_found`, or `bad_input` naming the variables that are missing, unknown or of another type.
    """
    template = ours(name)
    text = environment().get_template(f"{name}{SUFFIX}").render(template.taken(context))
    return Rendered(name, text, template.header.version, source(name))


def render(name: str, /, **context: Any) -> str:
    """Return only the text of `rendered`."""
    return rendered(name, **context).text


@cache
def ours(name: str) -> "Template":
    """Return the template of that name as this program brings it.

    Raises:
        ProblemError: `not_found`.
    """
    from prompts.template import parse

    return parse(source(name), name, f"prompts/templates/{name}{SUFFIX}")


def names() -> list[str]:
    """Return what `render` and `source` know."""
    return sorted(path.name.removesuffix(SUFFIX) for path in TEMPLATES.glob(f"*{SUFFIX}"))


def source(name: str) -> str:
    """Return a template as it is written, with its front matter.

    Raises:
        ProblemError: `not_found`.
    """
    if name not in (known := names()):
        raise ProblemError("not_found", f"There is no prompt {name[:80]!r}.", f"There are: {', '.join(known)}.")
    return (TEMPLATES / f"{name}{SUFFIX}").read_text(encoding="utf-8")


def _body(file: str) -> str:
    """Return a body under as many lines as stand above it in its file, in a comment, so that errors name its lines."""
    template = ours(file.removesuffix(SUFFIX))
    above = "\n" * (template.before - 1)
    return f"{{#{above}#}}\n{template.body}"
