"""Whose words a tool's result holds: a label for each result that carries text from elsewhere (R18).

A tool says what its result carries; what exactly that was, its arguments and its result tell. Nothing is kept beside
the log: the label of a result can be told whenever the result is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

__all__ = ["Carries", "Origin", "origin_of"]

Carries: TypeAlias = Literal["nothing", "issue", "files", "diff", "output", "web"]
"""`nothing`: only what this program says itself. `files` has their names, too, and `diff` what commits say."""
LONGEST = 80


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a text came from."""

    carries: Carries
    what: str
    """As a person is told: `output of pytest in shop`."""
    repo: str = ""
    detail: str = ""
    """A file, an address: what is listed behind `what`, if several of them are told together."""


def origin_of(tool: str, carries: Carries | None, args: Mapping[str, Any], value: Any, first: str) -> Origin | None:
    """Return whose words the result of a call holds; `None` if nobody's.

    A tool that does not say what its result carries may carry anything. `first` is the repository that is meant where
    none is named.
    """
    fields = cast(dict[str, Any], value) if isinstance(value, dict) else {}
    repo = _text(args.get("repo")) or first
    match carries:
        case "nothing":
            return None
        case "issue":
            return Origin("issue", _issue(fields, repo), repo)
        case "files":
            return Origin("files", f"files of {repo}", repo, _text(args.get("path")))
        case "diff":
            return Origin("diff", f"changes and commits of {repo}", repo)
        case "output":
            program = _text(fields.get("runner")) or _text(fields.get("linter")) or tool
            return Origin("output", f"output of {program} in {repo}", repo)
        case "web":
            return Origin("web", "the web", "", _text(args.get("url")))
        case None:
            return Origin("web", f"what {tool} returned")


def _issue(issue: Mapping[str, Any], repo: str) -> str:
    where, number = _text(issue.get("origin")), issue.get("number")
    if where == "text":
        return "the text of an issue, as the caller gave it"
    name = f"issue {number}" if isinstance(number, int) else "an issue"
    return f"{name} of {repo}" + (f" ({where})" if where else "")


def _text(value: Any) -> str:
    return value[:LONGEST] if isinstance(value, str) else ""
