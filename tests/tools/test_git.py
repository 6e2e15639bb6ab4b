"""The tools that read history: bounded, typed, never an option from a value, and not a byte is written."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.gitting import Place, look, snapshot
from tools.base import ToolError
from tools.git import MOST_FILES, TEXT_LIMIT, git_diff, git_log, git_show, git_status
from tools.gitnames import branch_name, relative_path, resolve

pytestmark = pytest.mark.anyio

HOSTILE = [
    "--output=/tmp/x",
    "-c core.fsmonitor=x",
    "--upload-pack=x",
    "-oProxyCommand=x",
    "ext::sh -c x",
    "$(touch x)",
    "`touch x`",
    "main; touch x",
    "main\nHEAD",
    "main\0",
    "",
    " ",
    "HEAD:a.txt",
    ":/start",
    "^main",
    "main^{/x}",
    "@{-1}x y",
    "\ud800",
    "m" * 251,
    "main*",
    "[main]",
    "a\\b",
]


@pytest.fixture
def shop(place: Place) -> Path:
    root = place.repository("shop", {"a.txt": "one\n", "src/b.txt": "b\n", "-p.txt": "p\n"})
    place.write(root, {"a.txt": "two\n"})
    place.commit(root, "Second: größer\n\nBecause.\n")
    place.git(root, "tag", "v1.0")
    return root


async def fails(place: Place, root: Path, tool: Any, **args: object) -> str:
    with pytest.raises(ToolError) as caught:
        await look(tool, place.workspace(root), **args)
    assert caught.value.problem.message.isprintable()
    return f"{caught.value.problem.kind}: {caught.value.problem.message}"


async def test_status_names_branch_head_and_changes(place: Place, shop: Path) -> None:
    place.write(shop, {"a.txt": "three\n"})
    status = await look(git_status, place.workspace(shop, mode="read"))
    assert status["branch"] == "main"
    assert status["changes"] == [{"path": "a.txt", "state": "modified", "staged": False}]


async def test_diff_compares_the_work_tree_with_a_commit(place: Place, shop: Path) -> None:
    place.write(shop, {"a.txt": "three\nfour\n", "pic": b"\0\1", "new.txt": "n"})
    place.git(shop, "add", "pic")
    patch = await look(git_diff, place.workspace(shop))
    assert patch["files"] == [
        {"path": "a.txt", "added": 2, "removed": 1, "binary": False},
        {"path": "pic", "added": 0, "removed": 0, "binary": True},
    ]
    assert "-two\n+three\n+four\n" in patch["text"]
    assert patch["untracked"] == ["new.txt"]
    assert not patch["truncated"]
    earlier = await look(git_diff, place.workspace(shop), base="HEAD~1", paths=["a.txt"], stat=True)
    assert earlier["text"] == ""
    assert [change["path"] for change in earlier["files"]] == ["a.txt"]


async def test_diff_of_a_range_leaves_the_work_tree_out(place: Place, shop: Path) -> None:
    place.git(shop, "checkout", "-q", "-b", "side", "HEAD~1")
    place.write(shop, {"side.txt": "s\n"})
    place.commit(shop, "side")
    place.write(shop, {"side.txt": "uncommitted\n"})
    two = await look(git_diff, place.workspace(shop), base="main..side")
    three = await look(git_diff, place.workspace(shop), base="main...")
    assert [change["path"] for change in two["files"]] == ["a.txt", "side.txt"]
    assert [change["path"] for change in three["files"]] == ["side.txt"]
    assert "uncommitted" not in three["text"]


async def test_diff_leaves_out_what_passes_through_a_filter_and_says_so(place: Place, shop: Path) -> None:
    place.write(shop, {".gitattributes": "*.bin filter=lfs -text\n", "x.bin": "pointer\n"})
    place.commit(shop, "filtered")
    place.write(shop, {"x.bin": "content\n"})
    only = await look(git_diff, place.workspace(shop))
    assert (only["files"], only["text"], only["filtered"]) == ([], "", ["x.bin"])
    place.write(shop, {"a.txt": "three\n"})
    both = await look(git_diff, place.workspace(shop))
    assert [change["path"] for change in both["files"]] == ["a.txt"]
    assert "content" not in both["text"]


async def test_a_long_diff_is_cut_and_says_so(place: Place, shop: Path) -> None:
    place.write(shop, {"a.txt": "line\n" * TEXT_LIMIT})
    patch = await look(git_diff, place.workspace(shop))
    assert len(patch["text"]) == TEXT_LIMIT
    assert patch["truncated"]
    place.write(shop, {f"many/{number}": "x" for number in range(MOST_FILES + 1)})
    place.git(shop, "add", "many")
    patch = await look(git_diff, place.workspace(shop), paths=["many/"], stat=True)
    assert len(patch["files"]) == MOST_FILES
    assert patch["truncated"]


async def test_log_lists_commits_with_their_parts(place: Place, shop: Path) -> None:
    log = await look(git_log, place.workspace(shop))
    second, first = log["commits"]
    assert (second["subject"], second["body"]) == ("Second: größer", "Because.")
    assert second["parents"] == [first["id"]]
    assert second["email"] == "test@example.org"
    assert second["date"].startswith("2023-11-14T")
    assert (await look(git_log, place.workspace(shop), path="src"))["commits"] == [first]
    assert (await look(git_log, place.workspace(shop), ref="HEAD~1..v1.0"))["commits"] == [second]
    assert (await look(git_log, place.workspace(shop), limit=1))["commits"] == [second]


async def test_show_gives_a_commits_patch_or_a_files_content(place: Place, shop: Path) -> None:
    shown = await look(git_show, place.workspace(shop), ref="v1.0")
    assert "-one\n+two\n" in shown["text"]
    assert shown["commit"]["subject"] == "Second: größer"
    file = await look(git_show, place.workspace(shop), ref="HEAD~1", path="a.txt")
    assert (file["text"], file["size"], file["binary"], file["truncated"]) == ("one\n", 4, False, False)
    assert (await look(git_show, place.workspace(shop), ref="HEAD", path="-p.txt"))["text"] == "p\n"


async def test_show_of_large_binary_and_absent_files_says_what_they_are(place: Place, shop: Path) -> None:
    place.write(shop, {"big.txt": "x" * (TEXT_LIMIT + 1), "pic": b"\0\1"})
    place.commit(shop, "more")
    big = await look(git_show, place.workspace(shop), ref="HEAD", path="big.txt")
    assert (len(big["text"]), big["size"], big["truncated"]) == (TEXT_LIMIT, TEXT_LIMIT + 1, True)
    picture = await look(git_show, place.workspace(shop), ref="HEAD", path="pic")
    assert (picture["text"], picture["binary"]) == ("", True)
    assert "There is no 'gone.txt'" in await fails(place, shop, git_show, ref="HEAD", path="gone.txt")
    assert "is a tree" in await fails(place, shop, git_show, ref="HEAD", path="src/")


@pytest.mark.requirement("R14")
async def test_every_read_tool_leaves_the_repository_byte_identical(place: Place, shop: Path) -> None:
    place.write(shop, {"a.txt": "three\n", "new.txt": "n"})
    os.utime(shop / "src" / "b.txt", ns=(1, 1))
    before = snapshot(shop)
    workspace = place.workspace(shop, mode="read")
    await look(git_status, workspace)
    await look(git_diff, workspace, base="HEAD~1")
    await look(git_log, workspace, path="a.txt")
    await look(git_show, workspace, ref="HEAD")
    await look(git_show, workspace, ref="HEAD", path="a.txt")
    assert snapshot(shop) == before


@pytest.mark.parametrize("ref", HOSTILE)
async def test_a_revision_is_a_name_and_nothing_else(ref: str, place: Place, shop: Path) -> None:
    before = snapshot(shop)
    for tool, name in ((git_diff, "base"), (git_log, "ref"), (git_show, "ref")):
        assert await fails(place, shop, tool, **{name: ref})
    assert snapshot(shop) == before


@pytest.mark.parametrize("ref", ["main", "HEAD", "@", "HEAD~1", "main^", "v1.0^{commit}", "main@{0}", "größe/x#1"])
async def test_the_usual_forms_of_a_revision_are_understood(ref: str, place: Place, shop: Path) -> None:
    place.git(shop, "branch", "größe/x#1")
    workspace = place.workspace(shop)
    assert len(await resolve(workspace, workspace.repository(), ref)) == 40


async def test_an_unknown_revision_is_named(place: Place, shop: Path) -> None:
    assert await fails(place, shop, git_log, ref="gone") == "not_found: 'gone' names no commit in 'shop'."
    assert "not_found" in await fails(place, place.repository("empty", {}), git_diff)


@pytest.mark.parametrize(
    "path", ["../x", "/etc/passwd", ".git/config", "a\0b", "a\nb", "src/../../x", "a//b", ".GIT/x"]
)
async def test_a_path_stays_in_the_repository(path: str, place: Place, shop: Path) -> None:
    assert await look(git_diff, place.workspace(shop), paths=["src/b.txt"])
    for tool, args in (
        (git_diff, {"paths": [path]}),
        (git_log, {"path": path}),
        (git_show, {"ref": "main", "path": path}),
    ):
        assert await fails(place, shop, tool, **args)


async def test_too_many_paths_and_another_repository_are_refused(place: Place, shop: Path) -> None:
    assert "too many" in await fails(place, shop, git_diff, paths=["a.txt"] * 201)
    assert "not part of" in await fails(place, shop, git_status, repo="--git-dir=/etc")
    assert "limit" in await fails(place, shop, git_log, limit=0)


@pytest.mark.parametrize(
    "name",
    ["-x", "a..b", "a.lock", "/a", "a/", "a//b", ".a", "a b", "a~1", "a:b", "@", "a@{1}", "refs/heads/x", "HEAD"],
)
async def test_a_branch_gets_only_a_name_that_git_accepts(name: str, place: Place, shop: Path) -> None:
    workspace = place.workspace(shop)
    assert await branch_name(workspace, workspace.repository(), "agent/issue-7") == "agent/issue-7"
    with pytest.raises(ToolError, match="is not a name for a branch"):
        await branch_name(workspace, workspace.repository(), name)


@given(st.text(max_size=30))
@settings(max_examples=200)
def test_no_accepted_path_climbs_or_enters_git(path: str) -> None:
    try:
        parts = relative_path(path).split("/")
    except ToolError:
        return
    assert not {"", ".", "..", ".git"} & set(parts)
