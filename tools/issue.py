"""Find an issue by number, path or its own text, and read it."""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path, PurePosixPath

from anyio.to_thread import run_sync

from tools.base import tool
from tools.beneath import list_names, read_bytes
from tools.changes import decode_text
from tools.errors import ToolError
from tools.issue_form import LIMIT, Issue, Pair
from tools.workspace import Repository, Workspace

__all__ = ["Issue", "Pair", "issue_names", "read_issue"]

FOLDER = "issues"
_NUMBER = re.compile(r"(?:issue\s*)?#?0*([0-9]{1,9})", re.IGNORECASE)
_TEXT = re.compile(r"#{1,6}[ \t]")
_FILE = re.compile(r"(?:issue-)?0*([0-9]{1,9})(?![0-9A-Za-z]).*", re.IGNORECASE | re.DOTALL)
_SUFFIXES = (".md", ".markdown", ".txt")
_SHOWN = 80
_HINT = "Give the issue's number, its path in the repository, or its text, beginning with '# ' and a title."


@tool("read", carries="issue")
async def read_issue(workspace: Workspace, issue: str, repo: str = "") -> Issue:
    """Read an issue: a number (`123`, looked up in `issues/`), a path in the repository, or the text itself."""
    repository = workspace.repository(repo)
    try:
        return await run_sync(_read, repository, issue)
    except ToolError as error:
        if repository.source is None or error.problem.kind != "not_found":
            raise
    # an issue is often written and not committed: then it is in the checkout that the work tree is of
    return await run_sync(_read, replace(repository, root=repository.source), issue)


def issue_names(root: Path) -> list[str]:
    """Return what `read_issue` finds in the repository: numbers that mean one file, then paths."""
    files = [name for name in _names_in(root) if name.isprintable() and PurePosixPath(name).suffix.lower() in _SUFFIXES]
    numbered = [(name, _FILE.fullmatch(PurePosixPath(name).stem)) for name in files if name.lower().endswith(".md")]
    taken = Counter(int(found[1]) for _, found in numbered if found)
    return [*(str(number) for number in sorted(taken) if taken[number] == 1), *(f"{FOLDER}/{name}" for name in files)]


def _read(repository: Repository, issue: str) -> Issue:
    from tools.issue_grammar import parse_issue  # kept from the start of the server: 30 ms

    wanted = issue.strip()
    if not wanted:
        raise ToolError("bad_input", "No issue was given.", _HINT)
    if "\n" in wanted or "\r" in wanted or _TEXT.match(wanted):
        return parse_issue(issue, "text")
    number = _NUMBER.fullmatch(wanted)
    if number is None and " " in wanted and PurePosixPath(wanted).suffix.lower() not in _SUFFIXES:
        raise ToolError("bad_input", f"{wanted[:_SHOWN]!r} is neither a number nor a path.", _HINT)
    path = _path_of(repository, int(number[1])) if number else wanted
    read = parse_issue(decode_text(_bytes_of(repository, path), path), path)
    if read.number is None and (named := _FILE.fullmatch(PurePosixPath(path).name)):
        return read.model_copy(update={"number": int(named[1])})
    return read


def _path_of(repository: Repository, number: int) -> str:
    """Return the path of the one issue file with this number."""
    found = [f"{FOLDER}/{name}" for name in _names_in(repository.root) if _is_number(name, number)]
    if not found:
        looked = f"{FOLDER}/{number}.md, {FOLDER}/{number:03}-*.md and {FOLDER}/issue-{number}.md"
        raise ToolError("not_found", f"Issue {number} is not in {repository.name!r}: looked for {looked}.", _HINT)
    if len(found) > 1:
        raise ToolError("ambiguous", f"Issue {number} may be {' or '.join(sorted(found))}.", "Give one of these paths.")
    return found[0]


def _is_number(name: str, number: int) -> bool:
    file = PurePosixPath(name)
    named = _FILE.fullmatch(file.stem)
    return name.isprintable() and file.suffix.lower() == ".md" and named is not None and int(named[1]) == number


def _names_in(root: Path) -> list[str]:
    try:
        return list_names(root, FOLDER)
    except ToolError as error:
        if error.problem.kind == "not_found":
            return []
        raise


def _bytes_of(repository: Repository, path: str) -> bytes:
    try:
        return read_bytes(repository.root, path, LIMIT)
    except ToolError as error:
        if error.problem.kind != "not_found":
            raise
        raise ToolError("not_found", f"There is no issue {path[:_SHOWN]!r} in {repository.name!r}.", _HINT) from error
