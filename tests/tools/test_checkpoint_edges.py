"""Checkpoints where git, the disk or another program does not play along."""

import os
import subprocess
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from tests.tools.gitting import Place
from tools.checkpoints import files, saving
from tools.checkpoints.files import PLAIN, blob_of, put, state_of, sweep
from tools.checkpoints.holding import complete_all
from tools.checkpoints.restoring import carry_out, finish, propose, take_back
from tools.checkpoints.saving import record, save
from tools.checkpoints.vault import Vault, opened
from tools.errors import ToolError

pytestmark = pytest.mark.anyio


def blob(content: bytes) -> str:
    return blob_of(len(content), [content])


@pytest.fixture
def shop(place: Place) -> Path:
    return place.repository("shop", {"a.py": "a = 1\n", "lib/b.py": "b = 1\n"})


async def saved(place: Place, root: Path) -> str:
    workspace = place.workspace(root)
    async with opened(workspace, workspace.repository()) as vault:
        return (await save(workspace, workspace.repository(), vault, "test")).commit


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="only Linux has such files")
def test_a_file_that_never_is_as_long_as_it_says_is_busy() -> None:
    """The kernel makes these files while they are read, so their size says nothing."""
    with pytest.raises(ToolError, match="'status' keeps changing") as refused:
        state_of(Path(f"/proc/{os.getpid()}"), "status")
    assert refused.value.problem.kind == "busy"


def test_a_file_that_goes_away_before_it_is_read_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: Callable[..., Any] = vars(files)["_read"]

    def removed_first(folder: int, name: str, *more: Any) -> Any:
        (tmp_path / name).unlink()
        return read(folder, name, *more)

    (tmp_path / "a.py").write_text("a = 1\n")
    monkeypatch.setattr(files, "_read", removed_first)
    assert state_of(tmp_path, "a.py") is None


