"""Fetch what a decision about an issue needs before it is asked for: files, symbols, places, commits, tree (F13)."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Annotated, TypeVar

from anyio.to_thread import run_sync
from pydantic import BaseModel, Field
from pydantic_core import to_json

from tools import mentions
from tools.base import tool
from tools.beneath import read_bytes
from tools.changes import decode_text
from tools.definitions import defines
from tools.errors import ToolError
from tools.excerpts import Excerpt, excerpt
from tools.gitrun import git
from tools.gitstatus import shown as printable
from tools.workspace import Repository, Workspace

__all__ = ["Excerpt", "Facts", "Sight", "Wanted", "gather", "show_files"]

BYTES = 14_000
"""Of a result as JSON: agents see none over 16 KiB (R2)."""
TEXT_LIMIT = 100_000
FILE_LIMIT = 1 << 20
MOST_FILES = 6
MOST_READ = 40
MOST_PLACES = 16
MOST_COMMITS = 8
MOST_OUTLINE = 60
LINE = 160
QUOTING = ("issues/",)
"""Where issues are kept: they quote what they are about."""


class Place(BaseModel):
    """A line with a symbol that the issue names."""

    path: str
    line: int
    text: str
    defines: bool = False


class Facts(BaseModel):
    """What the repository says about an issue."""

    files: list[Excerpt] = []
    places: list[Place] = []
    """Definitions first."""
    commits: list[str] = []
    """The latest that changed these files."""
    outline: list[str] = []
    """The tree: files or, of many, folders with the number of their files."""
    absent: list[str] = []
    """Files that were named and are not there."""


class Wanted(BaseModel):
    path: str = Field(description="File in the repository, as the outline or a place names it", max_length=1000)
    around: str = Field(default="", description="A name or words in it to look near, if it is long", max_length=200)


class Sight(BaseModel):
    files: list[Excerpt] = []
    absent: list[str] = []
    """What cannot be shown, and why."""


SeenT = TypeVar("SeenT", Facts, Sight)


@dataclass(slots=True)
class _File:
    path: str
    text: str
    meant: list[int] = field(default_factory=list[int])
    places: list[Place] = field(default_factory=list[Place])


@tool("read", carries="diff")
async def gather(
    workspace: Workspace,
    text: Annotated[str, Field(max_length=TEXT_LIMIT)],
    files: Annotated[Sequence[str], Field(max_length=200)] = (),
    repo: str = "",
) -> Facts:
    """Collect facts about an issue: `files` and those that `text` names, by path, symbol or word; bounded."""
    repository = workspace.repository(repo)
    known = await _tracked(workspace, repository)
    named, absent = _named(known, [*files, *mentions.paths(text)], must=set(files))
    symbols = mentions.symbols(text)
    ranked = await _ranked(workspace, repository, symbols, mentions.words(text))
    paths = list(dict.fromkeys([*named, *ranked]))[:MOST_READ]
    read = await run_sync(lambda: [file for path in paths if (file := _read(repository, path, symbols))])
    chosen = _chosen(read, named)
    facts = Facts(
        places=sorted((place for file in read for place in file.places), key=lambda one: not one.defines)[:MOST_PLACES],
        commits=await _commits(workspace, repository, [file.path for file in chosen]),
        outline=_outline(known),
        absent=absent,
    )
    return _fit(_halved(facts), chosen)


@tool("read", carries="files")
async def show_files(
    workspace: Workspace, wanted: Annotated[list[Wanted], Field(min_length=1, max_length=20)], repo: str = ""
) -> Sight:
    """Show files of the repository, as much of each as fits; of a path that leads nowhere, why."""
    repository = workspace.repository(repo)
    sight = Sight()
    found: list[_File] = []
    for one in wanted:
        try:
            text = decode_text(await run_sync(read_bytes, repository.root, one.path, FILE_LIMIT), one.path)
        except ToolError as error:
            sight.absent.append(f"{one.path[:LINE]!r}: {error.problem.message[:LINE]}")
        else:
            found.append(_File(one.path, text, _lines_with(text, one.around)))
    return _fit(sight, found)


async def _tracked(workspace: Workspace, repository: Repository) -> list[str]:
    words = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    listed = (await git(workspace, repository, *words, cut=True)).split(b"\0")[:-1]
    return sorted({printable(path) for path in listed})


def _named(known: Sequence[str], wanted: Sequence[str], must: set[str]) -> tuple[list[str], list[str]]:
    """Return the files that are meant by path, by the end of one, or by name; and those of `must` that are not."""
    everything, found, absent = set(known), list[str](), list[str]()
    for name in dict.fromkeys(wanted):
        alike = [name] if name in everything else [path for path in known if path.endswith(f"/{name}")]
        if len(alike) <= 3:
            found += alike
        if not alike and name in must:
            absent.append(name[:LINE])
    return [path for path in found if not path.startswith(QUOTING)], absent[:20]


async def _ranked(
    workspace: Workspace, repository: Repository, symbols: Sequence[str], words: Sequence[str]
) -> list[str]:
    """Return the files with the most telling words: a word that stands in few of them tells more, a symbol most."""
    scores: dict[str, float] = {}
    for weight, names, how in ((4.0, symbols, ()), (1.0, words, ("--ignore-case",))):
        holding = await _holding(workspace, repository, names, how)
        for name, files in holding.items():
            for path in files:
                in_path = name.casefold() in path.casefold()
                scores[path] = scores.get(path, 0) + weight / len(files) * (2 if in_path else 1)
    return [path for path, _ in sorted(scores.items(), key=lambda one: (-one[1], one[0])) if _is_source(path)]


async def _holding(
    workspace: Workspace, repository: Repository, names: Sequence[str], how: Sequence[str]
) -> dict[str, set[str]]:
    """Return name -> files with it as a word. git says only where to look: what it prints is not shown."""
    if not names:
        return {}
    words = ["grep", "-zoIwF", "--no-color", "--full-name", "--untracked", "--no-recurse-submodules", *how]
    words += [word for name in names for word in ("-e", name)]
    output = await git(workspace, repository, *words, ok=(0, 1), env={"LC_ALL": "C.UTF-8"}, limit=4 << 20, cut=True)
    holding: dict[str, set[str]] = {}
    for path, _, match in (entry.partition(b"\0") for entry in output.split(b"\n") if b"\0" in entry):
        key = match.decode(errors="replace")
        holding.setdefault(key.casefold() if how else key, set()).add(os.fsdecode(path))
    return holding


def _is_source(path: str) -> bool:
    return not path.startswith(QUOTING) and not any("\ud800" <= char <= "\udfff" for char in path)


def _read(repository: Repository, path: str, symbols: Sequence[str]) -> _File | None:
    try:
        text = decode_text(read_bytes(repository.root, path, FILE_LIMIT), path)
    except ToolError:  # a link, too large, or no text
        return None
    file = _File(path, text)
    if not symbols:
        return file
    any_of = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in symbols))
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) <= FILE_LIMIT // 100 and any_of.search(line):
            is_definition = any(defines(line, name) for name in symbols)
            file.meant = [number, *file.meant] if is_definition else [*file.meant, number]
            file.places.append(Place(path=path, line=number, text=line.strip()[:LINE], defines=is_definition))
    return file


def _chosen(read: Sequence[_File], named: Iterable[str]) -> list[_File]:
    """Return the files to show: the named ones, those that define a symbol, then the best of the rest."""
    first = set(named)

    def order(file: _File) -> tuple[bool, bool]:
        return file.path not in first, not any(place.defines for place in file.places)

    return sorted(read, key=order)[:MOST_FILES]


def _lines_with(text: str, around: str) -> list[int]:
    """Return the lines that hold the words, or else those that hold one of them."""
    lines = [line.casefold() for line in text.split("\n")]
    for wanted in ([around.casefold().strip()], around.casefold().split()):
        if found := [at for at, line in enumerate(lines, 1) if any(word and word in line for word in wanted)]:
            return found[:20]
    return []


async def _commits(workspace: Workspace, repository: Repository, paths: Sequence[str]) -> list[str]:
    if not paths:
        return []
    form = (f"--max-count={MOST_COMMITS}", "--format=%h %as %s", "--encoding=UTF-8", "--no-patch")
    try:
        said = await git(workspace, repository, "log", *form, "--end-of-options", "HEAD", "--", *paths)
    except ToolError:  # there is no commit yet
        return []
    return [line[:LINE] for line in said.decode(errors="replace").splitlines()]


def _outline(known: Sequence[str]) -> list[str]:
    """Return the files; if they are too many their folders, deep ones only as a part of those above."""
    if len(known) <= MOST_OUTLINE:
        return [path[:LINE] for path in known]
    for depth in (4, 3, 2, 1):
        folders = Counter("/".join(PurePosixPath(path).parts[:-1][:depth]) for path in known)
        if len(folders) <= MOST_OUTLINE or depth == 1:
            return [f"{name or '.'}/ ({count} files)"[:LINE] for name, count in sorted(folders.items())][:MOST_OUTLINE]
    return []


def _halved(facts: Facts) -> Facts:
    """Leave half of the result to the files."""
    while len(to_json(facts)) > BYTES // 2:
        facts.outline, facts.places = facts.outline[: len(facts.outline) // 2], facts.places[: len(facts.places) // 2]
        facts.absent, facts.commits = facts.absent[: len(facts.absent) // 2], facts.commits[: len(facts.commits) // 2]
    return facts


def _fit(result: SeenT, files: Sequence[_File]) -> SeenT:
    """Put into the result as much of each file as fits, the first ones most."""
    left = BYTES - len(to_json(result))
    shares = [2.0 if at < 2 else 1.0 for at in range(len(files))]
    scale = 1.0
    while True:
        shown = [
            excerpt(file.path, file.text, file.meant, int(scale * left * share / max(sum(shares), 1)))
            for file, share in zip(files, shares, strict=True)
        ]
        after = result.model_copy(update={"files": shown})
        if len(to_json(after)) <= BYTES or scale < 0.01:
            return after
        scale *= 0.85
