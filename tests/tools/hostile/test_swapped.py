"""A folder and a link to a place outside change names all the time: nothing outside is read or written."""

import ctypes
import os
import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.tools.filing import snapshot
from tests.tools.gitting import Place, look
from tests.tools.hostile.visit import change
from tools.beneath import digest, list_names
from tools.checkpoints.restoring import carry_out, complete, finish, propose
from tools.checkpoints.saving import save
from tools.checkpoints.vault import opened
from tools.errors import ToolError
from tools.files import edit_file, read_file, write_file
from tools.search import search
from tools.workspace import Workspace

pytestmark = pytest.mark.anyio
RENAME_EXCHANGE = 2
SECRET = "secret-of-somebody-else"
ATTACK_S = 2.0


@pytest.fixture
def shop(place: Place) -> Path:
    place.write(place.folder / "outside", {"f.txt": SECRET, "secret.txt": SECRET})
    root = place.repository("shop", {"a/f.txt": "inside 0\n", "a/secret.txt": "inside\n", "top.txt": "x\n"})
    (root / "b").symlink_to("../outside")
    place.commit(root, "link")
    return root


@contextmanager
def swapping(one: Path, other: Path) -> Generator[None]:
    """Let two paths change places as fast as they can."""
    stop = threading.Event()
    swaps = [0]

    def swap() -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        first, second = os.fsencode(one), os.fsencode(other)
        while not stop.is_set():
            for _ in range(50):
                swaps[0] += libc.renameat2(-100, first, -100, second, RENAME_EXCHANGE) == 0  # a restore may remove one

    attacker = threading.Thread(target=swap)
    attacker.start()
    try:
        yield
    finally:
        stop.set()
        attacker.join()
    assert swaps[0]


Act = Callable[[Workspace, int], Awaitable[Any]]


async def read(workspace: Workspace, _: int) -> Any:
    return await look(read_file, workspace, path="a/secret.txt")


async def list_folder(workspace: Workspace, _: int) -> Any:
    return list_names(workspace.repository().root, "a")


async def find(workspace: Workspace, _: int) -> Any:
    return await look(search, workspace, text=SECRET)


async def edit(workspace: Workspace, _: int) -> Any:
    text = (await look(read_file, workspace, path="a/f.txt"))["text"].strip()
    return await change(edit_file, workspace, path="a/f.txt", edits=[{"old": text, "new": f"{text}1"[:40]}])


async def overwrite(workspace: Workspace, number: int) -> Any:
    found = (await look(read_file, workspace, path="a/f.txt"))["digest"]
    return await change(write_file, workspace, path="a/f.txt", content=f"inside {number}\n", digest=found)


async def create(workspace: Workspace, number: int) -> Any:
    return await change(write_file, workspace, path=f"a/new/{number}.txt", content="inside\n")


async def hold(workspace: Workspace, _: int) -> Any:
    async with opened(workspace, workspace.repository()) as vault:
        await save(workspace, workspace.repository(), vault, "held")
        return await vault.git("cat-file", "--batch-all-objects", "--batch")


async def restore(workspace: Workspace, _: int) -> Any:
    repository = workspace.repository()
    async with opened(workspace, repository) as vault:
        await complete(vault)  # what an earlier attempt had to leave
        first = (await vault.git("rev-list", "--max-parents=0", "--all")).split()[-1].decode()
        await carry_out(vault, await propose(workspace, repository, vault, first))
        return await finish(vault)


async def naive_read(workspace: Workspace, _: int) -> Any:
    return await anyio.Path(workspace.repository().root / "a/secret.txt").read_text()


async def naive_write(workspace: Workspace, _: int) -> Any:
    return await anyio.Path(workspace.repository().root / "a/f.txt").write_text("inside")


async def attacked(place: Place, root: Path, act: Act, until: Callable[[str], bool] = lambda _: False) -> str:
    """Do it again and again while the folder is swapped, at least until it succeeded once; return all that it told."""
    workspace, told, done = place.workspace(root), "", 0
    with swapping(root / "a", root / "b"), anyio.fail_after(60):
        deadline = anyio.current_time() + ATTACK_S
        for number in count():
            with suppress(ToolError, FileNotFoundError if act in (naive_read, naive_write) else ToolError):
                told += str(await act(workspace, number))
                done += 1
            if (anyio.current_time() > deadline and done) or until(told):
                return told
    raise AssertionError


@pytest.mark.parametrize("act", [read, list_folder, find, edit, overwrite, create, hold])
async def test_nothing_outside_is_read_or_written(act: Act, place: Place, shop: Path) -> None:
    before = snapshot(place.folder / "outside")
    told = await attacked(place, shop, act)
    assert SECRET not in told
    assert snapshot(place.folder / "outside") == before


async def test_a_restore_writes_and_removes_nothing_outside(place: Place, shop: Path) -> None:
    workspace = place.workspace(shop)
    async with opened(workspace, workspace.repository()) as vault:
        await save(workspace, workspace.repository(), vault, "held")
    before = snapshot(place.folder / "outside")
    place.write(shop, {"a/f.txt": "changed\n", "a/more/x.txt": "x", "a/added.txt": "x"})
    (shop / "a/secret.txt").unlink()
    await attacked(place, shop, restore)
    assert snapshot(place.folder / "outside") == before


async def test_the_attack_works_on_whoever_opens_by_name(place: Place, shop: Path) -> None:
    assert SECRET in await attacked(place, shop, naive_read, lambda told: SECRET in told)
    written = place.folder / "outside" / "f.txt"
    await attacked(place, shop, naive_write, lambda _: written.read_text() == "inside")
    assert digest(written.read_bytes()) == digest(b"inside")
