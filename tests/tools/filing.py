"""What the tests of file tools share: a workspace around a real repository, and problems as values."""

import os
from collections.abc import Callable, Mapping
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
