"""How values of variables are written: lists as one text, in the way that people join them."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

_HOST = re.compile(r"[A-Za-z0-9._-]+(?::\d{1,5})?|\[[0-9A-Fa-f:]+\](?::\d{1,5})?")
_WEB = re.compile(r"https?://[^/\s?#@]+(?:/[^\s?#@]*)?")
_ADDRESS = re.compile(r"https://[^/\s?#@]+[^\s?#]*|http://(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?(?:/[^\s?#]*)?")


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


def _hosts(value: tuple[str, ...]) -> tuple[str, ...]:
    """Take names with or without a port; a pattern or an address would never match what clients send."""
    for name in value:
        if not _HOST.fullmatch(name):
            raise ValueError(f"{name!r} is no name such as agents.example.org or agents.example.org:8000")
    return value


def _web_address(value: str) -> str:
    if value and not _WEB.fullmatch(value):
        raise ValueError("an address begins with https:// or http://, and has no name of a user in it")
    return value.rstrip("/")


def _address(value: str) -> str:
    """Take https, and http to this machine, where nobody listens in."""
    if value and not _ADDRESS.fullmatch(value):
        raise ValueError("an address begins with https://, or with http:// and the name of this machine")
    return value


Address = Annotated[str, AfterValidator(_address)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
Paths = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_paths)]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]
Hosts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words), AfterValidator(_hosts)]
SomeWords = Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(_words)]
"""`None` where nothing was said."""
