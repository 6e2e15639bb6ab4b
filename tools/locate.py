"""Find, for each pair of an issue, the one place that it is about, without changing anything (R12)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Annotated

from anyio.to_thread import run_sync
from pydantic import BaseModel, Field

from tools.base import tool
from tools.beneath import LIMIT, digest, read_bytes
from tools.changes import decode_text
from tools.edits import Edit, in_order, line_ranges, require_text, span_of
from tools.errors import ToolError
from tools.gitrun import git
from tools.ladder import RUNGS, Match, Rung, applied, find
from tools.nearest import nearest
from tools.removed import was_removed
from tools.workspace import Repository, Workspace

__all__ = ["Ambiguity", "Candidate", "FileEdits", "Located", "Missing", "Pair", "locate"]

SEARCH_LIMIT = 1 << 20
"""Bytes of a file that is searched without having been named."""
MOST_PAIRS = 200
MOST_CANDIDATES = 20
SHOWN = 120


class Pair(BaseModel):
    file: str | None = None
    """Without it all tracked files are searched."""
    old: str
    new: str


class FileEdits(BaseModel):
    """What `edit_file` is to be called with for one file."""

    path: str
    digest: str
    edits: list[Edit]
    lines: str
    """Which lines they replace: `12-14, 30`."""


class Missing(BaseModel):
    pair: int
    """Index of the pair, from 0."""
    file: str | None
    why: str
    line: int | None = None
    """The nearest line."""


class Candidate(BaseModel):
    path: str
    line: int
    text: str
    """The first line of the place."""
    rung: Rung


class Ambiguity(BaseModel):
    pair: int
    candidates: list[Candidate]
    """The first of them."""
    total: int


class Located(BaseModel):
    edits: list[FileEdits] = []
    already: list[int] = []
    """Pairs whose new text stands where their old text does not any more, or whose old text was to go and is gone."""
    missing: list[Missing] = []
    ambiguous: list[Ambiguity] = []


@dataclass(frozen=True, slots=True)
class _Place:
    path: str
    digest: str
    match: Match


@dataclass(slots=True)
class _Sought:
    """One pair while it is looked for."""

    index: int
    pair: Pair
    line: int | None = None
    """Chosen by a person."""
    places: list[_Place] = field(default_factory=list[_Place])
    standing: list[str] = field(default_factory=list[str])
    """Where its new text stands, as `path:line`, in files without its old text."""
    removed: bool = False
    """Whether it was to be removed, and has been."""
    why: str = "It says nothing about what stands there now."
    nearest: int | None = None

    def look(self, path: str, sha256: str, text: str) -> None:
        found = find(text, self.pair.old, self.line, self.pair.new)
        self.places += (_Place(path, sha256, match) for match in found)
        if not found and applied(text, self.pair.old, self.pair.new):
            self.standing += (f"{path}:{match.line}" for match in find(text, self.pair.new))

    @property
    def already(self) -> bool:
        """Whether it has been applied. In a file that nobody named, a common text would prove nothing."""
        return self.removed or len(self.standing) == 1 or bool(self.standing and self.pair.file)


@dataclass(frozen=True, slots=True)
class _Settled:
    pair: Pair
    place: _Place


@tool("read", carries="files")
async def locate(
    workspace: Workspace,
    pairs: Annotated[list[Pair], Field(min_length=1, max_length=MOST_PAIRS)],
    repo: str = "",
    chosen: Mapping[str, str] = {},
    skip: Sequence[str] = (),
) -> Located:
    """Find the one place of each pair's old text, in its file or in all tracked files.

    `chosen` settles a pair that has several: its index -> `path:line`. Files and folders in `skip` are not searched:
    an issue quotes the very text it is about.
    """
    repository = workspace.repository(repo)
    for pair in pairs:
        require_text(pair.old + pair.new, pair.file or repository.name)
    sought = [_chosen(index, pair, chosen.get(str(index))) for index, pair in enumerate(pairs)]
    named = [one for one in sought if one.pair.file is not None and one.pair.old.strip()]
    absent = await run_sync(_look_in_named, repository, named)
    if absent:
        await _name_alike(workspace, repository, absent)
    if unnamed := [one for one in sought if one.pair.file is None and one.pair.old.strip()]:
        paths = await _candidates(workspace, repository, unnamed)
        searched = [path for path in paths if not any(PurePosixPath(path).is_relative_to(one) for one in skip)]
        await run_sync(_look_in_all, repository, unnamed, searched)
    for one in sought:
        if not (one.places or one.already or one.pair.new.strip()):
            one.removed = await was_removed(workspace, repository, one.pair.old, one.pair.file)
    return _located(sought)


def _chosen(index: int, pair: Pair, choice: str | None) -> _Sought:
    """Narrow a pair to the place that was chosen for it."""
    if choice is None:
        return _Sought(index, pair)
    path, _, line = choice.rpartition(":")
    if not path or not line.isdecimal() or int(line) < 1 or path != (pair.file or path):
        raise ToolError("bad_input", f"{choice!r} is no place of pair {index}.", "Choose one of its candidates.")
    return _Sought(index, pair.model_copy(update={"file": path}), int(line))


def _look_in_named(repository: Repository, sought: Sequence[_Sought]) -> list[_Sought]:
    """Look for the pairs whose file is known; return those whose file does not exist."""
    texts: dict[str, tuple[str, str] | None] = {}
    absent: list[_Sought] = []
    for one in sought:
        path = one.pair.file or ""
        if path not in texts:
            texts[path] = _read(repository, path)
        if (read := texts[path]) is None:
            absent.append(one)
            continue
        one.look(path, *read)
        if not (one.places or one.already):
            one.why, one.nearest = nearest(read[1], one.pair.old)
    return absent


def _read(repository: Repository, path: str, limit: int = LIMIT) -> tuple[str, str] | None:
    """Return digest and text of a file, `None` if there is none."""
    try:
        data = read_bytes(repository.root, path, limit)
    except ToolError as error:
        if error.problem.kind == "not_found":
            return None
        raise
    return digest(data), decode_text(data, path)


async def _name_alike(workspace: Workspace, repository: Repository, absent: Sequence[_Sought]) -> None:
    """Say of files that do not exist which files of that name do."""
    tracked = (await git(workspace, repository, "ls-files", "-z")).decode(errors="backslashreplace").split("\0")
    for one in absent:
        path = one.pair.file or ""
        name = PurePosixPath(path).name.casefold()
        alike = [repr(other) for other in tracked if PurePosixPath(other).name.casefold() == name][:3]
        one.why = f"There is no {path!r}" + (f"; is it {' or '.join(alike)}?" if alike else ".")


async def _candidates(workspace: Workspace, repository: Repository, sought: Sequence[_Sought]) -> list[str]:
    """Return the tracked text files with the most telling line of a pair, old or new; git says only where to look."""
    texts = (text for one in sought for text in (one.pair.old, one.pair.new))
    telling = {max(text.split("\n"), key=lambda line: len(line.strip())).strip()[:SHOWN] for text in texts} - {""}
    words = ["grep", "--files-with-matches", "-z", "--fixed-strings", "-I", "--no-color", "--full-name"]
    words += ["--no-recurse-submodules", *(word for line in sorted(telling) for word in ("-e", line))]
    output = await git(workspace, repository, *words, ok=(0, 1), env={"LC_ALL": "C.UTF-8"})
    return sorted(path.decode(errors="surrogateescape") for path in output.split(b"\0")[:-1])


def _look_in_all(repository: Repository, sought: Sequence[_Sought], paths: Sequence[str]) -> None:
    skipped: list[str] = []
    for path in paths:
        try:
            read = _read(repository, path, SEARCH_LIMIT)
        except ToolError:
            skipped.append(ascii(path))
            continue
        for one in sought if read else ():
            one.look(path, *(read or ("", "")))
    unread = f" Not searched, being too large or no plain text: {', '.join(skipped[:3])}." if skipped else ""
    for one in sought:
        new = f" Its new text stands in {', '.join(one.standing[:3])}." if one.standing else ""
        one.why = f"No tracked file has it.{new}{unread}"


def _located(sought: Sequence[_Sought]) -> Located:
    located = Located()
    certain: dict[str, list[_Settled]] = {}
    for one in sought:
        match _best(one.places):
            case [place]:
                certain.setdefault(place.path, []).append(_Settled(one.pair, place))
            case [] if one.already:
                located.already.append(one.index)
            case []:
                located.missing.append(_missing(one))
            case places:
                located.ambiguous.append(_ambiguity(one, places))
    located.edits = [_file_edits(path, settled) for path, settled in certain.items()]
    return located


def _best(places: Sequence[_Place]) -> list[_Place]:
    """Return the places on the first rung that has any, over all files."""
    first = min((RUNGS.index(place.match.rung) for place in places), default=0)
    return [place for place in places if place.match.rung == RUNGS[first]]


def _missing(one: _Sought) -> Missing:
    if one.line is not None:
        message = f"Pair {one.index} does not stand at {one.pair.file}:{one.line}."
        raise ToolError("bad_input", message, "Choose one of its candidates.")
    return Missing(pair=one.index, file=one.pair.file, why=one.why, line=one.nearest)


def _ambiguity(one: _Sought, places: Sequence[_Place]) -> Ambiguity:
    if one.line is not None:
        message = f"The old text of pair {one.index} stands more than once on {one.pair.file}:{one.line}."
        raise ToolError("ambiguous", message, "Give the whole line as its old text.")
    candidates = [
        Candidate(
            path=place.path,
            line=place.match.line,
            text=place.match.found.strip().split("\n")[0].strip()[:SHOWN],
            rung=place.match.rung,
        )
        for place in places[:MOST_CANDIDATES]
    ]
    return Ambiguity(pair=one.index, candidates=candidates, total=len(places))


def _file_edits(path: str, settled: Sequence[_Settled]) -> FileEdits:
    """Put the edits of one file together.

    Raises:
        ToolError: Two of them overlap.
    """
    spans = in_order([span_of(one.place.match, one.pair.new) for one in settled], path)
    edits = [Edit(old=one.pair.old, new=one.pair.new, line=one.place.match.line) for one in settled]
    return FileEdits(path=path, digest=settled[0].place.digest, edits=edits, lines=line_ranges(spans, after=False))
