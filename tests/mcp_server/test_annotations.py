"""What tools are announced to be is true: one that only reads leaves every byte of every repository as it was."""

import os
import stat
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.agents.shop import SHOP
from tests.conftest import repository, run_git
from tests.mcp_server.door import ERAS, Door, Era, door

pytestmark = pytest.mark.anyio

Snapshot: TypeAlias = dict[str, tuple[int, int, bytes]]


def snapshot(folder: Path) -> Snapshot:
    """Return mode, time of change and content of everything in a folder, git's own files included."""
    found = Snapshot()
    for path in sorted(folder.rglob("*")):
        known = path.lstat()
        content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        found[str(path.relative_to(folder))] = (stat.S_IMODE(known.st_mode), known.st_mtime_ns, content)
    return found


def untidy(root: Path) -> None:
    """Leave a repository as people do: staged, changed, deleted, untracked, ignored, its index stale."""
    (root / ".gitignore").write_text("*.log\n")
    (root / "staged.txt").write_text("staged\n")
    run_git(root, "add", ".gitignore", "staged.txt")
    (root / "staged.txt").write_text("and changed since\n")
    (root / "untracked").mkdir()
    (root / "untracked" / "file.txt").write_text("new\n")
    (root / "run.log").write_text("ignored\n")
    (root / "link").symlink_to("staged.txt")
    (root / "issues" / "123.md").unlink()
    os.utime(root / "auth.py")  # the index no longer knows that it is unchanged: git would like to write that down


@asynccontextmanager
async def worked(folder: Path, era: Era) -> AsyncGenerator[tuple[Door, dict[str, dict[str, Any]]]]:
    """Open a door where an agent has worked; with real arguments of every tool that only reads."""
    src = folder / "src"
    for name in ("shop", "stock"):
        repository(src / name, SHOP)
    more: dict[str, Any] = {"FACTOR12_TRUSTED_ROOTS": (src,), "FACTOR12_STATE_DIR": folder / "state"}
    async with door(src, era, toys=False, **more) as at:
        session = (await at.told("repo_switch", repo="shop"))["session"]
        ran = await at.told("issue_fixer", issue="123", check="none", session=session)
        (checkpoint, *_) = (await at.told("checkpoint_list", thread_id=ran["thread_id"]))["checkpoints"]
        saved = await at.told("checkpoint_save", thread_id=ran["thread_id"])
        thread = {"thread_id": ran["thread_id"]}
        yield (
            at,
            {
                "thread_list": {"repo": str(src / "shop"), "session": session},
                "thread_history": thread,
                "checkpoint_list": thread,
                "checkpoint_diff": {"checkpoint_id": checkpoint["checkpoint_id"], "against": saved["checkpoint_id"]},
                "repo_list": {},
                "repo_current": {"session": session},
                "health": {},
            },
        )


@pytest.mark.requirement("R14")
@pytest.mark.parametrize("era", ERAS)
async def test_a_tool_that_only_reads_leaves_every_repository_byte_for_byte(tmp_path: Path, era: Era) -> None:
    async with worked(tmp_path, era) as (at, arguments):
        for name in ("shop", "stock"):
            untidy(tmp_path / "src" / name)
        before = snapshot(tmp_path / "src")
        listed = (await at.client.list_tools()).tools
        reading = [tool.name for tool in listed if tool.annotations and tool.annotations.read_only_hint]
        assert reading == [*arguments]
        live = {"checkpoint_id": arguments["checkpoint_diff"]["checkpoint_id"]}
        for name, given in [*arguments.items(), ("checkpoint_diff", live)]:
            await at.told(name, **given)
            assert snapshot(tmp_path / "src") == before, name


@pytest.mark.requirement("R14")
async def test_reading_a_resource_and_completing_leave_every_repository_byte_for_byte(tmp_path: Path) -> None:
    async with worked(tmp_path, "2026-07-28") as (at, arguments):
        for name in ("shop", "stock"):
            untidy(tmp_path / "src" / name)
        before = snapshot(tmp_path / "src")
        thread, checkpoint = (arguments[name] for name in ("thread_history", "checkpoint_diff"))
        for uri in (
            f"thread://{thread['thread_id']}",
            f"thread://{thread['thread_id']}/events",
            f"checkpoint://{checkpoint['checkpoint_id']}/diff",
            "repo://shop/status",
            "repo://stock/status",
        ):
            assert (await at.client.read_resource(uri)).contents
            assert snapshot(tmp_path / "src") == before, uri
        assert [*await at.runtime.repositories.branches(tmp_path / "src/shop", "", 5)] == ["main"]
        assert snapshot(tmp_path / "src") == before


def test_the_comparison_sees_what_git_writes_by_itself(tmp_path: Path) -> None:
    shop = repository(tmp_path / "shop", SHOP)
    untidy(shop)
    before = snapshot(shop)
    run_git(shop, "status")
    assert snapshot(shop) != before
