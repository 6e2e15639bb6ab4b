"""A shell in a folder with two small repositories, where `factor12` is run as a person or a script runs it."""

import io
import json
import os
import subprocess
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mcp_server.cli import main
from tests.agents.shop import SHOP
from tests.mcp_server.person import Person, person
from tests.mcp_server.process import FACTOR12, measured


@dataclass(frozen=True)
class Said:
    """What a finished command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def complaint(self) -> str:
        """The one line that a failure is."""
        assert self.err.startswith("factor12: ") and self.err.count("\n") == 1, self.err
        return self.err.strip()


@dataclass(frozen=True)
class Shell:
    """Where commands are run, with an environment that has nothing of the machine's own settings."""

    folder: Path
    state: Path
    variables: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def environment(self) -> dict[str, str]:
        return measured(self.state, TERM="xterm-256color", COLUMNS="160", **self.variables)

    def where(self, **variables: str) -> "Shell":
        """Return the shell with more variables set."""
        return Shell(self.folder, self.state, {**self.variables, **variables})

    def wary(self) -> "Shell":
        """Return the shell of somebody who trusts no repository and has no sandbox: tests need an approval."""
        return self.where(FACTOR12_TRUSTED_ROOTS="", FACTOR12_SANDBOX="off")

    def run(self, *words: str) -> Said:
        """Run a command away from any terminal, as a script or a model does."""
        done = subprocess.run(
            [*FACTOR12, *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            timeout=60,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def quick(self, *words: str) -> Said:
        """Run a command inside this process, where what is tested needs no process of its own: ten times as fast."""
        out, err, ours = io.StringIO(), io.StringIO(), self.environment
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(self.folder)
            for name in set(os.environ) - set(ours):
                patch.delenv(name)
            for name, value in ours.items():
                patch.setenv(name, value)
            code = main(words)
        return Said(code, out.getvalue(), err.getvalue())

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command away from any terminal."""
        return subprocess.Popen(
            [*FACTOR12, *words],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def person(self, *words: str, piped: bool = False) -> AbstractContextManager[Person]:
        """Run a command at a terminal, with somebody in front of it."""
        return person([*FACTOR12, *words], self.folder, self.environment, piped=piped)


def read_until(program: subprocess.Popen[str], words: str) -> None:
    """Read what the program complains about until the words come.

    Raises:
        AssertionError: It ended without them.
    """
    assert program.stderr is not None
    heard = ""
    while words not in heard:
        line = program.stderr.readline()
        assert line, f"never said {words!r}: {heard}"
        heard += line


def open_shell(make_repository: Callable[..., Path], tmp_path: Path, files: Mapping[str, str] = SHOP) -> Shell:
    """Make the repository `src/shop` and return a shell in it, whose person trusts what is under `src`."""
    root = make_repository("src/shop", files)
    return Shell(root, tmp_path / "state", {"FACTOR12_TRUSTED_ROOTS": str(tmp_path / "src")})
