"""The parts of an issue: issue files that name it as their parent, and how new ones are written."""

import re
from collections.abc import Collection, Mapping, Sequence
from heapq import heapify, heappop, heappush
from pathlib import Path, PurePosixPath

from anyio.to_thread import run_sync
from pydantic import BaseModel, Field

from tools.base import tool
from tools.beneath import list_names, read_bytes
from tools.changes import decode_text
from tools.errors import ToolError
from tools.issue import FOLDER
from tools.issue_form import LIMIT, Issue
from tools.issue_paths import is_plain_file
from tools.tampering import configures_check, is_test_file
from tools.workspace import Repository, Workspace

FEWEST, MOST = 2, 8
"""Parts that an issue is split into."""
MOST_LISTED = 50
LARGEST = 999_999_999
"""The largest number of an issue."""
_FILE = re.compile(r"(?:issue-)?0*([0-9]{1,9})(?![0-9A-Za-z]).*", re.IGNORECASE | re.DOTALL)
_WORD = re.compile(r"[a-z0-9]+")
_PLACE = re.compile(r"^#[0-9]+ \(part ([0-9]{1,2}) of ([0-9]{1,2})\)[ \t\r]*$", re.MULTILINE)


class Part(BaseModel):
    """One part, as its file says."""

    number: int
    path: str
    title: str
    exact: bool
    """Its change is written out."""
    depends_on: list[int] = []
    place: int = 0
    """Among the parts that were written together, from 1; 0 if the file does not say."""
    of: int = 0
    """How many these were."""


class SubIssue(BaseModel):
    """One part of an issue, that can be done and checked by itself once those it depends on are done."""

    title: str = Field(min_length=3, max_length=100)
    description: str = Field(min_length=10, max_length=2000, description="What shall be different; no headings")
    files: list[str] = Field(default=[], max_length=10, description="Files to change or create, from the top")
    success_criteria: list[str] = Field(default=[], max_length=8, description="How to see that it is done, a line each")
    depends_on: list[int] = Field(default=[], description="Places of earlier parts in this list, counted from 1")


class Split(BaseModel):
    """An issue in parts."""

    parts: list[SubIssue] = Field(description=f"{FEWEST} to {MOST} parts")


@tool("read", carries="issue")
async def list_parts(workspace: Workspace, parent: int, repo: str = "") -> list[Part]:
    """List the issue files that name an issue as their parent, by number."""
    return await run_sync(parts_of, workspace.repository(repo), parent)


def parts_of(repository: Repository, parent: int) -> list[Part]:
    """Return the parts of an issue; a file that cannot be read as an issue is none.

    Raises:
        ToolError: `limit`; it has more than are worked on.
    """
    from tools.issue_grammar import parse_issue  # kept from the start of the server: 30 ms

    named = re.compile(rb"parent.{0,80}?(?<![0-9])0*%d(?![0-9])" % parent, re.IGNORECASE | re.DOTALL)
    found: list[Part] = []
    for name, (number, root) in sorted(_numbered(repository).items(), key=lambda item: item[1]):
        path = f"{FOLDER}/{name}"
        try:
            data = read_bytes(root, path, LIMIT)
            if number == parent or not named.search(data):
                continue
            issue = parse_issue(text := decode_text(data, path), path)
        except ToolError:
            continue
        if issue.parent == parent:
            found.append(_part(issue, number, path, text))
    if len(found) > MOST_LISTED:
        message = f"Issue {parent} has {len(found)} parts, more than {MOST_LISTED}."
        raise ToolError("limit", message, "Take its number out of the Parent Issue of those that are done.")
    return found


def number_of(issue: Issue) -> int | None:
    """Return the number that parts name an issue by: its file's, as that of every part is, else the one it says."""
    folder, _, name = issue.origin.rpartition("/")
    named = _FILE.fullmatch(PurePosixPath(name).stem) if folder == FOLDER else None
    return int(named[1]) if named else issue.number


