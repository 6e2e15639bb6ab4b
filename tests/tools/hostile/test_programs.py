"""Programs of a repository that are not named by its configuration: on the PATH, and in files that keep one waiting."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from tests.tools.gitting import Place, look
from tests.tools.hostile.traps import configure
from tests.tools.hostile.visit import visit
from tools.errors import ToolError
from tools.git import git_status

pytestmark = pytest.mark.anyio
TOP = Path(__file__).parents[3]


@pytest.fixture
def victim(place: Place) -> Path:
    root = place.repository("base/victim", {"a.txt": "one\n", "b.txt": "b\n"})
    place.diverge(root)
    shutil.copy2(place.mark("git-of-the-repository"), root / "git")
    return root


def plain(place: Place, root: Path, *command: str, timeout_s: float = 20) -> None:
    subprocess.run(
        command,
        cwd=root,
        env=place.environment,
        check=False,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=timeout_s,
    )


@pytest.mark.parametrize("folder", [".", "{root}", "{link}"])
async def test_git_is_never_taken_from_the_repository(folder: str, place: Place, victim: Path) -> None:
    (place.folder / "link").symlink_to(victim)
    named = folder.format(root=victim, link=place.folder / "link")
    place.environment["PATH"] = f"{named}:{place.environment['PATH']}"
    plain(place, victim, "sh", "-c", "git status")
    assert place.ran()
    assert (await visit(place, victim)).refused == {}
    assert place.ran() == ""


@pytest.mark.parametrize(("module", "runs"), [("git", True), ("tools.gitpython", False)])
def test_gitpython_is_imported_without_the_git_of_the_folder_one_stands_in(
    module: str, runs: bool, place: Place, victim: Path
) -> None:
    env = {"PATH": f".:{os.environ['PATH']}", "PYTHONPATH": str(TOP)}
    program = f"from {module}.cmd import Git" if runs else f"from {module} import Git"
    subprocess.run([sys.executable, "-c", program], cwd=victim, env=env, check=not runs, timeout=60)
    assert bool(place.ran()) == runs


@pytest.mark.parametrize("name", [".git/info/exclude", ".git/info/attributes", ".gitignore", ".gitattributes", "mine"])
async def test_rules_that_are_a_pipe_are_refused_and_keep_nobody_waiting(name: str, place: Place, victim: Path) -> None:
    pipe = victim / name
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe)
    configure(place, victim, core__excludesFile=str(pipe if name == "mine" else os.devnull))
    with pytest.raises(subprocess.TimeoutExpired):
        words = ("check-attr", "-a", "a.txt") if name.endswith("attributes") else ("status",)
        plain(place, victim, "git", *words, timeout_s=0.5)
    with anyio.fail_after(10):
        with pytest.raises(ToolError, match="is a pipe"):
            await look(git_status, place.workspace(victim))
        assert "is a pipe" in (await visit(place, victim)).refused["checkpoints"]
    pipe.unlink()
    assert (await visit(place, victim)).refused == {}
