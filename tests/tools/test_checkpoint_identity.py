"""Whose checkpoints they are: the repository that stands at the place, and nobody who wrote into the vault."""

from pathlib import Path
from shutil import rmtree

import pytest

from tests.tools.gitting import Place, snapshot
from tests.tools.test_checkpoints import contents, restored, saved
from tools.checkpoints.vault import Vault, opened
from tools.errors import ToolError

pytestmark = pytest.mark.anyio


@pytest.fixture
def shop(place: Place) -> Path:
    return place.repository("shop", {"a.py": "a = 1\n", "lib/b.py": "b = 1\n"})


@pytest.mark.parametrize("how", ["cloned", "amended", "moved on"])
async def test_the_same_repository_is_known_again(place: Place, shop: Path, how: str) -> None:
    start = await saved(place, shop)
    copy = place.folder / "copy"
    match how:
        case "cloned":
            place.git(place.folder, "clone", "-q", str(shop), str(copy))
            rmtree(shop)
            copy.rename(shop)
        case "amended":
            place.git(shop, "commit", "-q", "--amend", "-m", "other words")
            place.git(shop, "reflog", "expire", "--expire=now", "--all")
            place.git(shop, "gc", "-q", "--prune=now")
        case _:
            for number in range(60):
                place.git(shop, "commit", "-q", "--allow-empty", "-m", str(number))
    (shop / "a.py").write_text("a = 2\n")
    assert (await restored(place, shop, start.commit)).done
    assert (shop / "a.py").read_text() == "a = 1\n"


@pytest.mark.parametrize("empty", [False, True])
async def test_another_repository_at_the_same_place_is_not_written_to(place: Place, shop: Path, empty: bool) -> None:
    start = await saved(place, shop)
    rmtree(shop)
    other = place.repository("shop", {} if empty else {"a.py": "another\n"})
    now = contents(other)
    with pytest.raises(ToolError, match="is not the one that this checkpoint is of") as caught:
        await restored(place, other, start.commit)
    assert caught.value.problem.kind == "conflict" and contents(other) == now
    own = await saved(place, other)
    (other / "a.py").write_text("changed\n")
    assert (await restored(place, other, own.commit)).done and contents(other) == now, "it has checkpoints of its own"


async def test_another_repository_with_the_same_files_has_checkpoints_of_its_own(place: Place, shop: Path) -> None:
    before = await saved(place, shop)
    rmtree(shop / ".git")
    place.git(shop, "init", "-q")
    place.git(shop, "add", "-A")
    place.git(shop, "commit", "-q", "-m", "anew")
    own = await saved(place, shop)
    (shop / "a.py").write_text("changed\n")
    with pytest.raises(ToolError, match="is not the one"):
        await restored(place, shop, before.commit)
    assert (await restored(place, shop, own.commit)).done


@pytest.mark.parametrize("gone", ["repository", "git folder"])
async def test_a_repository_that_vanished_is_one_clear_line(place: Place, shop: Path, gone: str) -> None:
    start = await saved(place, shop)
    rmtree(shop if gone == "repository" else shop / ".git")
    with pytest.raises(ToolError, match=r"shop.* is not the top of a git work tree") as caught:
        await restored(place, shop, start.commit)
    assert caught.value.problem.kind == "not_found"


OUTSIDE = ["../out", "lib/../../out", ".git/hooks/post-commit", "sub/.GIT/config", "/etc/x", "a//b"]


@pytest.mark.parametrize("path", OUTSIDE)
async def test_a_tampered_vault_writes_nowhere(place: Place, shop: Path, path: str) -> None:
    """SECURITY row 27; a tree with the same content under an honest name is restored."""
    start, workspace = await saved(place, shop), place.workspace(shop)
    async with opened(workspace, workspace.repository()) as vault:
        evil, honest = [await forged(vault, start.commit, name) for name in (path, "honest")]
    now = snapshot(shop)
    with pytest.raises(ToolError, match="which no checkpoint does"):
        await restored(place, shop, evil)
    assert snapshot(shop) == now
    assert (await restored(place, shop, honest)).done
    assert [*contents(shop)] == ["honest"]


async def forged(vault: Vault, model: str, path: str) -> str:
    """Return a commit like the model of a tree with one entry, slashes and all."""

    async def write(kind: str, content: bytes) -> str:
        words = ("hash-object", "-w", "-t", kind, "--literally", "--stdin")
        return (await vault.git(*words, stdin=content)).decode().strip()

    facts = (await vault.git("cat-file", "commit", model)).partition(b"\n\n")[2]
    blob = await write("blob", b"evil\n")
    tree = await write("tree", b"100644 %s\0%s" % (path.encode(), bytes.fromhex(blob)))
    who = "author a <a> 1 +0000\ncommitter a <a> 1 +0000"
    return await write("commit", f"tree {tree}\n{who}\n\n".encode() + facts)
