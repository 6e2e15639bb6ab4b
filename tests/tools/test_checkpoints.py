"""Checkpoints: what they hold, what a restore puts back, and what it leaves alone."""

import os
import socket
from dataclasses import dataclass, replace
from pathlib import Path

import anyio
import pytest

from tests.tools.gitting import Place, snapshot
from tools.checkpoints import files, saving
from tools.checkpoints.restoring import carry_out, finish, propose
from tools.checkpoints.saving import Tree, save
from tools.checkpoints.vault import opened
from tools.errors import ToolError

pytestmark = pytest.mark.anyio


@pytest.fixture
def shop(place: Place) -> Path:
    files = {
        "a.py": "a = 1\n",
        "lib/b.py": "b = 1\r\n",
        "run.sh": "#!/bin/sh\n",
        ".gitignore": "*.log\n",
        "gone.txt": "x",
    }
    root = place.repository("shop", files)
    (root / "run.sh").chmod(0o755)
    place.commit(root, "program")
    return root


async def saved(place: Place, root: Path) -> Tree:
    workspace = place.workspace(root)
    async with opened(workspace, workspace.repository()) as vault:
        return await save(workspace, workspace.repository(), vault, "test")


@dataclass(frozen=True)
class Told:
    """What a restore did, or would do."""

    done: bool
    before: str
    changed: list[str]
    kept: list[str]
    clashes: list[str]


async def restored(
    place: Place, root: Path, commit: str, own: str | None = None, *, dry_run: bool = False, over: bool = False
) -> Told:
    workspace = place.workspace(root)
    async with opened(workspace, workspace.repository()) as vault:
        proposal = await propose(workspace, workspace.repository(), vault, commit, own)
        if over:
            proposal = replace(proposal, plan=proposal.plan.overwriting())
        if done := not (dry_run or proposal.plan.clashes):
            await carry_out(vault, proposal)
            await finish(vault)
    plan = proposal.plan
    return Told(done, proposal.before, [*plan.changes], plan.kept, plan.clashes)


def contents(root: Path) -> dict[str, tuple[int, bytes]]:
    """Return the work tree as a checkpoint should know it: content or target, and whether it is a program or a link."""
    found: dict[str, tuple[int, bytes]] = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if name.partition("/")[0] == ".git" or (path.is_dir() and not path.is_symlink()):
            continue
        mode = path.lstat().st_mode
        found[name] = mode, os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
    return found


def bind(server: socket.socket, path: Path) -> None:
    """Bind by a short name: the address of a socket has room for about a hundred bytes."""
    server.bind(os.path.relpath(path))


def disturb(root: Path) -> None:
    """Change the tree in every way that a program can."""
    (root / "a.py").write_text("a = 2\n")
    (root / "lib/b.py").write_bytes(b"b = 2\n")
    (root / "gone.txt").unlink()
    (root / "new/deep").mkdir(parents=True)
    (root / "new/deep/file.bin").write_bytes(bytes(range(256)))
    (root / "run.sh").chmod(0o644)
    (root / "link").symlink_to("../elsewhere")
    (root / "odd\n\"name'\\").write_text("odd")
    (root / os.fsdecode(b"caf\xe9")).write_text("latin")


async def test_a_restore_brings_the_whole_tree_back_and_another_one_the_changes_again(place: Place, shop: Path) -> None:
    before = contents(shop)
    start = await saved(place, shop)
    disturb(shop)
    changed = contents(shop)
    back = await restored(place, shop, start.commit)
    assert back.done and contents(shop) == before
    forth = await restored(place, shop, back.before)
    assert forth.done and contents(shop) == changed
    assert (await restored(place, shop, forth.before)).done and contents(shop) == before


async def test_saving_and_restoring_leave_everything_of_git_as_it_is(place: Place, shop: Path) -> None:
    (shop / "a.py").write_text("a = 3\n")
    place.git(shop, "add", "a.py")
    place.git(shop, "stash", "push", "-q")
    before = snapshot(shop / ".git")
    start = await saved(place, shop)
    disturb(shop)
    await restored(place, shop, start.commit)
    assert snapshot(shop / ".git") == before


async def test_a_dry_run_says_what_would_change_and_changes_nothing(place: Place, shop: Path) -> None:
    start = await saved(place, shop)
    disturb(shop)
    changed = snapshot(shop)
    told = await restored(place, shop, start.commit, dry_run=True)
    assert not told.done
    assert {"a.py", "gone.txt", "run.sh", "link", "new/deep/file.bin"} < set(told.changed)
    assert snapshot(shop) == changed


