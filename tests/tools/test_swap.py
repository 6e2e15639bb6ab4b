"""Compare-and-swap of files: all of the new content or all of the old, and never over somebody else's."""

import fcntl
import os
import signal
import stat
import subprocess
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import anyio
import pytest

from tests.tools.filing import Memory, problem_of, snapshot
from tools.beneath import digest
from tools.errors import ToolError
from tools.locks import alone
from tools.swap import discard_leftover, missing_folders, remove_bytes, replace_bytes
from tools.workspace import Workspace

OLD, NEW = b"old\n", b"new\n"


@pytest.fixture
def top(tmp_path: Path) -> Path:
    root = tmp_path / "ws"
    (root / "a").mkdir(parents=True)
    (root / "a/f.txt").write_bytes(OLD)
    (tmp_path / "outside").mkdir()
    return root


def lock(top: Path, path: str) -> AbstractAsyncContextManager[int]:
    return alone(Workspace({}, Memory(), top.parent), f"{top}/{path}")


def replace(top: Path, path: str, expected: bytes | None, data: bytes = NEW, folders: tuple[str, ...] = ()) -> None:
    async def main() -> None:
        known = None if expected is None else digest(expected)
        await replace_bytes(top, path, data, known, alone=lock(top, path), mark="m", folders=folders)

    anyio.run(main)


def remove(top: Path, path: str, expected: bytes, folders: tuple[str, ...] = ()) -> None:
    async def main() -> None:
        await remove_bytes(top, path, digest(expected), alone=lock(top, path), mark="m", folders=folders)

    anyio.run(main)


@pytest.mark.requirement("R6")
def test_a_file_is_replaced_only_while_it_is_as_expected(top: Path) -> None:
    replace(top, "a/f.txt", OLD)
    assert snapshot(top) == {"a": "", "a/f.txt": NEW}
    problem_of(lambda: replace(top, "a/f.txt", OLD, b"late"), "conflict")
    problem_of(lambda: replace(top, "a/f.txt", None, b"late"), "conflict")
    problem_of(lambda: replace(top, "a/g.txt", OLD, b"late"), "conflict")
    assert snapshot(top) == {"a": "", "a/f.txt": NEW}


def test_a_new_file_comes_with_its_folders_and_goes_with_them(top: Path) -> None:
    assert missing_folders(top, "a/f.txt") == ()
    folders = missing_folders(top, "a/b/c/g.txt")
    assert folders == ("a/b", "a/b/c")
    replace(top, "a/b/c/g.txt", None, folders=folders)
    replace(top, "a/b/h.txt", None, folders=folders)
    remove(top, "a/b/c/g.txt", NEW, folders)
    assert snapshot(top) == {"a": "", "a/f.txt": OLD, "a/b": "", "a/b/h.txt": NEW}
    problem_of(lambda: remove(top, "a/f.txt", NEW), "conflict")
    assert (top / "a/f.txt").read_bytes() == OLD


@pytest.mark.parametrize("mode", [0o644, 0o755, 0o600, 0o664, 0o444])
def test_mode_bits_and_owner_stay_as_they_were(top: Path, mode: int) -> None:
    file = top / "a/f.txt"
    file.chmod(mode)
    if os.geteuid() == 0:
        os.chown(file, 12345, 12345)
    before = file.stat()
    replace(top, "a/f.txt", OLD)
    after = file.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert after.st_ino != before.st_ino


def test_a_new_file_has_the_mode_that_any_program_would_give_it(top: Path) -> None:
    replace(top, "a/g.txt", None)
    (top / "plain").touch()
    assert (top / "a/g.txt").stat().st_mode == (top / "plain").stat().st_mode


def test_a_hard_link_to_a_file_outside_is_broken_not_followed(top: Path) -> None:
    outside = top.parent / "outside/f.txt"
    outside.write_bytes(OLD)
    os.link(outside, top / "linked.txt")
    replace(top, "linked.txt", OLD)
    assert (outside.read_bytes(), (top / "linked.txt").read_bytes()) == (OLD, NEW)


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("../outside/f.txt", "link"),
        ("../outside", "link/new.txt"),
        ("../outside/none.txt", "link"),
        ("a", "link/f.txt"),
    ],
    ids=["file", "folder", "dangling", "inside"],
)
def test_nothing_is_written_through_a_symbolic_link(top: Path, target: str, path: str) -> None:
    (top.parent / "outside/f.txt").write_bytes(OLD)
    (top / "link").symlink_to(target)
    before = snapshot(top.parent / "outside"), snapshot(top)
    for expected in (OLD, None):
        problem_of(lambda expected=expected: replace(top, path, expected), "refused")
    problem_of(lambda: remove(top, path, OLD), "refused")
    assert (snapshot(top.parent / "outside"), snapshot(top)) == before
    replace(top, "a/f.txt", OLD)
    assert (top / "a/f.txt").read_bytes() == NEW


def test_a_repository_inside_the_repository_is_not_written(top: Path) -> None:
    (top / "sub/.git").mkdir(parents=True)
    (top / "sub/f.txt").write_bytes(OLD)
    assert "repository of its own" in problem_of(lambda: replace(top, "sub/f.txt", OLD), "refused").message
    problem_of(lambda: replace(top, "sub/new/f.txt", None, folders=("sub/new",)), "refused")
    assert snapshot(top / "sub") == {"f.txt": OLD}


