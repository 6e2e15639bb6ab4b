"""Where the agents of a person's own repositories are, and which of these files may run."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mcp_server.repositories import Repositories
from mcp_server.settings import Settings
from state.grants import granted
from state.problem import Problem, ProblemError
from state.sqlite import Database
from tools.beneath import digest, read_bytes
from tools.errors import ToolError

FOLDER = "agents"
LARGEST = 256 * 1024
MOST = 50
"""Files of one repository that are looked at."""


@dataclass(frozen=True, slots=True)
class Place:
    """A repository whose agents count."""

    root: Path
    repo: str
    granted: Mapping[str, str] | None
    """Which files, by their digests; `None` for whatever comes to lie there: the person trusts the folder around it."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file that wants to be an agent."""

    root: Path
    repo: str
    file: str
    digest: str

    @property
    def place(self) -> tuple[Path, str]:
        return self.root, self.file

    @property
    def key(self) -> str:
        return "\0".join([str(self.root), self.repo, self.file, self.digest])


@dataclass(frozen=True, slots=True)
class Broken:
    """One file that is not offered, and why."""

    repo: str
    file: str
    problem: Problem
    name: str = ""
    """What it is called, if that is known and not the file's own name."""


def places(settings: Settings, database: Database, repositories: Repositories) -> list[Place]:
    """Return the repositories whose agents may count: inside this process's roots, and trusted (R21)."""
    given = granted(database)
    roots = [root.resolve() for root in settings.trusted_roots]
    open_ones = {one.root for one in repositories.list() if _is_in(one.root, roots)} if roots else set[Path]()
    found = list[Place]()
    for root in sorted({*given, *open_ones}):
        if repositories.allowed(root) and repositories.trusted(root) and root.is_dir():
            files = None if _is_in(root, roots) else given[root]
            found.append(Place(root, repositories.name_of(root), files))
    return found


def signature(place: Place) -> tuple[object, ...]:
    """Return what is another when the files are: enough to look for changes a hundred times a second."""
    known = sorted(place.granted.items()) if place.granted is not None else None
    return place.root, place.repo, repr(known), tuple(_stats(place.root))


def sources(place: Place) -> tuple[list[Source], list[Broken]]:
    """Return the files that may run, and those that may not."""
    meant, broken = found(place.root, place.repo)
    if place.granted is None:
        return meant, broken
    loadable = [one for one in meant if place.granted.get(one.file) == one.digest]
    for one in meant:
        if one not in loadable:
            why = "changed since you trusted it" if one.file in place.granted else "is new since you trusted its agents"
            broken.append(Broken(place.repo, one.file, _untrusted(one, why)))
    for file in place.granted.keys() - {one.file for one in meant} - {one.file for one in broken}:
        problem = Problem(
            kind="not_found", message=f"{file} of {place.repo!r} is gone.", hint="Put it back, or trust anew."
        )
        broken.append(Broken(place.repo, file, problem))
    return loadable, broken


def found(root: Path, repo: str) -> tuple[list[Source], list[Broken]]:
    """Return the files in `agents/` that want to be agents of ours, and those that cannot be read."""
    from mcp_server.custom_rules import is_meant

    meant, broken = list[Source](), list[Broken]()
    names = list(_names(root))
    for name in names[:MOST]:
        file = f"{FOLDER}/{name}"
        try:
            data = read_bytes(root, file, LARGEST)
        except ToolError as error:
            shown = file.encode("utf-8", "backslashreplace").decode()
            problem = error.problem.model_copy(update={"message": f"{shown} of {repo!r}: {error.problem.message}"})
            broken.append(Broken(repo, shown, problem))
        else:
            if is_meant(data):
                meant.append(Source(root, repo, file, digest(data)))
    if len(names) > MOST:
        message = f"{FOLDER}/ of {repo!r} has {len(names)} files; the first {MOST} by name are looked at."
        broken.append(Broken(repo, FOLDER, Problem(kind="limit", message=message, hint="Begin others with _.")))
    return meant, broken


def text_of(one: Source) -> bytes:
    """Return what a file holds: exactly the bytes that may run.

    Raises:
        ProblemError: `busy`; another file stands there by now.
    """
    try:
        data = read_bytes(one.root, one.file, LARGEST)
    except ToolError as error:
        data, why = b"", f" ({error.problem.message})"
    else:
        why = ""
    if digest(data) != one.digest:
        message = f"{one.file} of {one.repo!r} changed while it was loaded{why}."
        raise ProblemError("busy", message, "It is looked at again; then resume the thread.")
    return data


def _untrusted(one: Source, why: str) -> Problem:
    message = f"{one.file} of {one.repo!r} {why}, so it is not run."
    return Problem(kind="refused", message=message, hint=f"Read it, then: factor12 repo trust --agents {one.root}")


def _names(root: Path) -> Iterator[str]:
    try:
        with os.scandir(root / FOLDER) as entries:
            yield from sorted(one.name for one in entries if one.name.endswith(".py") and not one.name.startswith("_"))
    except OSError:
        return


def _stats(root: Path) -> Iterator[tuple[object, ...]]:
    for name in _names(root):
        try:
            seen = os.lstat(root / FOLDER / name)
        except OSError:
            continue
        yield name, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_size, seen.st_ino


def _is_in(root: Path, folders: list[Path]) -> bool:
    return any(root.is_relative_to(folder) for folder in folders)
