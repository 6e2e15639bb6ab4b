"""Where the agents of a person's own repositories are, and which of these files may run."""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mcp_server.repositories import Repositories
from mcp_server.settings import Settings
from mcp_server.wordings import FOLDER as PROMPTS
from mcp_server.wordings import named
from prompts.render import SUFFIX
from state.grants import granted
from state.problem import Problem, ProblemError
from state.sqlite import Database
from tools.beneath import digest, read_bytes
from tools.errors import ToolError

FOLDER = "agents"
LARGEST = 256 * 1024
MOST = 50
"""Files of one repository that are looked at."""
MOST_TEMPLATES = 200
UNWORDED = "no agent of it is given its words"


@dataclass(frozen=True, slots=True)
class Place:
    """A repository whose agents count."""

    root: Path
    repo: str
    granted: Mapping[str, str] | None
    """Which files, by their digests; `None` for whatever comes to lie there: the person trusts the folder around it."""

    def refusal(self, file: str, now: str, so: str) -> Problem | None:
        """Say why a file does not count with that digest, `""` if there is none; nothing if the person trusts it so."""
        if self.granted is None or self.granted.get(file, "") == now:
            return None
        if not now:
            message = f"{file} of {self.repo!r} is gone."
            return Problem(kind="not_found", message=message, hint="Put it back, or trust anew.")
        why = "changed since you trusted it" if file in self.granted else "is new since you trusted its agents"
        hint = f"Read it, then: factor12 repo trust --agents {self.root}"
        return Problem(kind="refused", message=f"{file} of {self.repo!r} {why}, so {so}.", hint=hint)


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
    return place.root, place.repo, repr(known), tuple(_stats(place.root / FOLDER)), tuple(_stats(place.root / PROMPTS))


def sources(place: Place) -> tuple[list[Source], list[Broken]]:
    """Return the files that may run, and those that may not."""
    meant, broken = found(place.root, place.repo)
    if place.granted is None:
        return meant, broken
    now = {one.file: one.digest for one in meant}
    gone = place.granted.keys() - now.keys() - {one.file for one in broken}
    files = [*now, *sorted(file for file in gone if file.startswith(f"{FOLDER}/"))]
    why = {file: place.refusal(file, now.get(file, ""), "it is not run") for file in files}
    words = templates(place.root)
    for file in sorted({*words, *(file for file in place.granted if file.startswith(f"{PROMPTS}/"))}):
        why[file] = place.refusal(file, words.get(file, ""), UNWORDED)
    broken += [Broken(place.repo, file, problem) for file, problem in why.items() if problem is not None]
    return [one for one in meant if why[one.file] is None], broken


def as_it_is(root: Path) -> dict[str, str]:
    """Return what a person lets decide when they trust a repository's agents: the agents, and their words."""
    return {one.file: one.digest for one in found(root, root.name)[0]} | templates(root)


def templates(root: Path) -> dict[str, str]:
    """Return the templates of a repository that can be read, with their digests."""
    files = [f"{PROMPTS}/{name}{SUFFIX}" for name in sorted(named(root / PROMPTS))[:MOST_TEMPLATES]]
    read = dict[str, str]()
    for file in files:
        with suppress(ToolError):
            read[file] = digest(read_bytes(root, file, LARGEST))
    return read


def found(root: Path, repo: str) -> tuple[list[Source], list[Broken]]:
    """Return the files in `agents/` that want to be agents of ours, and those that cannot be read."""
    from mcp_server.custom_rules import is_meant

    meant, broken = list[Source](), list[Broken]()
    names = [name for name in _names(root / FOLDER) if name.endswith(".py")]
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


def _names(folder: Path) -> Iterator[str]:
    """Yield the files that count: agents in `agents`, templates in `prompts`."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(one.name for one in entries if one.name.endswith((".py", SUFFIX)))
    except OSError:
        return
    yield from (name for name in names if not name.startswith("_"))


def _stats(folder: Path) -> Iterator[tuple[object, ...]]:
    for name in _names(folder):
        try:
            seen = os.lstat(folder / name)
        except OSError:
            continue
        yield name, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_size, seen.st_ino


def _is_in(root: Path, folders: list[Path]) -> bool:
    return any(root.is_relative_to(folder) for folder in folders)
