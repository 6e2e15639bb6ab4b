"""Where processes are struck: a copy of one repository per run, and what must be the same whoever finished the work."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from state.events import (
    Cancelled,
    CheckpointTaken,
    Event,
    Finished,
    Interrupted,
    Launched,
    Resolved,
    Resumed,
    Settled,
    Started,
)
from state.identity import identity
from state.log import SqliteStore
from state.sqlite import Database
from state.store import Search
from tests.conftest import run_git
from tests.mcp_server.shell import SHOP, Shell

VICTIM = Path(__file__).with_name("victim.py")
TWO_FILES = """\
# Issue #7: Greet in full

## File: `hello.py`
### Current Code
```python
GREETING = "hi"
```
### Should Be
```python
GREETING = "hello"
```

## File: `docs/use.md`
### Current Code
```
It says hi.
```
### Should Be
```
It says hello.
```
"""
FILES = {**SHOP, "hello.py": 'GREETING = "hi"\n', "docs/use.md": "# Use\n\nIt says hi.\n", "issues/7.md": TWO_FILES}
SCENARIOS: Mapping[str, dict[str, Any]] = {
    "one pair, proved": {"issue": "123"},
    "several files": {"issue": "7", "check": "none"},
    "on a branch": {"issue": "123", "check": "none", "branch": True},
}


class Fact(NamedTuple):
    """One event, without its time and without who wrote it."""

    key: str
    hash: str
    kind: str


@dataclass(frozen=True)
class Remains:
    """What a run leaves behind."""

    files: Mapping[str, bytes]
    git: str
    """Status, branches with their commits."""
    facts: tuple[Fact, ...]
    end: tuple[str, str | None, str]
    """How the thread ended: status, outcome and the summary of its output, whose evidence has times in it."""


@dataclass(frozen=True)
class Scene:
    """One repository with its own state folder, and the shell in it."""

    shell: Shell

    def run(self, scenario: str | None, point: int | None = None) -> subprocess.CompletedProcess[str]:
        """Run the victim to its end or to its point; without a scenario it goes on with the latest thread."""
        with self.start(scenario, point) as victim:
            out, err = victim.communicate(timeout=60)
        return subprocess.CompletedProcess(victim.args, victim.returncode, out, err)

    def start(self, scenario: str | None, point: int | None = None, by: str = "SIGKILL") -> subprocess.Popen[str]:
        wish = {} if scenario is None else {"VICTIM_TASK": json.dumps(SCENARIOS[scenario])}
        moment = {} if point is None else {"VICTIM_POINT": str(point), "VICTIM_SIGNAL": by}
        return subprocess.Popen(
            [sys.executable, str(VICTIM)],
            cwd=self.shell.folder,
            env=self.shell.where(**wish, **moment).environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    def points(self, scenario: str) -> list[str]:
        """Return every point of an undisturbed run."""
        done = self.run(scenario)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def remains(self) -> Remains:
        """Return what is left, after checking that the database is whole."""
        file = self.shell.state / "factor12.db"
        with sqlite3.connect(file) as raw:
            assert raw.execute("pragma integrity_check").fetchall() == [("ok",)]
        raw.close()
        database = Database(file)
        store = SqliteStore(database)
        (row,) = store.list(Search())
        thread = store.load(row.thread_id)
        facts = tuple(undisturbed(record.event for record in store.read(row.thread_id)))
        database.close()
        root = self.shell.folder
        files = {
            str(path.relative_to(root)): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file() and ".git" not in path.relative_to(root).parts
        }
        git = run_git(root, "status", "--porcelain", "--branch") + run_git(root, "for-each-ref")
        return Remains(files, git, facts, (thread.status, thread.outcome, thread.output["summary"]))


def make_template(root: Path) -> Path:
    """Make the repository that every scene is a copy of, so that commits have the same names in all of them."""
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    run_git(root, "init", "-q", "-b", "main")
    run_git(root, "config", "user.name", "Test")
    run_git(root, "config", "user.email", "test@example.org")
    run_git(root, "add", "-A")
    run_git(root, "commit", "-q", "-m", "start")
    return root


def open_scene(template: Path, place: Path, **variables: str) -> Scene:
    shutil.copytree(template, place / "src" / "shop", symlinks=True)
    trusted = {"FACTOR12_TRUSTED_ROOTS": str(place / "src"), "PYTHONDONTWRITEBYTECODE": "1", **variables}
    return Scene(Shell(place / "src" / "shop", place / "state", trusted))


def undisturbed(events: Iterable[Event]) -> list[Fact]:
    """Return the log as it would be had nothing been cut off.

    An intent that was settled as not done leaves no trace, one that a probe found done has its outcome.
    """
    facts: list[Fact] = []
    for event in events:
        match event:
            case Resumed() | Interrupted():
                pass
            case Settled(verdict="again"):
                assert facts.pop().key == event.key
            case Settled():
                facts.append(Fact(event.key, facts[-1].hash, "resolved"))
            case Started():
                facts.append(Fact(event.key, event.hash, event.kind))
            case Resolved():
                done = event.hash or identity(event.tool or "", event.args or {})
                facts.append(Fact(event.key, done, event.kind))
            case Launched() | CheckpointTaken() | Finished() | Cancelled():
                facts.append(Fact("", "", event.kind))
            case _:
                raise AssertionError(f"{event.kind} has no place in this run")
    return facts


def killed(done: subprocess.CompletedProcess[str]) -> bool:
    return done.returncode == -signal.SIGKILL


def wait_until_stopped(victim: subprocess.Popen[str]) -> None:
    """Return when the victim stands still. Waits in the kernel: no deadline but the victim's own."""
    _, status = os.waitpid(victim.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status), status
