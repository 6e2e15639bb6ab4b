"""Render prompt templates. Missing variables are errors, never blanks; nothing but our own files is ever compiled."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


TEMPLATES = Path(__file__).parent / "templates"
SUFFIX = ".md.j2"


@cache
def environment() -> "Environment":
    from jinja2 import FileSystemLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )


def render(name: str, /, **context: Any) -> str:
    """Render `templates/<name>.md.j2`."""
    return environment().get_template(f"{name}{SUFFIX}").render(context)


def names() -> list[str]:
    """Return what `render` and `source` know."""
    return sorted(path.name.removesuffix(SUFFIX) for path in TEMPLATES.glob(f"*{SUFFIX}"))


def source(name: str) -> str:
    """Return a template as it is written."""
    return (TEMPLATES / f"{name}{SUFFIX}").read_text(encoding="utf-8")
