"""Runs the official conformance suite at a server, and tells what came of every check."""

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.node.programs import CONFORMANCE, node

FOLDER_NAME = re.compile(r"^server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z$")


@dataclass(frozen=True, slots=True)
class Check:
    """One check of a scenario; some are made several times."""

    scenario: str
    id: str
    status: str
    """SUCCESS, FAILURE, WARNING, SKIPPED or INFO."""

    @property
    def name(self) -> str:
        return f"{self.scenario}:{self.id}"


@dataclass(frozen=True, slots=True)
class Report:
    """What the suite said of a server."""

    checks: Sequence[Check]
    exit_code: int = 0
    said: str = ""
    """Its last words."""

    def of(self, scenarios: Collection[str]) -> "Report":
        """Return what it said in some scenarios."""
        return Report([check for check in self.checks if check.scenario in scenarios])

    def count(self, status: str) -> int:
        return sum(check.status == status for check in self.checks)

    def complaints(self, passed: int, known: Collection[str] = ()) -> list[str]:
        """Return why this is not good enough: a dead server passes many checks, so each of these has to hold.

        What is known to fail is a check's name, or a whole scenario's.
        """
        failed = [check for check in self.checks if check.status == "FAILURE"]
        foreseen = {name for check in failed for name in (check.name, check.scenario) if name in known}
        return [
            *([f"exit code {self.exit_code}: {self.said}"] if self.exit_code else []),
            *([f"{self.count('SUCCESS')} checks passed, not {passed}"] if self.count("SUCCESS") < passed else []),
            *(f"failed: {check.name}" for check in failed if not foreseen.intersection((check.name, check.scenario))),
            *(f"known to fail, but passes: {name}" for name in sorted(set(known) - foreseen)),
        ]

    def __str__(self) -> str:
        scenarios = len({check.scenario for check in self.checks})
        counted = ((self.count(status), word) for status, word in _WORDS.items())
        return f"{scenarios} scenarios: {', '.join(f'{n} {word}' for n, word in counted)}"


_WORDS = {"SUCCESS": "passed", "FAILURE": "failed", "WARNING": "warnings", "SKIPPED": "skipped"}


def run(url: str, folder: Path, *words: str) -> Report:
    """Run part of the suite; the folder takes what it writes."""
    done = node(CONFORMANCE, "server", "--url", f"{url}/mcp", "-o", str(folder / "out"), *words)
    checks = [check for path in sorted((folder / "out").glob("*/checks.json")) for check in _read(path)]
    return Report(checks, done.returncode, " ".join((done.stdout + done.stderr)[-400:].split()))


def _read(path: Path) -> list[Check]:
    named = FOLDER_NAME.match(path.parent.name)
    assert named, path
    return [Check(named[1], one["id"], one["status"]) for one in json.loads(path.read_text(encoding="utf-8"))]