async def test_an_unchanged_tree_is_the_same_commit_and_a_change_taken_back_is_none(place: Place, shop: Path) -> None:
    first = await saved(place, shop)
    assert await saved(place, shop) == first
    (shop / "a.py").write_text("a = 2\n")
    assert (await saved(place, shop)).commit != first.commit
    (shop / "a.py").write_text("a = 1\n")
    assert (await restored(place, shop, first.commit, dry_run=True)).changed == []


async def test_what_a_person_edited_since_is_kept_where_the_restore_need_not_write(place: Place, shop: Path) -> None:
    start = await saved(place, shop)
    (shop / "a.py").write_text("a = 2\n")
    own = await saved(place, shop)
    (shop / "lib/b.py").write_text("mine\n")
    (shop / "notes.txt").write_text("mine\n")
    done = await restored(place, shop, start.commit, own.commit)
    assert (done.done, done.changed, done.kept) == (True, ["a.py"], ["lib/b.py", "notes.txt"])
    assert (shop / "a.py").read_text() == "a = 1\n"
    assert (shop / "lib/b.py").read_text() == (shop / "notes.txt").read_text() == "mine\n"


@pytest.mark.parametrize("how", ["same file", "folder in the place of a file"])
async def test_an_edit_of_a_person_where_the_restore_would_write_stops_it(place: Place, shop: Path, how: str) -> None:
    start = await saved(place, shop)
    (shop / "a.py").unlink()
    own = await saved(place, shop)
    path = "a.py" if how == "same file" else "a.py/inner"
    (shop / path).parent.mkdir(exist_ok=True)
    (shop / path).write_text("mine\n")
    now = contents(shop)
    told = await restored(place, shop, start.commit, own.commit)
    assert (told.done, told.clashes) == (False, ["a.py"])
    assert contents(shop) == now
    if how == "same file":
        assert (await restored(place, shop, start.commit)).done
        assert (shop / "a.py").read_text() == "a = 1\n"


async def test_what_a_person_lets_go_is_written_over_with_what_lies_in_its_way_and_nothing_else(
    place: Place, shop: Path
) -> None:
    place.write(shop, {"deep/inside": "1\n", "x.txt": "1\n"})
    start = await saved(place, shop)
    for path in ("a.py", "deep/inside", "x.txt"):
        (shop / path).unlink()
    (shop / "deep").rmdir()
    own = await saved(place, shop)
    place.write(shop, {"a.py/inner": "mine\n", "deep": "mine\n", "x.txt": "mine\n", "notes.txt": "mine\n"})
    mine = contents(shop)
    refused = await restored(place, shop, start.commit, own.commit)
    assert (refused.done, refused.clashes) == (False, ["a.py", "deep/inside", "x.txt"]) and contents(shop) == mine
    done = await restored(place, shop, start.commit, own.commit, over=True)
    assert (done.done, done.kept) == (True, ["notes.txt"])
    assert [(shop / path).read_text() for path in ("a.py", "deep/inside", "x.txt")] == ["a = 1\n", "1\n", "1\n"]
    await restored(place, shop, done.before)
    assert contents(shop) == mine, "what was written over comes back"


async def test_a_clash_that_the_restored_tree_ignores_stays_though_a_person_lets_it_go(
    place: Place, shop: Path
) -> None:
    start = await saved(place, shop)
    (shop / ".gitignore").unlink()
    (shop / "t.log").write_text("the thread's\n")
    own = await saved(place, shop)
    (shop / "t.log").write_text("mine\n")
    done = await restored(place, shop, start.commit, own.commit, over=True)
    assert done.done and (shop / "t.log").read_text() == "mine\n"


async def test_ignored_files_are_not_held_and_not_lost(place: Place, shop: Path) -> None:
    (shop / "debug.log").write_text("mine\n")
    start = await saved(place, shop)
    (shop / ".gitignore").unlink()
    await restored(place, shop, start.commit)
    assert (shop / "debug.log").read_text() == "mine\n", "the tree that is restored did not hold it, so it stays"


async def test_an_ignored_file_in_the_way_is_held_before_it_is_written_over(place: Place, shop: Path) -> None:
    (shop / "made.txt").write_text("v1\n")
    start = await saved(place, shop)
    (shop / ".gitignore").write_text("made.txt\n")
    (shop / "made.txt").unlink()
    await saved(place, shop)
    (shop / "made.txt").write_text("v2\n")
    back = await restored(place, shop, start.commit)
    assert (shop / "made.txt").read_text() == "v1\n"
    await restored(place, shop, back.before)
    assert (shop / "made.txt").read_text() == "v2\n"


