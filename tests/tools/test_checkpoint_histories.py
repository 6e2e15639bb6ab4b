"""Checkpoints through random trees, and through kill -9 at every point where a save or a restore does something."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import binary, booleans, dictionaries, sampled_from, tuples

from tests.tools.gitting import Place, snapshot
from tests.tools.test_checkpoints import contents, disturb, restored, saved
from tools.checkpoints.restoring import complete
from tools.checkpoints.vault import opened

PARTS = [
    "a",
    "b",
    "ä",
    "a\u0308",
    "x y",
    "-n",
    ":(glob)*",
    "q\"'\\",
    "new\nline",
    os.fsdecode(b"\xff"),
    "git~1x",
    ".gitx",
]
PATHS = tuples(sampled_from(PARTS), sampled_from(["", *PARTS]), sampled_from(["", *PARTS])).map(
    lambda parts: "/".join(part for part in parts if part)
)
CONTENTS = tuples(binary(max_size=20) | sampled_from([b"\r\n", b"a\n", b"\0\0", b"$Id$\n"]), booleans(), booleans())
TREES = dictionaries(PATHS, CONTENTS, max_size=6)
"""Path -> content, whether it is a program, and whether it is a link to that content instead."""


def lay_out(root: Path, tree: dict[str, tuple[bytes, bool, bool]]) -> None:
    """Make the work tree exactly this, as far as file and folder names allow."""
    for path in root.iterdir():
        if path.name != ".git":
            rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for name, (content, program, link) in tree.items():
        path = root / name
        if any(above.is_symlink() or above.is_file() for above in path.parents if above != root) or path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if link and content.strip(b"\0") and b"\0" not in content:
            path.symlink_to(os.fsdecode(content))
        else:
            path.write_bytes(content)
            path.chmod(0o755 if program else 0o644)


@given(first=TREES, second=TREES, third=TREES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_saving_and_restoring_are_inverse_and_git_notices_nothing(
    first: dict[str, tuple[bytes, bool, bool]],
    second: dict[str, tuple[bytes, bool, bool]],
    third: dict[str, tuple[bytes, bool, bool]],
) -> None:
    folder = Path(mkdtemp())
    try:
        place = Place(folder)
        root = place.repository("shop", {})
        lay_out(root, first)
        place.git(root, "add", "-A", check=False)
        git = snapshot(root / ".git")
        known: list[tuple[str, dict[str, tuple[int, bytes]]]] = []
        for tree in (first, second, third):
            lay_out(root, tree)
            known.append((anyio.run(saved, place, root).commit, contents(root)))
        for commit, content in (known[0], known[2], known[1], known[0]):
            assert anyio.run(restored, place, root, commit).done
            assert contents(root) == content
        assert snapshot(root / ".git") == git
    finally:
        rmtree(folder)


VICTIM = """
import os, signal, sys, anyio
from pathlib import Path
from tests.tools import test_checkpoints
from tests.tools.gitting import Place
left = int(sys.argv[1])
def audit(event, args):
    global left
    if event in {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.symlink", "subprocess.Popen"}:
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
place = Place(Path(sys.argv[2]))
sys.addaudithook(audit)
if sys.argv[4]:
    anyio.run(test_checkpoints.restored, place, Path(sys.argv[3]), sys.argv[4])
else:
    anyio.run(test_checkpoints.saved, place, Path(sys.argv[3]))
"""


def killed_after(points: int, place: Place, root: Path, commit: str) -> bool:
    """Save, or restore the commit, in a process that is killed after so many points; whether it was."""
    words = [sys.executable, "-c", VICTIM, str(points), str(place.folder), str(root), commit]
    ended = subprocess.run(words, cwd=Path(__file__).parents[2], capture_output=True, check=False)
    assert ended.returncode in (0, -signal.SIGKILL), ended.stderr.decode()
    return ended.returncode != 0


async def completed(place: Place, root: Path) -> None:
    workspace = place.workspace(root)
    async with opened(workspace, workspace.repository()) as vault:
        await complete(vault)


def every_point_or_some() -> list[object]:
    """Every seventh point in every run, all of them in the long one."""
    return [pytest.param(at, marks=() if at % 7 == 3 else pytest.mark.chaos) for at in range(70)]


@pytest.mark.parametrize("point", every_point_or_some())
def test_a_restore_that_was_killed_leaves_the_old_or_the_new_tree_after_completion(tmp_path: Path, point: int) -> None:
    place = Place(tmp_path)
    root = place.repository("shop", {"a.py": "a\n", "lib/b.py": "b\n", "gone.txt": "x\n", "run.sh": "#!/bin/sh\n"})
    old = contents(root)
    start = anyio.run(saved, place, root).commit
    disturb(root)
    new = contents(root)
    cut = killed_after(point, place, root, start)
    anyio.run(completed, place, root)
    assert contents(root) in ((old, new) if cut else (old,))
    back = anyio.run(restored, place, root, start)
    assert back.done
    assert contents(root) == old
    assert not list(tmp_path.glob("**/.factor12-*")), "nothing half-written is left"


@pytest.mark.parametrize("point", every_point_or_some()[:40])
def test_a_save_that_was_killed_changes_no_file_and_the_next_one_holds_everything(tmp_path: Path, point: int) -> None:
    place = Place(tmp_path)
    root = place.repository("shop", {"a.py": "a\n", "gone.txt": "x\n", "run.sh": "#!/bin/sh\n", "lib/b.py": "b\n"})
    if point % 2:
        anyio.run(saved, place, root)
    disturb(root)
    new = contents(root)
    killed_after(point, place, root, "")
    assert contents(root) == new
    commit = anyio.run(saved, place, root).commit
    (root / "a.py").write_text("later\n")
    (root / "gone.txt").write_text("again\n")
    assert anyio.run(restored, place, root, commit).done
    assert contents(root) == new
