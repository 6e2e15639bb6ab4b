"""What the tests of file tools share: a workspace around a real repository, and problems as values."""

import os
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from state.problem import Kind, Problem
from tests.conftest import repository
from tests.tools.checking import Memory
from tools.errors import ToolError
from tools.workspace import Mode, Repository, Workspace


def make_workspace(tmp_path: Path, files: Mapping[str, str | bytes], mode: Mode = "write") -> Workspace:
    """Return a workspace whose one repository `repo` has these files, committed."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    found = Repository("repo", repository(tmp_path / "repo", files).resolve(), mode)
    return Workspace({"repo": found}, Memory(), scratch.resolve(), {"PATH": os.environ["PATH"]}, effect="effect")


def root_of(workspace: Workspace) -> Path:
    return workspace.repository().root


def snapshot(root: Path) -> dict[str, bytes | str]:
    """Return path -> content, or the target of a link, of everything below a folder but git's own."""
    found: dict[str, bytes | str] = {}
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name != ".git"]
        for path in (Path(folder, name) for name in (*names, *folders)):
            relative = str(path.relative_to(root))
            if path.is_symlink():
                found[relative] = str(path.readlink())
            else:
                found[relative] = path.read_bytes() if path.is_file() else ""
    return found


def problem_of(call: Callable[[], object], *kinds: Kind) -> Problem:
    """Return the problem that a call ends with, which must be of one of the kinds and name a next step."""
    with pytest.raises(ToolError) as caught:
        call()
    problem = caught.value.problem
    assert problem.kind in kinds, problem
    assert problem.hint
    assert "\n" not in str(problem)
    str(problem).encode()
    return problem


@contextmanager
def right_before_it_is_opened(name: str, swap: Callable[[], None]) -> Generator[None]:
    """Let something happen in this process between the last look at a file and its opening, once."""
    _SWAPS[name] = swap
    _listen()
    yield
    assert name not in _SWAPS, f"nobody opened {name!r}"


_SWAPS: dict[str, Callable[[], None]] = {}


@cache
def _listen() -> None:
    sys.addaudithook(_swap)  # it cannot be taken back


def _swap(event: str, args: tuple[object, ...]) -> None:
    if _SWAPS and event == "open" and (swap := _SWAPS.pop(str(args[0]), None)):
        swap()
