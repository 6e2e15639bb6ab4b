"""Where texts stand in a repository as it was committed, and which of its files tell most about them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from tools.definitions import defines, pattern_for_git
from tools.gitrun import git
from tools.passages import MOST_FILES, texts_at
from tools.terms import Term
from tools.workspace import Repository, Workspace

OUTPUT_LIMIT = 32_000_000
"""Bytes of names."""
PER_FILE = 30
SECONDS = 15
WEIGHT = {"quoted": 4.0, "path": 3.0, "name": 3.0, "word": 1.0}
DEFINED = 5.0
TREE_LIMIT = 4_000_000
_LOW = ("lock", "min.js", "min.css", "map", "svg", "csv", "snap")
_VENDORED = frozenset({"node_modules", "vendor", "third_party", "dist", "build", ".venv"})


@dataclass(frozen=True, slots=True)
class Occurrence:
    line: int
    term: str
    defined: bool


@dataclass(slots=True)
class Candidate:
    """A file, and what of it was found."""

    path: str
    score: float = 0.0
    lines: Sequence[str] = ()
    """Of the whole file."""
    places: list[Occurrence] = field(default_factory=list[Occurrence])

    @property
    def why(self) -> str:
        """What the file was found by, definitions first."""
        names = dict.fromkeys(f"defines {one.term}" for one in self.places if one.defined)
        used = dict.fromkeys(one.term for one in self.places if f"defines {one.term}" not in names)
        return "; ".join([*names, *([f"has {', '.join(used)}"] if used else [])])[:160]


async def files_at(workspace: Workspace, repository: Repository, commit: str) -> list[str]:
    """Return the paths of a commit, of a very large one the first; those that are not UTF-8 are left out."""
    words = ("ls-tree", "-r", "-z", "--name-only", "--full-tree", commit)
    output = await git(workspace, repository, *words, limit=TREE_LIMIT, cut=True)
    found: list[str] = []
    for name in output.split(b"\0")[:-1]:
        try:
            found.append(name.decode())
        except UnicodeDecodeError:
            continue
    return found


async def files_with(workspace: Workspace, repository: Repository, commit: str, term: Term) -> list[str]:
    """Return the text files of the commit that have the term, those first that seem to define it; words in any case.

    Raises:
        ToolError: It took too long.
    """
    case = ["--ignore-case"] if term.kind == "word" else []
    found = await _grep(workspace, repository, "--fixed-strings", *case, "-e", term.text, commit)
    if len(found) <= MOST_FILES or term.kind == "path":
        return found
    pattern = pattern_for_git(term.text)
    return list(dict.fromkeys([*await _grep(workspace, repository, "-E", *case, "-e", pattern, commit), *found]))


async def _grep(workspace: Workspace, repository: Repository, *words: str) -> list[str]:
    plain = ("grep", "--files-with-matches", "-z", "-I", "--full-name", "--no-color", "--no-recurse-submodules")
    utf8 = {"LC_ALL": "C.UTF-8"}
    output = await git(
        workspace, repository, *plain, *words, ok=(0, 1), env=utf8, cut=True, limit=OUTPUT_LIMIT, timeout_s=SECONDS
    )
    names = (name.partition(b":")[2] for name in output.split(b"\0")[:-1])
    return [name.decode(errors="backslashreplace") for name in names]


async def best_files(
    workspace: Workspace,
    repository: Repository,
    commit: str,
    terms: Sequence[Term],
    found: Mapping[str, Sequence[str]],
    paths: Sequence[str],
) -> list[Candidate]:
    """Return the files that tell most about the terms, with the places; `found` is by term's text, `paths` are all."""
    known = _by_names(terms, found, paths)
    first = sorted(known.values(), key=lambda one: (-one.score, one.path))[:MOST_FILES]
    texts = await texts_at(workspace, repository, commit, [one.path for one in first])
    read = [_placed(one, texts[one.path], terms) for one in first if one.path in texts]
    return sorted(read, key=lambda one: (-one.score, one.path))


def _by_names(terms: Iterable[Term], found: Mapping[str, Sequence[str]], paths: Sequence[str]) -> dict[str, Candidate]:
    """Weigh the files by which terms they have, and by their names; what is rare counts most."""
    known: dict[str, Candidate] = {}
    for term in terms:
        files = found.get(term.text, ())
        rare = WEIGHT[term.kind] * math.log(2 + len(paths) / (1 + len(files)))
        for rank, path in enumerate(files):
            first = DEFINED if len(files) > MOST_FILES and rank < MOST_FILES // 4 else 0.0
            known.setdefault(path, Candidate(path)).score += (rare + first) * _worth(path)
        named = [path for path in paths if _names(path, term)]
        for path in named if len(named) <= len(paths) // 2 + 1 else ():
            bonus = WEIGHT[term.kind] * (4 if term.kind == "path" else 1.5)
            known.setdefault(path, Candidate(path)).score += bonus * _worth(path)
    return known


def _placed(file: Candidate, lines: Sequence[str], terms: Iterable[Term]) -> Candidate:
    """Find the terms in the file's lines, and count definitions and how often they are used."""
    file.lines = lines
    for term in terms:
        wanted, any_case = (term.text.casefold(), True) if term.kind == "word" else (term.text, False)
        numbers = [n for n, line in enumerate(lines, 1) if wanted in (line.casefold() if any_case else line)]
        places = [Occurrence(n, term.text, _defined(lines[n - 1], term)) for n in numbers[:PER_FILE]]
        more = 0.25 * WEIGHT[term.kind] * (min(len(numbers), 5) - 1) if numbers else 0.0
        file.score += (more + DEFINED * any(place.defined for place in places)) * _worth(file.path)
        file.places += places
    return file


def _defined(line: str, term: Term) -> bool:
    return term.kind != "path" and defines(line, term.text, part=term.kind == "word")


def _names(path: str, term: Term) -> bool:
    if term.kind == "path":
        return path == term.text or path.endswith(f"/{term.text}") or path.startswith(f"{term.text}/")
    return term.kind != "quoted" and term.text.casefold() in PurePosixPath(path).name.casefold()


def _worth(path: str) -> float:
    """Say how likely a file is to tell something: what is generated or somebody else's, hardly."""
    parts = PurePosixPath(path.casefold()).parts
    if _VENDORED & set(parts) or parts[-1].endswith(_LOW):
        return 0.15
    return 0.6 if any("test" in part or part.startswith(("issue", "changelog")) for part in parts) else 1.0