@pytest.mark.parametrize("path", [".git/hooks/post-commit", ".GIT/config", "a/.git/x", "GIT~1/config", "../outside/x"])
def test_git_and_the_outside_are_never_written(top: Path, path: str) -> None:
    (top / ".git/hooks").mkdir(parents=True)
    problem_of(lambda: replace(top, path, None), "refused", "bad_input")
    assert list((top / ".git").rglob("*")) == [top / ".git/hooks"]
    assert list((top.parent / "outside").iterdir()) == []


def test_a_change_waits_for_another_one_and_then_says_that_it_is_busy(top: Path) -> None:
    async def back() -> None:
        await replace_bytes(top, "a/f.txt", OLD, digest(NEW), alone=lock(top, "a/f.txt"))

    async def main() -> None:
        await replace_bytes(top, "a/f.txt", NEW, digest(OLD), alone=lock(top, "a/f.txt"))
        [file] = (top.parent / "locks").iterdir()
        with file.open() as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            with pytest.raises(ToolError, match="another process"), anyio.fail_after(8):
                await back()
            assert (top / "a/f.txt").read_bytes() == NEW
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(back)
                await anyio.wait_all_tasks_blocked()
                fcntl.flock(held, fcntl.LOCK_UN)
        assert (top / "a/f.txt").read_bytes() == OLD

    anyio.run(main)


@pytest.mark.requirement("R6")
def test_of_many_changes_from_one_state_exactly_one_happens(top: Path) -> None:
    won: list[int] = []

    async def attempt(number: int) -> None:
        try:
            data = f"{number}\n".encode()
            await replace_bytes(top, "a/f.txt", data, digest(OLD), alone=lock(top, "a/f.txt"), mark=str(number))
        except ToolError as error:
            assert error.problem.kind == "conflict"
        else:
            won.append(number)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(attempt, number)

    anyio.run(main)
    assert snapshot(top) == {"a": "", "a/f.txt": f"{won[0]}\n".encode()}
    assert len(won) == 1


def test_a_full_disk_leaves_the_old_file_and_nothing_else(top: Path) -> None:
    """A limit on the size of files stands for the disk: writing fails in the middle with EFBIG."""
    program = f"""
import resource, signal, anyio
from contextlib import nullcontext
from pathlib import Path
from tools.beneath import digest
from tools.errors import ToolError
from tools.locks import alone
from tools.swap import replace_bytes
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
top = Path({str(top)!r})
try:
    anyio.run(lambda: replace_bytes(top, "a/f.txt", b"x" * 200_000, digest(b"old\\n"), alone=nullcontext()))
except ToolError as error:
    print(error.problem.kind)
"""
    root = Path(__file__).parents[2]
    ended = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert ended.stdout == "limit\n"
    assert snapshot(top) == {"a": "", "a/f.txt": OLD}


@pytest.mark.requirement("R5")
@pytest.mark.parametrize("tidy", ["probe", "next attempt"])
def test_what_a_killed_attempt_left_behind_is_removed(top: Path, tidy: str) -> None:
    """An audit hook in a child kills it when it is about to rename."""
    program = f"""
import os, signal, sys, anyio
from contextlib import nullcontext
from pathlib import Path
from tools import swap
from tools.beneath import digest
top = Path({str(top)!r})
def audit(event, args):
    if event == "os.rename":
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(audit)
old = digest(b"old\\n")
anyio.run(lambda: swap.replace_bytes(top, "a/f.txt", b"new\\n", old, alone=nullcontext(), mark="m"))
"""
    root = Path(__file__).parents[2]
    ended = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL
    [left] = [name for name in snapshot(top) if name.startswith("a/.factor12-")]
    assert (top / "a/f.txt").read_bytes() == OLD
    discard_leftover(top, "a/f.txt", "another effect")
    assert (top / left).exists()
    if tidy == "probe":
        discard_leftover(top, "a/f.txt", "m")
        assert snapshot(top) == {"a": "", "a/f.txt": OLD}
    else:
        replace(top, "a/f.txt", OLD)
        assert snapshot(top) == {"a": "", "a/f.txt": NEW}


def test_a_person_who_saves_during_the_write_is_not_overwritten(top: Path) -> None:
    """An audit hook in a child saves the file after it was compared, just before the rename would begin."""
    program = f"""
import sys, anyio
from contextlib import nullcontext
from pathlib import Path
from tools.beneath import digest
from tools.errors import ToolError
from tools.locks import alone
from tools.swap import replace_bytes
top = Path({str(top)!r})
def audit(event, args):
    if event == "open" and str(args[0]).startswith(".factor12-"):
        (top / "a/f.txt").write_bytes(b"mine")
sys.addaudithook(audit)
try:
    anyio.run(lambda: replace_bytes(top, "a/f.txt", b"new", digest(b"old\\n"), alone=nullcontext()))
except ToolError as error:
    print(error.problem.kind)
"""
    root = Path(__file__).parents[2]
    ended = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert ended.stdout == "conflict\n"
    assert snapshot(top) == {"a": "", "a/f.txt": b"mine"}


def test_a_folder_without_permission_is_refused_for_an_ordinary_user(top: Path) -> None:
    (top / "a").chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        if os.geteuid() == 0:
            replace(top, "a/f.txt", OLD)
        else:
            problem_of(lambda: replace(top, "a/f.txt", OLD), "refused")
            assert (top / "a/f.txt").read_bytes() == OLD
    finally:
        (top / "a").chmod(0o755)
