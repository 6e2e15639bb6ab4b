"""What an issue says once it is read: the words of its author, sorted, with nothing added."""

import re

from pydantic import BaseModel, ConfigDict

from state.problem import Kind

LIMIT = 1024 * 1024
"""Bytes of an issue."""
_CUT = re.compile(r" … \[([0-9]{1,7}) more characters\]\Z")


def capped(text: str, cap: int) -> str:
    """Return the text, or its first `cap` characters and how many there are more."""
    return text if len(text) <= cap else f"{text[:cap]} … [{len(text) - cap} more characters]"


def lengths(text: str) -> tuple[int, int]:
    """Return of how many characters a text of an issue is what its author wrote, and how many there were more."""
    return (cut.start(), int(cut[1])) if (cut := _CUT.search(text)) else (len(text), 0)


class Flaw(Exception):
    """Something wrong at one line of an issue, told before it is known where the issue came from."""

    def __init__(self, line: int, what: str, hint: str, kind: Kind = "bad_input") -> None:
        super().__init__(line, what)
        self.line = line
        self.what = what
        self.hint = hint
        self.kind: Kind = kind


class Pair(BaseModel):
    """One change: where `old` stands, `new` shall stand."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str | None = None
    """Relative to the repository; `None` if the issue names none, or several without saying which."""
    old: str
    """Exact, with LF line ends and without the line end before the closing fence."""
    new: str
    """As `old`; empty where the text shall go away."""
    line: int
    """Line of the issue on which `old` starts, from 1."""


class Issue(BaseModel):
    """An issue as its author wrote it; what it does not say is empty."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    origin: str
    """Path of the file in the repository, or `text`."""
    number: int | None = None
    title: str = ""
    description: str = ""
    problem: str = ""
    solution: str = ""
    pairs: tuple[Pair, ...] = ()
    """Empty for an issue in plain words."""
    files_update: tuple[str, ...] = ()
    files_create: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    success_criteria: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    """Test paths, test ids or the name of a runner."""
    agent: str = ""
    """One of our names: `SmartIssueAgent` is `smart_issue`."""
    type: str = ""
    priority: str = ""
    status: str = ""
    labels: tuple[str, ...] = ()
    repository: str = ""
    source_repository: str = ""
    parent: int | None = None
    dependencies: tuple[str, ...] = ()
    """As written: `#12`, or `#064-1` for a part of an issue."""
