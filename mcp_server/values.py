"""How values of variables are written: lists as one text, in the way that people join them."""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_settings import NoDecode


def _paths(value: object) -> object:
    """Accept folders joined the way PATH joins them."""
    return [part for part in value.split(":") if part] if isinstance(value, str) else value


def _words(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def some(value: tuple[str, ...], there: str) -> tuple[str, ...]:
    """Refuse an empty list: whoever narrows must not get everything by a slip."""
    if not value:
        raise ValueError(f"name at least one; {there}")
    return value


Paths = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_paths)]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]
SomeWords = Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(_words)]
"""`None` where nothing was said."""