def next_number(repository: Repository) -> int:
    """Return a number that no issue file has, nor any of those behind it that parts may need: the highest and one."""
    taken = {number for number, _ in _numbered(repository).values()}
    free = (last + 1 for last in sorted({0, *taken}, reverse=True) if last + MOST <= LARGEST)
    return next(first for first in free if taken.isdisjoint(range(first, first + MOST)))


def in_order(parts: Sequence[Part]) -> list[Part]:
    """Return the parts so that each comes after those it depends on, else by number.

    Raises:
        ToolError: `ambiguous`; two have one number. `bad_input`; they depend on each other in a circle.
    """
    paths: dict[int, str] = {}
    for part in parts:
        if (other := paths.setdefault(part.number, part.path)) != part.path:
            message = f"#{part.number} may be {other} or {part.path}."
            raise ToolError("ambiguous", message, "Give each part a number of its own.")
    waits = _waits({part.number: part.depends_on for part in parts})
    if circle := waits.keys() - (order := _order(waits)):
        told = ", ".join(f"#{number}" for number in sorted(circle))
        what = "depend on each other in a circle" if len(circle) > 1 else "depends on itself"
        raise ToolError("bad_input", f"{told} {what}.", "Correct what stands under Dependencies.")
    return sorted(parts, key=lambda part: order.index(part.number))


def absent(parts: Sequence[Part]) -> list[int]:
    """Return the places of parts that were written, or were to be, together with these, and are not there."""
    whole = max((part.of for part in parts), default=0)
    return sorted({*range(1, whole + 1)} - {part.place for part in parts if part.of == whole})


def flaws(split: Split, parent: int, first: int, stated: Collection[str] = ()) -> list[str]:
    """Say what is wrong with a proposal, a line each: number, order, files outside, text that reads otherwise.

    `stated` are the files that the issue itself asks to change. A part asks for no other tests or settings: what an
    issue asks to change, a model may change.
    """
    count = len(split.parts)
    if not FEWEST <= count <= MOST:
        return [f"{count} parts; {FEWEST} to {MOST} are wanted."]
    found: list[str] = []
    for place, part in enumerate(split.parts, 1):
        told = f"Part {place}"
        if wrong := [at for at in part.depends_on if not 1 <= at <= count or at == place]:
            found.append(f"{told} depends on {wrong[0]}, which is no other part.")
        if outside := [file for file in part.files if not is_plain_file(file)]:
            found.append(f"{told}: {outside[0][:80]!r} is no path of a file in the repository.")
        elif proving := [file for file in part.files if file not in stated and _proves(file)]:
            found.append(f"{told}: {proving[0][:80]!r} is what proves the work, and the issue does not list it.")
        if part.title.casefold() in {other.title.casefold() for other in split.parts[: place - 1]}:
            found.append(f"{told} has the title of an earlier part.")
    waits = _waits({place: part.depends_on for place, part in enumerate(split.parts, 1)})
    if circle := waits.keys() - _order(waits):
        found.append(f"Parts {', '.join(map(str, sorted(circle)))} depend on each other in a circle.")
    return found or _misread(split, parent, first)


def written(split: Split, parent: int, first: int) -> dict[str, str]:
    """Return path → text of the files of a proposal; the first has the number `first`."""
    return {
        f"{FOLDER}/{number:03}-{_slug(part.title)}.md": _text(part, number, parent, first, len(split.parts))
        for number, part in enumerate(split.parts, first)
    }


def _text(part: SubIssue, number: int, parent: int, first: int, count: int) -> str:
    lists: Mapping[str, Sequence[str]] = {
        "Files to Update": [f"`{file}`" for file in part.files],
        "Success Criteria": [" ".join(one.split()) for one in part.success_criteria],
        "Dependencies": [f"#{first + at - 1}" for at in sorted(set(part.depends_on))],
    }
    head = f"# Issue #{number}: {' '.join(part.title.split())}\n\n## Description\n{part.description.strip()}\n"
    sections = [f"\n## {name}\n" + "".join(f"- {one}\n" for one in items) for name, items in lists.items() if items]
    return "".join([head, *sections, f"\n## Parent Issue\n#{parent} (part {number - first + 1} of {count})\n"])