async def test_a_tracked_file_is_held_though_a_rule_ignores_it(place: Place, shop: Path) -> None:
    (shop / "t.log").write_text("1\n")
    place.git(shop, "add", "-f", "t.log")
    start = await saved(place, shop)
    (shop / "t.log").write_text("2\n")
    await restored(place, shop, start.commit)
    assert (shop / "t.log").read_text() == "1\n"


async def test_the_persons_own_rules_count(place: Place, shop: Path) -> None:
    (shop / ".git/info").mkdir(exist_ok=True)
    (shop / ".git/info/exclude").write_text("secret.txt\n")
    (place.home / ".config/git").mkdir(parents=True)
    (place.home / ".config/git/ignore").write_text("everywhere.txt\n")
    for name in ("secret.txt", "everywhere.txt", "held.txt"):
        (shop / name).write_text("1\n")
    start = await saved(place, shop)
    for name in ("secret.txt", "everywhere.txt", "held.txt"):
        (shop / name).write_text("2\n")
    assert (await restored(place, shop, start.commit)).changed == ["held.txt"]


async def test_what_git_does_not_hold_is_named_and_left_alone(place: Place, shop: Path) -> None:
    inner = shop / "vendor"
    inner.mkdir()
    place.git(inner, "init", "-q")
    (inner / "x").write_text("1\n")
    (shop / "sub/.Git").mkdir(parents=True)
    (shop / "sub/.Git/config").write_text("evil\n")
    os.mkfifo(shop / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        bind(server, shop / "sock")
        start = await saved(place, shop)
        assert start.left_out == ["sub/.Git/config", "vendor/"]
        (inner / "x").write_text("2\n")
        assert (await restored(place, shop, start.commit)).changed == []
        assert (shop / "pipe").exists() and (shop / "sock").exists() and (inner / "x").read_text() == "2\n"


@pytest.mark.parametrize("state", ["unborn", "detached", "merging", "linked", "sha256"])
async def test_the_state_of_the_repository_plays_no_part(place: Place, shop: Path, state: str) -> None:
    root = shop
    match state:
        case "unborn":
            root = place.repository("fresh", {})
            place.write(root, {"a.py": "a = 1\n"})
        case "detached":
            place.git(root, "checkout", "-q", "--detach")
        case "merging":
            place.git(root, "checkout", "-q", "-b", "other")
            place.write(root, {"a.py": "a = 7\n"})
            place.commit(root, "theirs")
            place.git(root, "checkout", "-q", "main")
            place.write(root, {"a.py": "a = 8\n"})
            place.commit(root, "ours")
            place.git(root, "merge", "other", check=False)
            assert (root / ".git/MERGE_HEAD").exists()
        case "linked":
            root = place.folder / "linked"
            place.git(shop, "worktree", "add", "-q", str(root))
        case _:
            root = place.folder / "long"
            root.mkdir()
            place.git(root, "init", "-q", "--object-format=sha256")
            place.write(root, {"a.py": "a = 1\n"})
    before = contents(root)
    start = await saved(place, root)
    (root / "a.py").write_text("changed\n")
    (root / "new.txt").write_text("new\n")
    assert (await restored(place, root, start.commit)).changed == ["a.py", "new.txt"]
    assert contents(root) == before


async def test_filters_attributes_and_line_ends_play_no_part(place: Place, shop: Path) -> None:
    program = place.mark("clean")
    place.git(shop, "config", "filter.evil.clean", str(program))
    place.git(shop, "config", "filter.evil.smudge", str(program))
    place.git(shop, "config", "core.autocrlf", "true")
    place.write(shop, {".gitattributes": "*.txt filter=evil\n*.u16 working-tree-encoding=UTF-16LE\n* text eol=crlf\n"})
    place.write(shop, {"t.txt": "1\r\n2\n", "x.u16": b"\xff\xfea\0", "$Id$.c": "$Id$\n"})
    before = contents(shop)
    start = await saved(place, shop)
    for name in ("t.txt", "x.u16", "$Id$.c"):
        (shop / name).write_bytes(b"other\r\n")
    await restored(place, shop, start.commit)
    assert contents(shop) == before
    assert place.ran() == ""
    place.git(shop, "add", "t.txt")
    assert "clean" in place.ran(), "the same tree runs its filter when git adds it"


async def test_a_checkpoint_that_is_gone_or_somebody_elses_is_one_clear_line(place: Place, shop: Path) -> None:
    other = place.repository("other", {"x": "x"})
    foreign = await saved(place, other)
    for commit in (foreign.commit, "0" * 64, "--help"):
        with pytest.raises(ToolError, match="is gone"):
            await restored(place, shop, commit)


async def test_a_vault_inside_the_work_tree_and_a_whole_home_are_refused(place: Place, shop: Path) -> None:
    workspace = place.workspace(shop)
    inside = replace(workspace, vaults=shop / "state")
    with pytest.raises(ToolError, match="lies inside 'shop'"):
        async with opened(inside, inside.repository()):
            pass
    assert not (shop / "state").exists()


async def test_a_vault_is_opened_by_one_at_a_time(place: Place, shop: Path) -> None:
    order: list[str] = []
    workspace = place.workspace(shop)

    async def hold(name: str) -> None:
        async with opened(workspace, workspace.repository()):
            order.append(f"{name} in")
            await anyio.lowlevel.checkpoint()
            order.append(f"{name} out")

    async with anyio.create_task_group() as group:
        for name in ("a", "b", "c"):
            group.start_soon(hold, name)
    assert [word.split()[1] for word in order] == ["in", "out"] * 3


async def test_a_file_that_is_too_large_is_named_and_stays(
    place: Place, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LARGEST", 100)
    (shop / "large.bin").write_bytes(b"x" * 101)
    start = await saved(place, shop)
    assert start.left_out == ["large.bin"]
    (shop / "a.py").write_text("a = 2\n")
    assert (await restored(place, shop, start.commit)).changed == ["a.py"]
    assert (shop / "large.bin").stat().st_size == 101


async def test_a_save_that_is_cancelled_while_it_reads_ends_soon_and_leaves_nothing(
    place: Place, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read byte by byte, the file would take minutes."""
    monkeypatch.setattr(files, "CHUNK", 1)
    (shop / "large.bin").write_bytes(os.urandom(50_000_000))
    with anyio.fail_after(10), anyio.move_on_after(0.5) as scope:
        await saved(place, shop)
    assert scope.cancelled_caught
    assert not list((place.folder / "vaults").glob("*/stream.*"))
    monkeypatch.undo()
    assert (await saved(place, shop)).left_out == []


async def test_a_tree_that_is_too_large_is_refused_with_its_numbers_before_anything_is_read(
    place: Place, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "MOST_FILES", 3)
    with pytest.raises(ToolError, match=r"would have to read 5 files, 0 MB"):
        await saved(place, shop)
    monkeypatch.setattr(saving, "MOST_FILES", 100)
    monkeypatch.setattr(saving, "SPARE_BYTES", 1 << 60)
    with pytest.raises(ToolError, match=r"are free\. Make room"):
        await saved(place, shop)


async def test_a_whole_home_is_no_project(place: Place, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(shop / "lib"))
    with pytest.raises(ToolError, match="holds a whole home folder"):
        await saved(place, shop)


async def test_a_name_that_only_the_index_refuses_is_left_out_and_the_rest_is_held(place: Place, shop: Path) -> None:
    (shop / ".gitmodules").symlink_to("a.py")
    start = await saved(place, shop)
    assert start.left_out == [".gitmodules"]
    (shop / "a.py").write_text("a = 2\n")
    assert (await restored(place, shop, start.commit)).changed == ["a.py"]
    assert (shop / ".gitmodules").is_symlink()


async def test_a_restore_that_cannot_write_leaves_everything_as_it_was(place: Place, shop: Path) -> None:
    start = await saved(place, shop)
    (shop / "a.py").write_text("a = 2\n")
    (shop / "gone.txt").unlink()
    (shop / "gone.txt").mkdir()
    (shop / "gone.txt/debug.log").write_text("ignored, and so not seen\n")
    now = contents(shop)
    with pytest.raises(ToolError, match=r"Nothing was restored: .*gone\.txt"):
        await restored(place, shop, start.commit)
    assert contents(shop) == now


async def test_content_that_the_vault_has_lost_is_said_and_nothing_changes(place: Place, shop: Path) -> None:
    start = await saved(place, shop)
    (shop / "a.py").write_text("a = 2\n")
    workspace = place.workspace(shop)
    async with opened(workspace, workspace.repository()) as vault:
        proposal = await propose(workspace, workspace.repository(), vault, start.commit)
        lost = replace(proposal.plan, changes={"a.py": (proposal.plan.changes["a.py"][0], ("100644", "0" * 64))})
        with pytest.raises(ToolError, match="Nothing was restored"):
            await carry_out(vault, replace(proposal, plan=lost))
    assert (shop / "a.py").read_text() == "a = 2\n"
