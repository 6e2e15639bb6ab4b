"""The words every runner shares: what it is asked to run, how it is started, and what its report says."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict

from tools.beneath import read_bytes
from tools.errors import ToolError

Runner: TypeAlias = Literal["pytest", "unittest", "npm", "pnpm", "cargo", "go", "make"]
REPORT_LIMIT = 256 << 20
RUNNERS: tuple[Runner, ...] = get_args(Runner)
State: TypeAlias = Literal["pass", "fail", "error", "skip"]
_RANK: dict[State, int] = {"skip": 0, "pass": 1, "error": 2, "fail": 3}
RED: frozenset[State] = frozenset({"fail", "error"})

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
_INVISIBLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)


def compact(text: str, most: int = 600) -> str:
    """Drop escape sequences and what cannot be seen, and keep the beginning and the end of what is long."""
    clean = _INVISIBLE.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n"))).strip()
    if len(clean) <= most:
        return clean
    return f"{clean[: most * 2 // 3]} … {clean[-(most // 3 - 3) :]}"


Text: TypeAlias = Annotated[str, AfterValidator(compact)]
"""What a repository's program said, fit to be shown."""


class Case(BaseModel):
    """One test and what became of it."""

    model_config = ConfigDict(frozen=True)

    id: Text
    state: State
    message: Text = ""
    file: Text = ""
    line: int = 0


class Counts(BaseModel):
    model_config = ConfigDict(frozen=True)

    passed: int = 0
    failed: int = 0
    error: int = 0
    skipped: int = 0

    @property
    def total(self) -> int:
        return self.passed + self.failed + self.error + self.skipped


@dataclass(frozen=True, slots=True)
class Target:
    """What to run and where."""

    root: Path
    folder: Path
    """A private folder for the report, caches and temporary files of this one run."""
    environment: Mapping[str, str]
    paths: tuple[str, ...] = ()
    """Relative, contained, existing; for Python also node ids."""
    select: str = ""
    mark: str = ""
    checkout: Path | None = None
    """The person's checkout, when `root` is a work tree of the thread's own: its environments are used."""

    @property
    def report(self) -> Path:
        return self.folder / "report"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to start the runner."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """Beside the workspace's own."""


@dataclass(frozen=True, slots=True)
class Missing:
    """The runner cannot be started on this machine."""

    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a runner said. Ids begin with the test's file and `::` wherever the runner tells the file."""

    states: Mapping[str, State] = field(default_factory=dict[str, State])
    failures: tuple[Case, ...] = ()
    counts: Counts = field(default_factory=Counts)
    ids: bool = True
    problem: str = ""
    """Why this is no evidence, or empty."""


def gather(cases: Iterable[Case], problem: str = "") -> Report:
    """Make a report of cases; of several with one id the worst counts."""
    worst: dict[str, Case] = {}
    for case in cases:
        if case.id not in worst or _RANK[case.state] > _RANK[worst[case.id].state]:
            worst[case.id] = case
    states: dict[str, State] = {name: case.state for name, case in worst.items()}
    found = Counter(states.values())
    counts = Counts(passed=found["pass"], failed=found["fail"], error=found["error"], skipped=found["skip"])
    return Report(states, tuple(case for case in worst.values() if case.state in RED), counts, problem=problem)


def report_bytes(target: Target) -> bytes:
    """Return what the runner wrote: nothing if it wrote no report.

    Raises:
        ToolError: The repository's program put something else in its place, such as a pipe, or wrote without end.
    """
    try:
        return read_bytes(target.folder, target.report.name, REPORT_LIMIT)
    except ToolError as error:
        if error.problem.kind == "not_found":
            return b""
        raise


def json_lines(target: Target) -> list[dict[str, Any]]:
    """Return a recorder's records; a line that a killed runner left half-written ends them."""
    records: list[dict[str, Any]] = []
    for line in report_bytes(target).decode(errors="replace").split("\n"):
        try:
            records.append(json.loads(line))
        except (ValueError, RecursionError):
            break
    return records


def inside(target: Target, file: str) -> str:
    """Return a path of a report as the repository knows it."""
    path = Path(file)
    return str(path.relative_to(target.root)) if path.is_relative_to(target.root) else file


def last_line(said: str) -> str:
    """Return the last line, which in a Python traceback names the error."""
    return compact(said.strip().rpartition("\n")[2].removeprefix("E "), 300)


def last_lines(said: bytes | str, most: int = 300) -> str:
    """Return the end of what a program said, on one line."""
    text = said if isinstance(said, str) else said[-4000:].decode(errors="replace")
    return " | ".join(compact(text[-4000:], 4000).splitlines())[-most:]
