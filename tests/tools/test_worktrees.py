"""A work tree of a thread's own: begun where the repository stands, beside everything that is the person's."""

import signal
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import anyio
import pytest

from state.events import HeldFiles, RepositoryRef
from tests.tools.gitting import Place, snapshot
from tests.tools.test_checkpoints import contents, disturb, saved
from tools.errors import ToolError
from tools.workspace import Repository, Workspace
from tools.worktrees import make_ready, remove, untaken

pytestmark = pytest.mark.anyio

BRANCH = "agent/1234abcd"


@pytest.fixture
def shop(place: Place) -> Path:
    files = {"a.py": "a = 1\n", "lib/b.py": "b = 1\r\n", ".gitignore": "*.log\n", "gone.txt": "x", "run.sh": ""}
    return place.repository("shop", files)


def launched(place: Place, shop: Path, files: HeldFiles | None = None) -> tuple[Workspace, Repository, RepositoryRef]:
    """Return what a launch with a work tree of its own has."""
    root = place.folder / "worktrees" / "1234abcd" / "shop"
    head = place.git(shop, "rev-parse", "HEAD").strip()
    ref = RepositoryRef(
        name="shop", root=str(root), mode="write", branch=BRANCH, head=head, source=str(shop), files=files
    )
    return place.workspace(shop), Repository("shop", root, "write", source=shop), ref


async def test_it_begins_at_head_and_the_persons_edits_index_and_head_stay(place: Place, shop: Path) -> None:
    committed = contents(shop)
    disturb(shop)
    place.git(shop, "add", "a.py")
    (shop / "lib/b.py").write_text("not staged")
    files, index = snapshot(shop), (shop / ".git/index").read_bytes()
    workspace, own, ref = launched(place, shop)
    await make_ready(workspace, own, ref)
    assert contents(own.root) == committed
    assert place.git(own.root, "status", "--porcelain") == ""
    assert place.git(own.root, "symbolic-ref", "--short", "HEAD").strip() == BRANCH
    assert (shop / ".git/index").read_bytes() == index and place.git(shop, "symbolic-ref", "HEAD").endswith("main\n")
    seen = {path: state for path, state in snapshot(shop).items() if not path.startswith(".git")}
    assert seen == {path: state for path, state in files.items() if not path.startswith(".git")}


async def test_it_is_made_once(place: Place, shop: Path) -> None:
    workspace, own, ref = launched(place, shop)
    await make_ready(workspace, own, ref)
    (own.root / "a.py").write_text("a = 2\n")
    await make_ready(workspace, own, ref)
    assert (own.root / "a.py").read_text() == "a = 2\n"


@pytest.mark.parametrize("killed_after", ["the folder", "the entry", "some files"])
async def test_what_a_killed_attempt_left_is_made_anew(place: Place, shop: Path, killed_after: str) -> None:
    workspace, own, ref = launched(place, shop)
    own.root.mkdir(parents=True)
    if killed_after != "the folder":
        place.git(shop, "worktree", "add", "-q", "--no-checkout", "-b", BRANCH, str(own.root), "HEAD")
    if killed_after == "some files":
        (own.root / "a.py").write_text("half")
    await make_ready(workspace, own, ref)
    assert contents(own.root) == contents(shop)
    assert place.git(own.root, "status", "--porcelain") == ""


async def test_one_that_was_removed_is_not_made_again_behind_the_persons_back(place: Place, shop: Path) -> None:
    workspace, own, ref = launched(place, shop)
    await make_ready(workspace, own, ref)
    place.git(shop, "worktree", "remove", str(own.root))
    with pytest.raises(ToolError, match=r"was removed.*Launch the agent again"):
        await make_ready(workspace, own, ref)


async def test_it_can_begin_with_the_files_of_a_checkpoint_byte_for_byte(place: Place, shop: Path) -> None:
    disturb(shop)
    held = await saved(place, shop)
    wanted = contents(shop)
    workspace, own, ref = launched(place, shop, HeldFiles(root=str(shop), commit=held.commit))
    await make_ready(workspace, own, ref)
    assert contents(own.root) == wanted
    assert place.git(own.root, "rev-parse", "HEAD").strip() == ref.head


async def test_programs_that_the_repository_names_do_not_run_while_it_is_made(place: Place, shop: Path) -> None:
    hook = place.mark("hook", copies=False)
    for name in ("post-checkout", "reference-transaction", "post-index-change"):
        (shop / ".git/hooks" / name).symlink_to(hook)
    place.git(shop, "config", "filter.evil.smudge", str(place.mark("smudge")))
    place.git(shop, "config", "core.fsmonitor", str(place.mark("monitor", copies=False)))
    place.write(shop, {".gitattributes": "*.py filter=evil\n"})
    place.commit(shop, "attributes")
    place.ran()
    workspace, own, ref = launched(place, shop)
    await make_ready(workspace, own, ref)
    await remove(workspace, own, ref)
    assert place.ran() == ""
    place.git(shop, "worktree", "add", "-q", str(place.folder / "control"))
    ran = place.ran()
    assert "hook" in ran and "smudge" in ran


