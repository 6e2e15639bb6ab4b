"""What leaves the process: valid Unicode, and none of the secrets the process was given."""

import re
from collections.abc import Iterable, Mapping
from os import environ
from typing import Any, cast

from tools.edits import REDACTED

SECRET_NAME = re.compile(
    r"(?:_KEY|_TOKEN|_SECRET|_PAT|_CREDENTIALS)$|PASSWORD|PASSWD|^(?:TOKEN|SECRET)$", re.IGNORECASE
)
SHORTEST = 8
"""Shorter values stand in ordinary text by chance."""
TOKENS = re.compile(
    r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}"
    r"|sk-(?:ant-|proj-)?[A-Za-z0-9_-]{20,}|xox[abeoprs]-[A-Za-z0-9-]{10,}|npm_[A-Za-z0-9]{30,}|f12_[A-Za-z0-9_-]{40,}|pypi-[A-Za-z0-9_-]{40,}"
    r"|A(?:KI|SI)A[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{35}|hf_[A-Za-z0-9]{30,}"
    r"|eyJ(?:(?!-eyJ)[A-Za-z0-9_-]){10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,})"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[A-Za-z0-9+/=\s]{40,}?-----END [A-Z ]*PRIVATE KEY-----"
)
"""Forms of tokens that their issuers document, so that scanners can find them. No place is looked at from many starts:
the text may be anybody's, and as long as a result."""


def secrets_in(environment: Mapping[str, str | None]) -> list[str]:
    """Return the values of the variables whose names say that they are secrets."""
    return [value for name, value in environment.items() if value and SECRET_NAME.search(name)]


class Outward:
    """Cleans what goes to clients and to the log. What is kept in the store stays exact."""

    def __init__(self, environment: Mapping[str, str] = environ, more: Iterable[str] = ()) -> None:
        """Know the secrets of the environment, and `more`: those of a file that the person named."""
        self._secrets = set[str]()
        self._values: re.Pattern[str] | None = None
        self.know(secrets_in(environment))
        self.know(more)

    def know(self, secrets: Iterable[str]) -> None:
        """Mark these, too, from now on."""
        self._secrets |= {value for value in secrets if len(value) >= SHORTEST and not value.isdigit()}
        longest_first = sorted(self._secrets, key=len, reverse=True)
        self._values = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def text(self, text: str) -> str:
        """Return the text with secrets marked and half surrogate pairs shown as escapes."""
        if not text.isascii():
            text = text.encode("utf-8", "backslashreplace").decode()
        if self._values is not None:
            text = self._values.sub(REDACTED, text)
        return TOKENS.sub(REDACTED, text)

    def value(self, value: Any) -> Any:
        """Return JSON-ready data with every text in it cleaned, keys included."""
        match value:
            case str():
                return self.text(value)
            case dict():
                entries = cast(dict[str, Any], value)
                return {self.text(key): self.value(inner) for key, inner in entries.items()}
            case list() | tuple():
                return [self.value(inner) for inner in cast(list[Any], value)]
            case _:
                return value
