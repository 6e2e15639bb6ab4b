"""What is a repository, what may be opened, and what git says of it without running anything of it."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tools.filing import right_before_it_is_opened
from tests.tools.gitting import Place, snapshot
from tools.base import ToolError
from tools.gitrepo import Facts, find_work_tree, read_facts, work_tree_key
from tools.workspace import Repository

pytestmark = pytest.mark.anyio


@pytest.fixture
def shop(place: Place) -> Path:
    return place.repository("base/shop", {"a.txt": "one\n", "b.txt": "b\n"})


async def facts(place: Place, root: Path, *roots: Path, trusted: bool = False) -> Facts:
    repository = Repository(root.name, root, "write", trusted=trusted)
    return await read_facts(place.workspace(), repository, roots or (place.folder / "base",))


async def refusal(place: Place, root: Path, *roots: Path, trusted: bool = False) -> str:
    with pytest.raises(ToolError) as caught:
        await facts(place, root, *roots, trusted=trusted)
    assert caught.value.problem.hint
    return f"{caught.value.problem.kind}: {caught.value.problem.message}"


def finding(path: object, *roots: Path) -> str:
    with pytest.raises(ToolError) as caught:
        find_work_tree(str(path), roots)
    return f"{caught.value.problem.kind}: {caught.value.problem}"


def test_the_top_of_a_work_tree_is_found_through_symbolic_links(place: Place, shop: Path) -> None:
    link = place.folder / "link"
    link.symlink_to(shop)
    assert find_work_tree(str(shop), [place.folder / "base"]) == shop
    assert find_work_tree(f"{link}/../shop/.", [place.folder]) == shop


def test_what_is_no_work_tree_is_named_with_the_next_step(place: Place, shop: Path) -> None:
    base = place.folder / "base"
    place.write(shop, {"src/x.py": "x"})
    place.git(base, "init", "-q", "--bare", "bare.git")
    (base / "plain").mkdir()
    assert "not_found" in (said := finding(base / "gone", base))
    assert "does not exist" in said
    assert "is a file" in finding(shop / "a.txt", base)
    assert f"inside the repository {str(shop)!r}" in finding(shop / "src", base)
    assert "git init" in finding(base / "plain", base)
    assert "has no work tree" in finding(base / "bare.git", base)
    assert "has no work tree" in finding(shop / ".git", base)


@pytest.mark.parametrize("path", ["", "shop", "~/shop", "$HOME", "/a\0b", "/a\nb", "--upload-pack=x"])
def test_only_plain_absolute_paths_are_looked_at(path: str, place: Place) -> None:
    assert finding(path, place.folder).startswith("bad_input")


def test_a_folder_whose_name_begins_like_a_root_is_outside_of_it(place: Place, shop: Path) -> None:
    place.repository("base-evil", {"a": "1"})
    (shop.parent / "link").symlink_to(place.folder / "base-evil")
    assert "outside" in finding(place.folder / "base-evil", place.folder / "base")
    assert "outside" in finding(shop.parent / "link", place.folder / "base")
    assert "They are: none" in finding(shop)


@pytest.mark.requirement("R14")
async def test_facts_name_branch_head_and_changes_and_leave_every_byte(place: Place, shop: Path) -> None:
    place.write(shop, {"a.txt": "two\n", "new.txt": "x", "folder/y": "y", "added.txt": "z"})
    (shop / "b.txt").unlink()
    place.git(shop, "add", "added.txt")
    os.utime(shop / "a.txt", ns=(1, 1))
    before = snapshot(shop)
    found = await facts(place, shop)
    assert snapshot(shop) == before
    assert (found.status.branch, found.default_branch, found.operation) == ("main", "main", None)
    assert found.status.head == place.git(shop, "rev-parse", "HEAD").strip()
    assert [(c.path, c.state, c.staged) for c in found.status.changes] == [
        ("a.txt", "modified", False),
        ("added.txt", "added", True),
        ("b.txt", "deleted", False),
        ("folder/", "untracked", False),
        ("new.txt", "untracked", False),
    ]
    assert found.status.total == 5
    assert not found.is_worktree
    assert found.why_not_writable() is None


async def test_many_changes_are_counted_and_the_first_are_named(place: Place, shop: Path) -> None:
    place.write(shop, {f"f{number:03}.txt": "x" for number in range(250)})
    status = (await facts(place, shop)).status
    assert (len(status.changes), status.total) == (200, 250)


async def test_a_detached_head_has_a_commit_and_no_branch(place: Place, shop: Path) -> None:
    place.git(shop, "checkout", "-q", "--detach")
    found = await facts(place, shop)
    assert found.status.branch == ""
    assert found.status.head
    assert found.why_not_writable() is None


async def test_ahead_and_behind_are_told_of_a_branch_with_an_upstream(place: Place, shop: Path) -> None:
    clone = place.folder / "base" / "clone"
    place.git(place.folder, "clone", "-q", str(shop), str(clone))
    place.write(clone, {"mine": "1"})
    place.commit(clone, "mine")
    status = (await facts(place, clone)).status
    assert (status.upstream, status.ahead, status.behind) == ("origin/main", 1, 0)


async def test_the_default_branch_is_the_remotes_else_a_usual_name_else_the_only_one(place: Place, shop: Path) -> None:
    place.git(shop, "checkout", "-q", "-b", "feature")
    assert (await facts(place, shop)).default_branch == "main"
    place.git(shop, "branch", "-m", "main", "mine")
    assert (await facts(place, shop)).default_branch == ""
    place.git(shop, "branch", "-D", "mine")
    assert (await facts(place, shop)).default_branch == "feature"
    place.git(shop, "update-ref", "refs/remotes/origin/next", "HEAD")
    place.git(shop, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/next")
    assert (await facts(place, shop)).default_branch == "next"


async def test_a_repository_without_commits_is_not_for_writing(place: Place) -> None:
    root = place.repository("base/empty", {})
    found = await facts(place, root)
    assert found.status.head == ""
    assert found.status.branch == "main"
    assert (why := found.why_not_writable()) is not None
    assert why.message == "'empty' has no commits yet."


@pytest.mark.parametrize(
    ("commands", "operation"),
    [
        ([["merge", "side"]], "merge"),
        ([["rebase", "side"]], "rebase"),
        ([["rebase", "--apply", "side"]], "rebase"),
        ([["cherry-pick", "side"]], "cherry-pick"),
        ([["revert", "HEAD~1"]], "revert"),
        ([["bisect", "start"]], "bisect"),
    ],
)
async def test_an_operation_in_progress_is_named_and_keeps_agents_out(
    commands: list[list[str]], operation: str, place: Place, shop: Path
) -> None:
    place.diverge(shop)
    if operation == "revert":
        place.write(shop, {"a.txt": "later\n"})
        place.commit(shop, "later")
    for words in commands:
        place.git(shop, *words, check=False)
    found = await facts(place, shop)
    assert found.operation == operation
    assert (why := found.why_not_writable()) is not None
    assert f"in the middle of a {operation}" in why.message
    assert f"git {operation} " in why.hint


async def test_conflicts_that_a_stash_left_keep_agents_out(place: Place, shop: Path) -> None:
    place.write(shop, {"a.txt": "stashed\n"})
    place.git(shop, "stash")
    place.write(shop, {"a.txt": "other\n"})
    place.commit(shop, "other")
    place.git(shop, "stash", "pop", check=False)
    found = await facts(place, shop)
    assert found.operation is None
    assert (why := found.why_not_writable()) is not None
    assert "'a.txt'" in why.message


@pytest.mark.requirement("R20")
async def test_each_work_tree_of_a_repository_has_a_key_of_its_own(place: Place, shop: Path) -> None:
    other = place.folder / "base" / "tree"
    place.git(shop, "worktree", "add", "-q", str(other), "-b", "tree")
    main, linked = await facts(place, shop), await facts(place, other)
    assert linked.is_worktree
    assert linked.status.branch == "tree"
    assert linked.place.common == main.place.common
    assert work_tree_key(main) != work_tree_key(linked)
    assert work_tree_key(main) == work_tree_key(await facts(place, shop))


async def test_a_submodule_is_a_repository_of_its_own(place: Place, shop: Path) -> None:
    library = place.repository("library", {"lib.txt": "lib\n"})
    place.git(shop, "submodule", "add", "-q", str(library), "lib")
    assert (await facts(place, shop / "lib")).status.branch == "main"
    tree = place.folder / "base" / "tree"
    place.commit(shop, "with submodule")
    place.git(shop, "worktree", "add", "-q", str(tree))
    place.git(tree, "submodule", "update", "-q", "--init")
    assert (await facts(place, tree / "lib")).status.head == (await facts(place, shop / "lib")).status.head


def write_link(root: Path, to: object) -> None:
    (root / ".git").write_text(f"gitdir: {to}\n", encoding="utf-8")


async def test_a_git_file_that_points_to_a_strange_repository_is_refused(place: Place, shop: Path) -> None:
    other = place.folder / "base" / "other"
    other.mkdir()
    write_link(other, shop / ".git")
    assert "does not point back" in await refusal(place, other)
    write_link(other, place.folder / "nowhere")
    assert "missing" in await refusal(place, other)
    for text in ("", "frotz", "gitdir: a\nb\n", "gitdir: " + "x" * 9000):
        (other / ".git").write_text(text, encoding="utf-8")
        assert "gitdir" in await refusal(place, other)
    evil = other / "mine"
    place.git(other.parent, "init", "-q", "--bare", str(evil))
    (evil / "commondir").write_text(str(shop / ".git"), encoding="utf-8")
    (evil / "gitdir").write_text(str(other / ".git"), encoding="utf-8")
    write_link(other, evil)
    assert "does not point back" in await refusal(place, other)


async def test_a_separate_git_folder_is_followed_only_when_trusted(place: Place) -> None:
    root = place.folder / "base" / "apart"
    root.mkdir(parents=True)
    place.git(root, "init", "-q", "--separate-git-dir", str(place.folder / "base" / "kept"))
    assert "does not point back" in await refusal(place, root)
    assert (await facts(place, root, trusted=True)).status.total == 0


async def test_a_worktree_of_a_repository_outside_the_roots_is_refused(place: Place, shop: Path) -> None:
    outside = place.repository("outside", {"secret.txt": "s"})
    tree = place.folder / "base" / "tree"
    place.git(outside, "worktree", "add", "-q", str(tree))
    assert "outside what may be opened" in await refusal(place, tree)
    assert (await facts(place, tree, place.folder)).is_worktree


def link_git(place: Place, root: Path) -> None:
    (root / ".git").rename(place.folder / "moved")
    (root / ".git").symlink_to(place.folder / "moved")


def pipe_for_git(_place: Place, root: Path) -> None:
    (root / ".git").rename(root / "old")
    os.mkfifo(root / ".git")


def borrow_by_commondir(place: Place, root: Path) -> None:
    (root / ".git" / "commondir").write_text(str(place.folder / "outside" / ".git"), encoding="utf-8")


def borrow_objects(place: Place, root: Path) -> None:
    alternates = root / ".git" / "objects" / "info" / "alternates"
    alternates.parent.mkdir(exist_ok=True)
    alternates.write_text(f"# theirs\n{place.folder}/outside/.git/objects\n", encoding="utf-8")


def borrow_by_relative_alternates(_place: Place, root: Path) -> None:
    alternates = root / ".git" / "objects" / "info" / "alternates"
    alternates.parent.mkdir(exist_ok=True)
    alternates.write_text("../../../../outside/.git/objects\n", encoding="utf-8")


def link_objects(place: Place, root: Path) -> None:
    (root / ".git" / "objects" / "ff").symlink_to(place.folder / "outside" / ".git" / "objects" / "pack")


def link_refs(place: Place, root: Path) -> None:
    (root / ".git" / "packed-refs").symlink_to(place.folder / "outside" / ".git" / "packed-refs")


def config_is_a_pipe(_place: Place, root: Path) -> None:
    (root / ".git" / "config").unlink()
    os.mkfifo(root / ".git" / "config")


def config_is_broken(_place: Place, root: Path) -> None:
    (root / ".git" / "config").write_text("[core\n\x1b[31m", encoding="utf-8")


def objects_are_gone(_place: Place, root: Path) -> None:
    (root / ".git" / "objects").rename(root / "gone")


def not_there(_place: Place, root: Path) -> None:
    (root / ".git").rename(root / "gone")


Damage = Callable[[Place, Path], None]
DAMAGES: list[Damage] = [
    *(link_git, pipe_for_git, borrow_by_commondir, borrow_objects, borrow_by_relative_alternates),
    *(link_objects, link_refs, config_is_a_pipe, config_is_broken, objects_are_gone, not_there),
]


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_repository_that_leads_elsewhere_or_is_damaged_is_refused_in_one_line(
    damage: Damage, place: Place, shop: Path
) -> None:
    place.repository("outside", {"secret.txt": "s"})
    assert (await facts(place, shop)).status.head
    damage(place, shop)
    said = await refusal(place, shop)
    assert said.isprintable()
    assert said.split(":")[0] in ("refused", "not_found")


async def test_a_shared_clone_is_accepted_when_both_are_inside_the_roots(place: Place, shop: Path) -> None:
    clone = place.folder / "base" / "clone"
    place.git(shop, "clone", "-q", "--shared", str(shop), str(clone))
    assert (await facts(place, clone)).status.head
    assert "outside" in await refusal(place, clone, clone)


async def test_a_shallow_and_partial_clone_is_read_without_fetching(place: Place, shop: Path) -> None:
    place.git(shop, "config", "uploadpack.allowFilter", "true")
    clone = place.folder / "base" / "clone"
    place.git(shop, "clone", "-q", "--depth=1", "--filter=blob:none", f"file://{shop}", str(clone))
    place.git(clone, "config", "remote.origin.uploadpack", str(place.mark("uploadpack", copies=False)))
    assert (await facts(place, clone)).status.total == 0
    assert place.ran() == ""


def lfs_pointer(content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n"


async def test_a_large_file_that_is_what_its_pointer_says_has_not_changed(place: Place) -> None:
    contents = {"same.bin": b"same", "changed.bin": b"before", "gone.bin": b"x"}
    pointers = {name: lfs_pointer(content) for name, content in contents.items()}
    root = place.repository("base/lfs", {**pointers, ".gitattributes": "*.bin filter=lfs -text\n"})
    place.write(root, {"same.bin": b"same", "changed.bin": b"after!"})
    (root / "gone.bin").unlink()
    status = (await facts(place, root)).status
    assert [(change.path, change.state) for change in status.changes] == [
        ("changed.bin", "modified"),
        ("gone.bin", "deleted"),
    ]
    assert status.filtered == []
    (root / "same.bin").unlink()
    os.mkfifo(root / "same.bin")
    assert (await facts(place, root)).status.total == 3


async def test_a_large_file_that_is_gone_before_it_is_compared_has_changed(place: Place) -> None:
    root = place.repository("base/lfs", {"a.bin": lfs_pointer(b"same"), ".gitattributes": "*.bin filter=lfs -text\n"})
    place.write(root, {"a.bin": b"same"})
    with right_before_it_is_opened("a.bin", (root / "a.bin").unlink):
        assert (await facts(place, root)).status.total == 1


async def test_a_file_behind_a_filter_that_is_not_run_is_named_as_unknown(place: Place) -> None:
    files = {"secret.txt": "sealed", "plain.txt": "x", ".gitattributes": "secret.txt filter=git-crypt\n"}
    root = place.repository("base/sealed", files)
    place.write(root, {"secret.txt": "opened", "plain.txt": "y"})
    status = (await facts(place, root)).status
    assert [change.path for change in status.changes] == ["plain.txt"]
    assert status.filtered == ["secret.txt"]


async def test_names_that_are_no_text_and_types_that_changed_are_told(place: Place, shop: Path) -> None:
    place.write(shop, {os.fsdecode(b"n\xff.txt"): "x"})
    (shop / "a.txt").unlink()
    (shop / "a.txt").symlink_to("b.txt")
    status = (await facts(place, shop)).status
    assert [(change.path, change.state) for change in status.changes] == [
        ("a.txt", "type_changed"),
        ("n\\xff.txt", "untracked"),
    ]