async def test_removed_it_leaves_no_trace_but_a_branch_with_commits_on_it(place: Place, shop: Path) -> None:
    before = place.git(shop, "for-each-ref"), place.git(shop, "worktree", "list")
    workspace, own, ref = launched(place, shop)
    await make_ready(workspace, own, ref)
    (own.root / "a.py").write_text("edited, not committed")
    await remove(workspace, own, ref)
    assert not own.root.parent.exists()
    assert (place.git(shop, "for-each-ref"), place.git(shop, "worktree", "list")) == before
    await make_ready(workspace, own, ref)
    (own.root / "a.py").write_text("a = 3\n")
    place.commit(own.root, "kept")
    await remove(workspace, own, ref)
    assert BRANCH in place.git(shop, "branch", "--list", "agent/*")
    assert not own.root.parent.exists()


async def test_files_are_written_as_the_person_has_them_however_git_would_write_them(place: Place, shop: Path) -> None:
    large = b"a large file\n" * 100
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256(large).hexdigest()}\nsize {len(large)}\n"
    place.write(shop, {"big.bin": pointer, "gone.bin": pointer, "edited.txt": "a\n", "link": "x\n"})
    place.commit(shop, "large")
    place.write(shop, {"big.bin": large, "gone.bin": b"another", "edited.txt": "mine\n"})
    (shop / "link").unlink()
    (shop / "link").symlink_to("a.py")
    place.git(shop, "config", "core.autocrlf", "true")
    workspace, own, ref = launched(place, shop)
    await make_ready(workspace, own, ref)
    assert (own.root / "a.py").read_bytes() == b"a = 1\n" and (own.root / "big.bin").read_bytes() == large
    assert (own.root / "gone.bin").read_bytes().startswith(b"version https://git-lfs")
    assert (own.root / "edited.txt").read_bytes().splitlines() == [b"a"]
    assert (own.root / "link").read_bytes().splitlines() == [b"x"]
    place.git(shop, "config", "core.autocrlf", "false")
    await remove(workspace, own, ref)
    place.git(shop, "checkout", "-q", "link")
    workspace, own, ref = launched(place, shop)
    await make_ready(workspace, own, ref)
    assert (own.root / "lib/b.py").read_bytes() == b"b = 1\r\n"


async def test_packages_of_the_checkout_are_found_from_the_folder_above(place: Place, shop: Path) -> None:
    place.write(shop, {"node_modules/left-pad/index.js": "x"})
    workspace, own, ref = launched(place, shop)
    await make_ready(workspace, own, ref)
    assert (own.root.parent / "node_modules/left-pad/index.js").read_text() == "x"
    assert not (own.root / "node_modules").exists()
    await remove(workspace, own, ref)
    assert (shop / "node_modules/left-pad/index.js").exists()


async def test_a_checkout_that_may_not_be_opened_is_refused_before_anything_is_made(place: Place, shop: Path) -> None:
    place.git(shop, "config", "evil.program", "x")
    workspace, own, ref = launched(place, shop)
    with pytest.raises(ToolError, match=r"evil\.program"):
        await make_ready(replace(workspace), own, ref)
    assert not (own.root / ".git").exists()


async def test_two_that_need_it_at_once_make_it_once(place: Place, shop: Path) -> None:
    workspace, own, ref = launched(place, shop)
    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(make_ready, workspace, own, ref)
    assert contents(own.root) == contents(shop)
    (own.root / ".git").unlink()
    assert await untaken(workspace, own) == []


VICTIM = """
import os, signal, sys, anyio
from pathlib import Path
from tests.tools.gitting import Place
from tests.tools.test_worktrees import launched
from tools.worktrees import make_ready
left = int(sys.argv[1])
def audit(event, args):
    global left
    if event in {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.symlink", "os.utime", "subprocess.Popen"}:
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
place = Place(Path(sys.argv[2]))
workspace, own, ref = launched(place, Path(sys.argv[3]))
sys.addaudithook(audit)
anyio.run(make_ready, workspace, own, ref)
"""


@pytest.mark.parametrize(
    "point", [pytest.param(at, marks=() if at in (3, 7, 11) else pytest.mark.chaos) for at in range(24)]
)
def test_killed_at_any_point_it_is_made_whole_by_whoever_comes_next(place: Place, shop: Path, point: int) -> None:
    words = [sys.executable, "-c", VICTIM, str(point), str(place.folder), str(shop)]
    ended = subprocess.run(words, cwd=Path(__file__).parents[2], capture_output=True, check=False)
    assert ended.returncode in (0, -signal.SIGKILL), ended.stderr.decode()
    workspace, own, ref = launched(place, shop)
    anyio.run(make_ready, workspace, own, ref)
    assert contents(own.root) == contents(shop)
    assert place.git(own.root, "status", "--porcelain") == "" == place.git(shop, "status", "--porcelain")