def test_a_file_that_is_gone_is_made_anew_with_the_usual_rights(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    put(tmp_path, "a.py", PLAIN, [b"a = 1\n"], (PLAIN, blob(b"a = 2\n")), ".temporary")
    assert (tmp_path / "a.py").read_bytes() == b"a = 1\n"
    assert (tmp_path / "a.py").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_what_a_killed_restore_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    for name in (".mark-0", ".mark-1", ".other-0", "a.py"):
        (tmp_path / name).touch()
    sweep(tmp_path, "", ".mark-")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other-0", "a.py"]


@pytest.mark.requirement("R1")
async def test_a_restore_that_another_process_ends_meanwhile_is_not_ended_again(place: Place, shop: Path) -> None:
    start = await saved(place, shop)
    (shop / "a.py").write_text("a = 2\n")
    workspace, ended = place.workspace(shop), list[dict[str, bool]]()

    async def end() -> None:
        ended.append(await complete_all(workspace, lambda _: pytest.fail("there is nothing to decide")))

    async with anyio.create_task_group() as group, opened(workspace, workspace.repository()) as vault:
        await carry_out(vault, await propose(workspace, workspace.repository(), vault, start))
        group.start_soon(end)
        await anyio.lowlevel.checkpoint()  # it has seen the journal, and waits for the vault
        await take_back(vault)
    assert ended == [{}] and (shop / "a.py").read_text() == "a = 2\n"


async def test_what_somebody_writes_after_the_look_stays_and_is_named(place: Place, shop: Path) -> None:
    start = await saved(place, shop)
    (shop / "a.py").write_text("a = 2\n")
    (shop / "lib/b.py").write_text("b = 2\n")
    workspace = place.workspace(shop)
    async with opened(workspace, workspace.repository()) as vault:
        proposal = await propose(workspace, workspace.repository(), vault, start)
        (shop / "a.py").write_text("mine\n")
        assert await carry_out(vault, proposal) == ["a.py"]
        await finish(vault)
    assert ((shop / "a.py").read_text(), (shop / "lib/b.py").read_text()) == ("mine\n", "b = 1\n")


def damage(vault: Vault, name: str) -> None:
    """Take the vault's objects out of their packs, and put another content in the place of one."""
    for pack in (vault.git_dir / "objects/pack").glob("*.pack"):
        aside = pack.rename(vault.home / pack.name)
        pack.with_suffix(".idx").unlink()
        command = [vault.program, "--git-dir", str(vault.git_dir), "unpack-objects", "-q"]
        subprocess.run(command, input=aside.read_bytes(), check=True)
    loose = vault.git_dir / "objects" / name[:2] / name[2:]
    loose.unlink()
    loose.write_bytes(zlib.compress(b"blob 6\0b = 1\n"))


async def test_content_that_is_damaged_in_the_vault_is_said_and_nothing_changes(place: Place, shop: Path) -> None:
    start = await saved(place, shop)
    (shop / "a.py").write_text("a = 2\n")
    workspace = place.workspace(shop)
    async with opened(workspace, workspace.repository()) as vault:
        proposal = await propose(workspace, workspace.repository(), vault, start)
        damage(vault, blob(b"a = 1\n"))
        with pytest.raises(ToolError, match="is damaged"):
            await carry_out(vault, proposal)
    assert (shop / "a.py").read_text() == "a = 2\n"


async def test_an_index_that_is_damaged_or_refuses_a_state_is_named_as_the_checkpoints(
    place: Place, shop: Path
) -> None:
    await saved(place, shop)
    workspace = place.workspace(shop)
    async with opened(workspace, workspace.repository()) as vault:
        before = vault.current()
        with pytest.raises(ToolError, match="checkpoints of shop"):
            await record(vault, "test", {"a.py": ("mode", blob(b""))})
        assert vault.current() == before
        (vault.git_dir / vault.current()["index"]).write_bytes(b"no index")
        with pytest.raises(ToolError, match=r"update-index.*checkpoints of shop"):
            await record(vault, "test", {"a.py": (PLAIN, blob(b"a = 1\n"))})
        with pytest.raises(ToolError, match="checkpoints of shop"):
            await save(workspace, workspace.repository(), vault, "test")


async def test_after_many_changes_the_index_knows_the_files_times(
    place: Place, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = place.workspace(shop)
    async with opened(workspace, workspace.repository()) as vault:
        for many, known in ((5, False), (1, True)):
            monkeypatch.setattr(saving, "MANY", many)
            (shop / "a.py").write_text(f"a = {many}\n")
            (shop / "lib/b.py").write_text(f"b = {many}\n")
            await save(workspace, workspace.repository(), vault, "test")
            env = {"GIT_INDEX_FILE": str(vault.git_dir / vault.current()["index"])}
            shown = await vault.git("ls-files", "--debug", "a.py", env=env)
            assert (b"mtime: 0:0" not in shown) is known


async def test_a_git_that_takes_too_long_is_one_clear_line(place: Place, shop: Path) -> None:
    workspace = place.workspace(shop)
    async with opened(workspace, workspace.repository()) as vault:
        with pytest.raises(ToolError, match="git cat-file for a checkpoint of 'shop' took too long"):
            await vault.git("cat-file", "--batch-all-objects", "--batch-check", timeout_s=0)


async def test_without_a_git_that_works_no_vault_is_made(place: Place, shop: Path) -> None:
    programs = place.folder / "bin"
    programs.mkdir()
    workspace = replace(place.workspace(shop), environment={"PATH": str(programs)})
    with pytest.raises(ToolError, match="git is not on the PATH"):
        async with opened(workspace, workspace.repository()):
            pass
    (programs / "git").write_text("#!/bin/sh\necho 'fatal: broken' >&2\nexit 1\n")
    (programs / "git").chmod(0o755)
    with pytest.raises(ToolError, match="checkpoints of shop"):
        async with opened(workspace, workspace.repository()) as vault:
            pytest.fail(f"it was made at {vault.home}")
    assert await saved(place, shop)


def test_a_file_too_large_for_a_checkpoint_is_like_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "large").write_bytes(b"12345")
    monkeypatch.setattr(files, "LARGEST", 4)
    assert files.state_at(tmp_path, "large") == ("too large", "")
