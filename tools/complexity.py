"""How much an issue asks for: rules over what it says and what the repository has, each with its evidence.

No rule guesses: each counts something that can be shown, and the largest level that one gives is the issue's.
"""

import os
import re
from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

from anyio.to_thread import run_sync
from pydantic import BaseModel

from tools.base import tool
from tools.errors import ToolError
from tools.issue import Issue, read_issue
from tools.issue_form import lengths
from tools.issue_parts import Part, next_number, number_of, parts_of
from tools.issue_paths import mentioned_files
from tools.paths import components
from tools.workspace import Repository, Workspace

__all__ = ["Assessment", "Level", "Rule", "assess_issue", "unread"]

Level: TypeAlias = Literal["atomic", "simple", "moderate", "complex", "enterprise"]
LEVELS: tuple[Level, ...] = ("atomic", "simple", "moderate", "complex", "enterprise")
MOST_FILES = 100
MOST_NAMED = 8
"""Things that an explanation names one by one."""
_WIDE = (
    "migrate|migration|rewrite|redesign|re-architect|rearchitect|architecture|port to|end-to-end|entire codebase"
    "|whole codebase|across the codebase|all modules|every module|all services|every service|multi-tenant"
    "|microservice|microservices|from scratch|new subsystem"
)
_WIDE_WORD = re.compile(rf"\b(?:{_WIDE})\b", re.IGNORECASE)
_BARE_FILE = re.compile(r"(?<![\w/.-])[\w][\w./-]*\.[A-Za-z]\w{0,9}(?![\w/])")


class Rule(BaseModel):
    """One rule that applied."""

    rule: str
    level: Level
    evidence: str


class Assessment(BaseModel):
    """What an issue asks for, and why that is so."""

    number: int | None
    level: Level
    rules: list[Rule]
    exact: int
    """Pairs of what stands and what should stand."""
    files: list[str]
    """Files that it names and the repository has; at most 100."""
    parts: list[Part]
    """Issues that name it as their parent."""
    next_number: int
    """Of the first of new parts: neither it nor those behind it are taken."""


@tool("read", carries="issue")
async def assess_issue(workspace: Workspace, issue: str, repo: str = "") -> Assessment:
    """Tell how complex an issue is, by rules that name their evidence, and which parts of it are written already."""
    read = await read_issue.fn(workspace, issue, repo)
    return await run_sync(_assess, workspace.repository(repo), read)


def _assess(repository: Repository, issue: Issue) -> Assessment:
    files = _named_files(issue)
    there = [path for path in files if os.path.lexists(repository.root / path)]
    rules, number = [*rules_for(issue, files)], number_of(issue)
    return Assessment(
        number=number,
        level=_largest(rules),
        rules=rules,
        exact=len(issue.pairs),
        files=there[:MOST_FILES],
        parts=parts_of(repository, number) if number is not None else [],
        next_number=next_number(repository),
    )


def rules_for(issue: Issue, files: Sequence[str]) -> Iterator[Rule]:
    """Yield the rules that apply; of an issue whose change is written out, only that."""
    if issue.pairs:
        level: Level = "atomic" if len(issue.pairs) == 1 else "simple"
        yield _rule("the change is written out", level, f"exact pairs of old and new text: {len(issue.pairs)}")
        return
    yield from _by_count("what it asks for", max(issue.requirements, issue.success_criteria, key=len), (2, 6, 12))
    yield from _by_count("files it names", files, (1, 5, 12))
    areas = sorted({path.split("/")[0] for path in files if "/" in path} - {"tests", "test", "docs", "issues"})
    if len(areas) > 2:
        yield _rule("parts of the repository", "complex" if len(areas) < 6 else "enterprise", _named(areas))
    text = _text(issue)
    if wide := sorted({word.lower() for word in _WIDE_WORD.findall(text)}):
        yield _rule("words that mean a wide change", "complex", _named(wide))
    if (size := sum(sum(lengths(one)) for one in _texts(issue))) > 1500:
        yield _rule("its length", "moderate" if size < 6000 else "complex", f"{size} characters")


def _by_count(rule: str, found: Sequence[str], bounds: tuple[int, int, int]) -> Iterator[Rule]:
    """Yield the level of a number of things: up to the bounds simple, moderate, complex; beyond, enterprise."""
    level = LEVELS[1 + sum(len(found) > bound for bound in bounds)]
    yield _rule(rule, level, f"{len(found)}: {_named(found)}" if found else "none")


def _largest(rules: Sequence[Rule]) -> Level:
    return LEVELS[max((LEVELS.index(rule.level) for rule in rules), default=1)]


def _rule(rule: str, level: Level, evidence: str) -> Rule:
    return Rule(rule=rule, level=level, evidence=evidence)


def _named(things: Sequence[str]) -> str:
    shown = ", ".join("".join(filter(str.isprintable, thing))[:60] for thing in things[:MOST_NAMED])
    return shown if len(things) <= MOST_NAMED else f"{shown} and {len(things) - MOST_NAMED} more"


def _text(issue: Issue) -> str:
    return "\n".join(_texts(issue))


def unread(issue: Issue) -> int:
    """Return how many characters of the issue were too many to be read."""
    return sum(lengths(one)[1] for one in _texts(issue))


def _texts(issue: Issue) -> tuple[str, ...]:
    return (issue.title, issue.description, issue.problem, issue.solution, *issue.requirements)


def _named_files(issue: Issue) -> list[str]:
    """Return the files that the issue names anywhere, spelled so that they lie in the repository."""
    stated = [*issue.files_update, *issue.files_create, *(pair.file for pair in issue.pairs if pair.file)]
    text = _text(issue)
    loose = [word for word in _BARE_FILE.findall(text) if "/" in word]
    found = dict.fromkeys(path for path in (*stated, *mentioned_files(text), *loose) if _is_inside(path))
    return [path for path in found if not path.startswith("issues/")]


def _is_inside(path: str) -> bool:
    try:
        return bool(components(path))
    except ToolError:
        return False
