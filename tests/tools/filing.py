"""What the tests of file tools share: a workspace around a real repository, and problems as values."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from state.problem import Kind, Problem
from tests.conftest import run_git
from tests.tools.checking import Memory
from tools.errors import ToolError
from tools.workspace import Mode, Repository, Workspace


def make_workspace(tmp_path: Path, files: Mapping[str, str | bytes], mode: Mode = "write") -> Workspace:
    """Return a workspace whose one repository `repo` has these files, committed."""
    root, scratch = tmp_path / "repo", tmp_path / "scratch"
    root.mkdir()
    scratch.mkdir()
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    run_git(root, "init", "-q", "-b", "main")
    run_git(root, "add", "-A")
    run_git(root, "commit", "-q", "--allow-empty", "-m", "start")
    repository = Repository("repo", root.resolve(), mode)
    return Workspace({"repo": repository}, Memory(), scratch.resolve(), {"PATH": os.environ["PATH"]}, effect="effect")


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
