"""Checkpoints where something is in the way: a full disk, a file that may not be read, what git hides."""

import os
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import pytest

from tests.tools.gitting import Place, snapshot
from tests.tools.test_checkpoints import contents, restored, saved
from tools.checkpoints import saving
from tools.checkpoints.restoring import propose
from tools.checkpoints.saving import save
from tools.checkpoints.vault import opened
from tools.errors import ToolError

pytestmark = pytest.mark.anyio

OTHER_USER = 65534


@pytest.fixture
def shop(place: Place) -> Path:
    return place.repository("shop", {"a.py": "a = 1\n", "b.py": "b = 1\n"})


@contextmanager
def small_disk(folder: Path) -> Generator[Path]:
    """Have a disk of 3 MB in the folder; skip where it may not be made."""
    folder.mkdir(exist_ok=True)
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(folder)], capture_output=True)
    if made.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {made.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def become(user: int, folder: Path) -> None:
    """Give the folder to somebody and be them, until the user is set back."""
    subprocess.run(["chown", "-R", str(user), str(folder)], check=True)
    os.seteuid(user)


async def test_a_disk_that_fills_up_in_a_save_is_one_line_and_the_next_save_holds_everything(
    place: Place, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "SPARE_BYTES", -1 << 40)  # as if others took the room after the look
    with small_disk(place.folder / "disk") as disk:
        workspace = replace(place.workspace(shop), vaults=disk)
        async with opened(workspace, workspace.repository()) as vault:
            first = await save(workspace, workspace.repository(), vault, "well")
        for size in (2_000_000, 5_000_000):
            (shop / "noise.bin").write_bytes(os.urandom(size))
            now = snapshot(shop)
            async with opened(workspace, workspace.repository()) as vault:
                with pytest.raises(ToolError, match=r"[Nn]o space left|write|full") as caught:
                    await save(workspace, workspace.repository(), vault, "too much")
                assert "\n" not in caught.value.problem.message and snapshot(shop) == now
        (shop / "noise.bin").write_bytes(b"little")
        async with opened(workspace, workspace.repository()) as vault:
            later = await save(workspace, workspace.repository(), vault, "well again")
            told = await propose(workspace, workspace.repository(), vault, first.commit)
        assert later.commit != first.commit and [*told.plan.changes] == ["noise.bin"]


async def test_a_disk_that_fills_up_in_a_restore_leaves_every_file_as_it_was(place: Place) -> None:
    with small_disk(place.folder / "disk") as disk:
        root = place.repository("disk/shop", {"a.py": "a = 1\n", "big.bin": os.urandom(500_000)})
        start = await saved(place, root)
        (root / "a.py").write_text("a = 2\n")
        (root / "big.bin").unlink()
        state = os.statvfs(disk)
        (root / ".gitignore").write_text("filler\n")
        (root / "filler").write_bytes(bytes(state.f_bavail * state.f_frsize - 200_000))
        now = contents(root)
        with pytest.raises(ToolError, match=r"Nothing was restored: .*big\.bin") as caught:
            await restored(place, root, start.commit)
        assert "\n" not in caught.value.problem.message and contents(root) == now
        (root / "filler").unlink()
        assert (await restored(place, root, start.commit)).done


async def test_a_file_that_may_not_be_read_is_named_and_nothing_is_saved() -> None:
    """Root may read everything, so the look is somebody else's."""
    folder, root_user = Path(mkdtemp()), os.geteuid() == 0
    try:
        place = Place(folder)
        shop = place.repository("shop", {"a.py": "a = 1\n"})
        (shop / "secret.txt").write_text("secret\n")
        (shop / "secret.txt").chmod(0)
        if root_user:
            become(OTHER_USER, folder)
        with pytest.raises(ToolError, match=r"secret\.txt") as caught:
            await saved(place, shop)
        assert caught.value.problem.kind == "refused"
        (shop / "secret.txt").chmod(0o600)
        assert (await saved(place, shop)).left_out == []
    finally:
        if root_user:
            os.seteuid(0)
        rmtree(folder)


async def test_what_git_is_told_to_overlook_is_held_all_the_same(place: Place, shop: Path) -> None:
    place.git(shop, "update-index", "--assume-unchanged", "a.py")
    place.git(shop, "update-index", "--skip-worktree", "b.py")
    start = await saved(place, shop)
    for name in ("a.py", "b.py"):
        (shop / name).write_text("changed\n")
    assert place.git(shop, "status", "--porcelain") == ""
    assert (await restored(place, shop, start.commit)).changed == ["a.py", "b.py"]


async def test_files_outside_a_sparse_checkout_stay_outside(place: Place) -> None:
    root = place.repository("wide", {"in/a.py": "a\n", "out/b.py": "b\n"})
    place.git(root, "sparse-checkout", "set", "in")
    assert not (root / "out").exists()
    start = await saved(place, root)
    (root / "in/a.py").write_text("changed\n")
    assert (await restored(place, root, start.commit)).changed == ["in/a.py"]
    assert not (root / "out").exists() and (root / "in/a.py").read_text() == "a\n"


async def test_large_files_of_git_lfs_are_held_as_they_stand_there(place: Place, shop: Path) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12\n"
    place.write(shop, {".gitattributes": "*.psd filter=lfs diff=lfs merge=lfs -text\n", "pointer.psd": pointer})
    place.git(shop, "config", "filter.lfs.clean", str(place.mark("lfs")))
    place.git(shop, "config", "filter.lfs.required", "true")
    (shop / "content.psd").write_bytes(b"\0real content")
    start, before = await saved(place, shop), contents(shop)
    for name in ("pointer.psd", "content.psd"):
        (shop / name).write_text("changed\n")
    await restored(place, shop, start.commit)
    assert contents(shop) == before and place.ran() == ""


async def test_names_that_differ_only_in_case_are_two_files(place: Place, shop: Path) -> None:
    (shop / "A.py").write_text("another\n")
    if (shop / "a.py").read_text() == "another\n":
        pytest.skip("this file system does not tell them apart")
    start = await saved(place, shop)
    (shop / "A.py").unlink()
    (shop / "a.py").write_text("changed\n")
    assert (await restored(place, shop, start.commit)).changed == ["A.py", "a.py"]
    assert ((shop / "A.py").read_text(), (shop / "a.py").read_text()) == ("another\n", "a = 1\n")


async def test_a_submodule_is_named_and_not_entered(place: Place, shop: Path) -> None:
    inner = place.repository("inner", {"x": "1\n"})
    place.git(shop, "submodule", "add", "-q", str(inner), "vendor")
    start = await saved(place, shop)
    assert start.left_out == ["vendor/"]
    (shop / "vendor/x").write_text("2\n")
    (shop / "a.py").write_text("changed\n")
    assert (await restored(place, shop, start.commit)).changed == ["a.py"]
    assert (shop / "vendor/x").read_text() == "2\n"
