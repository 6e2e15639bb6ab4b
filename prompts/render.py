"""Render prompt templates. Variables are held against front matter; what is compiled is never text of a task."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from state.problem import ProblemError

if TYPE_CHECKING:
    from prompts.template import Template

TEMPLATES = Path(__file__).parent / "templates"
SUFFIX = ".md.j2"


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


def rendered(name: str, /, **context: Any) -> Rendered:
    """Render `templates/<name>.md.j2`, and say which it was.

    Raises:
        ProblemError: `not_found`, or `bad_input` naming the variables that are missing, unknown or of another type.
    """
    return filled(ours(name), context)


def render(name: str, /, **context: Any) -> str:
    """Return only the text of `rendered`."""
    return rendered(name, **context).text


def filled(template: "Template", context: Mapping[str, Any]) -> Rendered:
    """Render any template: one of ours, or one that stands before it.

    What fills an override is held against ours, so that every caller gives the same.

    Raises:
        BadTemplate: The variables do not fit, or the template cannot be used; it names file and line.
    """
    from prompts.sandbox import Sandbox
    from prompts.sandbox import filled as fill

    contract = ours(template.name) if template.name in names() else template
    text = fill(template, contract.taken(context), Sandbox(ours, _files()))
    return Rendered(template.name, text, template.header.version, template.source)


def checked(template: "Template") -> None:
    """See that a template can be used: it compiles, and asks for nothing that ours of the same name does not get.

    Raises:
        BadTemplate: It cannot; it names file and line.
    """
    from prompts.sandbox import Sandbox

    if template.name in names():
        template.must_fit(ours(template.name))
    Sandbox(ours, _files()).page(template)


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


def _files() -> tuple[str, ...]:
    return tuple(f"{name}{SUFFIX}" for name in names())
