"""Check by machine that a statement's citations hold: the commit, the file, the line, the quote, and what it names.

A quote must begin in the cited line of the cited file at the cited commit; only white space may differ. Whatever the
statement names exactly (a name, a path, quoted text, a number) must stand in a quote or within `NEAR` lines of one.
That is no proof that the statement follows from what it cites, but nothing in it can be made up of thin air.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, Field

from tools.base import tool
from tools.errors import ToolError
from tools.gitnames import relative_path, resolve
from tools.gitrun import git
from tools.naming import is_number, is_place, named_in, number_stands
from tools.passages import SHORT, Commits, texts_at
from tools.workspace import Workspace

__all__ = ["Citation", "Claim", "Verdict", "check_claims"]

MOST_CLAIMS = 20
MOST_CITATIONS = 5
NEAR = 10
LONGEST_QUOTE_LINES = 30
SHORTEST_QUOTE = 4
"""Characters, white space left out: less stands anywhere."""
SHORTEST_WORD = 8
"""Of a quote that is a single word, unless it is all of its line: `import` and `return` stand anywhere."""
LONGEST_LINE = 400
"""Of a longer line only as much counts on both sides of the quote: a minified file is one line."""
_PLACE = re.compile(r"(?P<path>[^@]+):(?P<line>[1-9]\d{0,7})@(?P<commit>[0-9a-f]{7,64})")


class Citation(BaseModel):
    """Where a statement can be read."""

    at: str = Field(description="repo/path:line@commit, as shown; the line where the quote begins", max_length=1000)
    quote: str = Field(description="What stands there, word for word", max_length=1000)


class Claim(BaseModel):
    """One statement that can be checked."""

    text: str = Field(description="One statement. Code, names and numbers only as quoted", max_length=1000)
    citations: Annotated[list[Citation], Field(max_length=MOST_CITATIONS)]


class Verdict(BaseModel):
    """What is left of a claim."""

    kept: list[Citation] = []
    """With the commit as it was found; none if the claim does not hold."""
    dropped: list[str] = []
    """Why citations, or the claim, do not hold."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A citation that holds, and the text around it."""

    citation: Citation
    place: str
    """Repository, path, line and commit, which a claim may name; their digits are no numbers of the text."""
    near: str


@tool("read", carries="nothing", timeout=120)
async def check_claims(
    workspace: Workspace, claims: Annotated[list[Claim], Field(max_length=MOST_CLAIMS)], commits: Commits
) -> list[Verdict]:
    """Say of each claim which citations hold; a commit counts if it is in the history of what was looked at."""
    return [await _verdict(workspace, claim, commits) for claim in claims]


async def _verdict(workspace: Workspace, claim: Claim, commits: Mapping[str, str]) -> Verdict:
    made, held = Verdict(), list[_Read]()
    for citation in claim.citations:
        try:
            held.append(await _read(workspace, citation, commits))
        except ToolError as error:
            made.dropped.append(f"{citation.at[:200]}: {error.problem.message}")
    if not claim.citations:
        made.dropped.append("It cites nothing.")
    if held and (missing := [name for name in named_in(claim.text) if not _stands(name, held)]):
        made.dropped.append(f"It names {', '.join(map(repr, missing[:5]))}, which stands nowhere near what it cites.")
    elif claim.text.strip():
        made.kept = [one.citation for one in held]
    return made


async def _read(workspace: Workspace, citation: Citation, commits: Mapping[str, str]) -> _Read:
    """Return the citation with what stands around it.

    Raises:
        ToolError: It does not hold.
    """
    repo, path, line, wanted = _parsed(citation.at, commits)
    commit = await _commit(workspace, repo, wanted, commits[repo])
    lines = (await texts_at(workspace, workspace.repository(repo), commit, [path])).get(path)
    if lines is None:
        raise ToolError("not_found", f"there is no text file {path!r} at that commit.")
    if line > len(lines):
        raise ToolError("not_found", f"the file ends before that line: it has {len(lines) - (not lines[-1])}.")
    if _is_too_short(citation.quote, lines[line - 1]):
        raise ToolError("bad_input", "its quote is too short to tell anything.")
    if (by := _quoted(lines, line, citation.quote)) is None:
        raise ToolError("not_found", "the quote does not begin in that line.")
    at = f"{repo}/{path}:{line}@{commit[:SHORT]}"
    around = lines[max(0, line - 1 - NEAR) : line + citation.quote.count("\n") + NEAR]
    near = "\n".join([by, *(one for one in around if len(one) <= LONGEST_LINE)])
    return _Read(Citation(at=at, quote=citation.quote), f"{repo} {at} {citation.at}", near)


def _parsed(at: str, commits: Mapping[str, str]) -> tuple[str, str, int, str]:
    """Return repository, path, line and commit; of repositories whose names begin alike, the longest counts."""
    repo = max((name for name in commits if at.startswith(f"{name}/")), key=len, default="")
    found = _PLACE.fullmatch(at.removeprefix(f"{repo}/")) if repo else None
    if found is None:
        raise ToolError("bad_input", "it is not repo/path:line@commit of a repository that was looked at.")
    return repo, relative_path(found["path"]), int(found["line"]), found["commit"]


async def _commit(workspace: Workspace, repo: str, wanted: str, head: str) -> str:
    """Return the full id of a commit that is part of the history of `head`."""
    if head.startswith(wanted):
        return head
    repository = workspace.repository(repo)
    try:
        commit = await resolve(workspace, repository, wanted)
        words = ("merge-base", commit, head)
        if (await git(workspace, repository, *words, ok=(0, 1))).decode().split() == [commit]:
            return commit
    except ToolError as error:
        raise ToolError("not_found", f"there is no commit {wanted[:SHORT]}.") from error
    raise ToolError("not_found", f"commit {wanted[:SHORT]} is not in the history that was looked at.")


def _quoted(lines: Sequence[str], line: int, quote: str) -> str | None:
    """Return the quote with what stands by it, if it begins in this line, in whole words; white space aside."""
    wanted = _squeezed(quote)
    text = " ".join(_squeezed(part) for part in lines[line - 1 : line - 1 + LONGEST_QUOTE_LINES])
    found = re.search(_whole(wanted), text)
    if found is None or found.start() >= len(_squeezed(lines[line - 1])):
        return None
    last = line + quote.count("\n") + NEAR
    most = len(" ".join(_squeezed(part) for part in lines[line - 1 : last]))
    return text[max(0, found.start() - LONGEST_LINE) : max(found.end(), min(most, found.end() + LONGEST_LINE))]


def _is_too_short(quote: str, line: str) -> bool:
    """Tell whether a quote could stand anywhere: a few characters, or one short word that is not its whole line."""
    plain = _squeezed(quote)
    if len(plain.replace(" ", "")) < SHORTEST_QUOTE or not any(char.isalnum() for char in plain):
        return True
    return len(plain) < SHORTEST_WORD and plain.isalnum() and plain != _squeezed(line)


def _whole(text: str) -> str:
    """Return a pattern for the text that splits no word."""
    before, after = r"(?<!\w)" if text[0].isalnum() else "", r"(?!\w)" if text[-1].isalnum() else ""
    return f"{before}{re.escape(text)}{after}"


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def _stands(name: str, held: Sequence[_Read]) -> bool:
    """Whether a name, a number or a quoted text stands near what is cited; white space aside."""
    near = "\n".join(one.near for one in held)
    if is_number(name):
        return number_stands(name, near)
    places = "\n".join(one.place for one in held) if is_place(name) else held[0].place.partition(" ")[0]
    return re.search(_whole(_squeezed(name)), _squeezed(f"{places}\n{near}")) is not None