def _misread(split: Split, parent: int, first: int) -> list[str]:
    """Say which parts would not be read as they are meant: their text holds headings or fields of its own."""
    from tools.issue_grammar import parse_issue

    found: list[str] = []
    for place, (part, text) in enumerate(zip(split.parts, written(split, parent, first).values(), strict=True), 1):
        try:
            issue = parse_issue(text, "text")
        except ToolError as error:
            found.append(f"Part {place} is no issue as it stands: {error.problem.message}")
            continue
        if issue.title != " ".join(part.title.split()):
            found.append(f"Part {place} has a title that would be read as {issue.title[:80]!r}.")
        elif not _is_meant(issue, part, parent, first):
            found.append(f"Part {place} has headings, comments or fields of an issue in its own text.")
    return found


def _is_meant(issue: Issue, part: SubIssue, parent: int, first: int) -> bool:
    """Tell whether the issue says what the part does, and nothing else: not what to run, nor who does it."""
    bare = Issue(
        origin=issue.origin,
        number=issue.number,
        title=issue.title,
        description=issue.description,
        files_update=issue.files_update,
        success_criteria=issue.success_criteria,
        parent=parent,
        dependencies=tuple(f"#{first + at - 1}" for at in sorted(set(part.depends_on))),
    )
    counts = len(issue.files_update) == len(set(part.files)), len(issue.success_criteria) <= len(part.success_criteria)
    return issue == bare and all(counts) and issue.description.split() == part.description.split()


def _part(issue: Issue, number: int, path: str, text: str) -> Part:
    wanted = [int(name[1:]) for name in issue.dependencies if name[1:].isdecimal()]
    place, of = map(int, said[-1]) if (said := _PLACE.findall(text)) else (0, 0)
    known = Part(number=number, path=path, title=issue.title, exact=bool(issue.pairs), depends_on=wanted)
    return known.model_copy(update={"place": place, "of": of})


def _proves(file: str) -> bool:
    return is_test_file(file) or configures_check(file)


def _waits(wanted: Mapping[int, Sequence[int]]) -> dict[int, set[int]]:
    """Leave out what is no part: it is not waited for."""
    return {part: {other for other in others if other in wanted} for part, others in wanted.items()}


def _order(waits: Mapping[int, set[int]]) -> list[int]:
    """Return what can be done, the smallest that waits for nothing first; what is in a circle is left out."""
    ready, left = [part for part, others in waits.items() if not others], {part: set(o) for part, o in waits.items()}
    heapify(ready)
    order: list[int] = []
    while ready:
        order.append(done := heappop(ready))
        for part, others in left.items():
            if done in others:
                others.discard(done)
                if not others:
                    heappush(ready, part)
    return order


def _numbered(repository: Repository) -> dict[str, tuple[int, Path]]:
    """Return the number of each issue file, and where it is: `read_issue` finds those of the checkout as well."""
    found: dict[str, tuple[int, Path]] = {}
    for root in (repository.source, repository.root):
        files = [name for name in _names(root) if name.isprintable() and PurePosixPath(name).suffix.lower() == ".md"]
        numbers = {name: _FILE.fullmatch(PurePosixPath(name).stem) for name in files}
        found |= {name: (int(number[1]), root) for name, number in numbers.items() if number and root}
    return found


def _names(root: Path | None) -> list[str]:
    try:
        return list_names(root, FOLDER) if root else []
    except ToolError:
        return []


def _slug(title: str) -> str:
    return "-".join(_WORD.findall(title.lower()))[:50].strip("-") or "part"
