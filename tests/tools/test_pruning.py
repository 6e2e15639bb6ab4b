"""What gc drops of checkpoints, what it never does, and that a kill in the middle loses nothing."""

import os
from pathlib import Path
from shutil import rmtree
from time import time

import pytest

from tests.tools.gitting import Place
from tests.tools.test_checkpoints import restored, saved
from tools.checkpoints import pruning
from tools.checkpoints.pruning import Pruned, prune, size
from tools.checkpoints.restoring import carry_out, complete, propose
from tools.checkpoints.vault import FRESH_S, alone_at, held, home_of, opened
from tools.errors import ToolError

pytestmark = pytest.mark.anyio


@pytest.fixture
def shop(place: Place) -> Path:
    return place.repository("shop", {"a.py": "a = 1\n"})


async def history(place: Place, root: Path) -> list[str]:
    """Hold three states, each with half a megabyte of its own; return their commits."""
    commits: list[str] = []
    for _ in range(3):
        (root / "noise.bin").write_bytes(os.urandom(500_000))
        commits.append((await saved(place, root)).commit)
    return commits


async def pruned(place: Place, root: Path, *needed: str, later: float = 2 * FRESH_S, dry_run: bool = False) -> Pruned:
    return await prune(place.workspace(root), set(needed), time() + later, dry_run=dry_run)


async def test_what_nobody_needs_is_dropped_and_gives_its_room_back(place: Place, shop: Path) -> None:
    first, second, third = await history(place, shop)
    told = await pruned(place, shop, first, dry_run=True)
    assert (told.commits, told.bytes) == (1, 0)
    done = await pruned(place, shop, first)
    assert done.commits == 1 and done.problems == [] and 400_000 < done.bytes < 700_000
    with pytest.raises(ToolError, match=r"is gone\. `factor12 gc` drops old ones") as caught:
        await restored(place, shop, second)
    assert caught.value.problem.kind == "expired"
    assert (await restored(place, shop, first)).done
    assert (await restored(place, shop, third)).done, "the last one of a work tree stays whoever names it"


async def test_what_is_too_young_to_be_named_stays(place: Place, shop: Path) -> None:
    commits = await history(place, shop)
    assert (await pruned(place, shop, later=FRESH_S / 2)).commits == 0
    assert all([(await restored(place, shop, commit)).done for commit in commits])


async def test_what_a_change_under_way_began_with_stays_though_it_is_old(place: Place, shop: Path) -> None:
    """An effect that began on an old state names it only when it is over, and somebody saves meanwhile."""
    (began,) = {(await saved(place, shop)).commit}
    workspace = place.workspace(shop)
    async with opened(workspace, workspace.repository()) as vault:
        listed = (await vault.git("for-each-ref", "--format=%(refname)")).decode().strip()
        old = f"delete {listed}\ncreate refs/factor12/1.0-old {began}\n"
        await vault.git("update-ref", "--stdin", stdin=old.encode())
    (shop / "a.py").write_text("a = 2\n")
    await saved(place, shop)
    assert (await pruned(place, shop, later=0)).commits == 0
    assert (await pruned(place, shop, later=2 * FRESH_S)).commits == 1


async def test_a_store_whose_work_tree_and_threads_are_gone_is_removed_and_no_other(place: Place, shop: Path) -> None:
    other = place.repository("other", {"x": "x\n"})
    commit = (await saved(place, shop)).commit
    await saved(place, other)
    rmtree(shop)
    workspace = place.workspace(shop)
    home = home_of(workspace, workspace.repository())
    assert (await pruned(place, other, commit)).vaults == 0 and home.exists(), "a thread names it"
    assert (await pruned(place, other, dry_run=True)).vaults == 1 and home.exists()
    done = await pruned(place, other)
    assert done.vaults == 1 and done.bytes > 0 and not home.exists()
    assert len(list(workspace.vaults.iterdir())) == 1


async def test_leftovers_of_kills_are_swept(place: Place, shop: Path) -> None:
    await history(place, shop)
    workspace = place.workspace(shop)
    home = home_of(workspace, workspace.repository())
    left = [
        home / "git/objects/pack/tmp_pack_X",
        home / "git/objects/pack/.tmp-1-pack-x.pack",
        home / "git/index.dead",
        home / "git/packed-refs.lock",
        home / "git/refs/factor12/x.lock",
        home / "stream.dead",
        home / "current.new",
    ]
    for path in left:
        path.write_bytes(b"x")
    (home / "tmpdead").mkdir()
    half = workspace.vaults / "half"
    half.mkdir()
    assert (await pruned(place, shop, later=0)).vaults == 0 and half.exists(), "it may just be made"
    assert (await pruned(place, shop)).vaults == 1 and not half.exists()
    assert not any(path.exists() for path in (*left, home / "tmpdead"))


async def test_without_room_to_pack_it_is_refused_with_the_numbers_and_nothing_is_lost(
    place: Place, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits = await history(place, shop)

    def huge(_: Path) -> int:
        return 1 << 50

    monkeypatch.setattr(pruning, "size", huge)
    done = await pruned(place, shop)
    assert [problem.problem.kind for problem in done.problems] == ["limit"]
    assert "takes up to 2147483648 MB" in str(done.problems[0]) and "are free" in str(done.problems[0])
    assert all([(await restored(place, shop, commit)).done for commit in commits])


async def test_what_was_cut_off_between_the_names_and_the_objects_is_done_the_next_time(
    place: Place, shop: Path
) -> None:
    first, *_ = await history(place, shop)
    workspace = place.workspace(shop)
    async with opened(workspace, workspace.repository()) as vault:
        (vault.home / "pruning").touch()
        ref = (await vault.git("for-each-ref", f"--points-at={first}", "--format=%(refname)")).decode().strip()
        await vault.git("update-ref", "-d", ref)
    before = size(vault.home)
    assert (await pruned(place, shop, *await held(vault))).bytes > 400_000
    assert size(vault.home) < before - 400_000 and not (vault.home / "pruning").exists()


async def test_many_saves_are_packed_into_one(place: Place, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commits = await history(place, shop)
    monkeypatch.setattr(pruning, "MANY_PACKS", 2)
    await pruned(place, shop, *commits)
    workspace = place.workspace(shop)
    home = home_of(workspace, workspace.repository())
    assert len(list(home.glob("git/objects/pack/*.pack"))) == 1
    assert all([(await restored(place, shop, commit)).done for commit in commits])


async def test_a_store_in_use_damaged_or_in_the_middle_of_a_restore_is_left_for_the_next_time(
    place: Place, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.locks.PATIENCE_S", 0.1)
    other = place.repository("other", {"x": "x\n"})
    first, *_ = await history(place, shop)
    await saved(place, other)
    workspace = place.workspace(shop, other)
    async with alone_at(workspace, shop):
        done = await pruned(place, shop)
        assert [problem.problem.kind for problem in done.problems] == ["busy"]
    async with opened(workspace, workspace.repository()) as vault:
        await carry_out(vault, await propose(workspace, workspace.repository(), vault, first))
    home_of(workspace, workspace.repository("other")).joinpath("current.json").write_text("{")
    done = await pruned(place, shop)
    assert done.commits == 0 and [problem.problem.kind for problem in done.problems] == ["store"]
    async with opened(workspace, workspace.repository()) as vault:
        assert await complete(vault)


async def test_without_checkpoints_there_is_nothing_to_drop(place: Place, shop: Path) -> None:
    assert await pruned(place, shop) == Pruned()
