"""The `repo_*` tools: names and paths that mean a repository, sessions that remember one, and nothing outside."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.mcp_server.door import door, structured, task, text_of
from tests.tools.gitting import snapshot

pytestmark = pytest.mark.anyio


@pytest.fixture
def source(make_repository: Callable[..., Path]) -> Path:
    """A folder with the server's own repository `shop`, and `portal` beside it."""
    make_repository("src/portal", {"b": "0"})
    return make_repository("src/shop", {"README.md": "a shop\n"}).parent


async def test_repositories_are_listed_by_name_with_the_servers_own(source: Path) -> None:
    async with door(source) as at:
        found = await at.told("repo_list")
    assert [entry["repo"] for entry in found["repositories"]] == ["portal", "shop"]
    shop = found["repositories"][1]
    head = run_git(source / "shop", "rev-parse", "HEAD").strip()
    place = {"repo": "shop", "root": str(source / "shop"), "trusted": False, "home": True}
    assert shop == {**place, "branch": "main", "head": head, "dirty": 0, "issues": False}


async def test_a_list_tells_what_is_in_each_repository_and_which_may_not_be_opened(
    source: Path, make_repository: Callable[..., Path]
) -> None:
    busy = make_repository("src/busy", {"test_x.py": "", "issues/1.md": "# One\n", "conftest.py": ""})
    (busy / "new").write_text("x")
    run_git(busy, "checkout", "-q", "-b", "topic")
    evil = make_repository("src/evil", {"a": "1"})
    run_git(evil, "config", "evil.program", "x")
    async with door(source) as at:
        found = {one["repo"]: one for one in (await at.told("repo_list"))["repositories"]}
    told = {name: found["busy"][name] for name in ("branch", "dirty", "runner", "issues")}
    assert told == {"branch": "topic", "dirty": 1, "runner": "pytest", "issues": True}
    assert "evil.program" in found["evil"]["refused"] and "branch" not in found["evil"]


async def test_an_excluded_folder_is_neither_listed_nor_opened(source: Path) -> None:
    async with door(source, FACTOR12_EXCLUDED_ROOTS=str(source / "portal")) as at:
        assert [one["repo"] for one in (await at.told("repo_list"))["repositories"]] == ["shop"]
        for wanted in ("portal", str(source / "portal")):
            assert (await at.problem("repo_switch", repo=wanted))["kind"] in ("not_found", "refused")


async def test_a_switch_opens_a_session_that_later_calls_work_in_until_it_is_restored(source: Path) -> None:
    async with door(source) as at:
        switched = await at.told("repo_switch", repo="portal")
        session = switched["session"]
        assert switched["repo"] == "portal" and switched["branch"] == "main" and switched["dirty_total"] == 0
        assert (await at.told("repo_switch", repo="portal", session=session))["session"] == session
        await at.told("errand", session=session, **task("add a 2"))
        assert (source / "portal/a").read_text() == "2" and not (source / "shop" / "a").exists()
        assert (await at.told("repo_current", session=session))["repo"] == "portal"
        assert (await at.told("repo_restore", session=session))["repo"] == "shop"
        assert (await at.problem("repo_restore", session=session))["kind"] == "conflict"
        assert (await at.told("repo_current"))["repo"] == "shop"


async def test_a_repository_is_named_by_its_name_a_relative_or_an_absolute_path(source: Path) -> None:
    portal = source / "portal"
    async with door(source) as at:
        for wanted in ("portal", "../portal", str(portal)):
            assert (await at.told("repo_switch", repo=wanted))["root"] == str(portal)


@pytest.mark.requirement("R15")
@pytest.mark.parametrize(
    ("wanted", "kind", "names"),
    [
        ("portl", "not_found", "portal"),
        ("", "bad_input", "folder"),
        ("a\nb", "bad_input", "folder"),
        ("x" * 5000, "bad_input", "folder"),
        ("/", "refused", "FACTOR12_ALLOWED_ROOTS"),
        ("../../outside", "refused", "FACTOR12_ALLOWED_ROOTS"),
        ("link", "refused", "FACTOR12_ALLOWED_ROOTS"),
    ],
)
async def test_what_is_no_repository_inside_is_refused_with_the_next_step(
    source: Path, make_repository: Callable[..., Path], wanted: str, kind: str, names: str
) -> None:
    outside = make_repository("outside", {"a": "1"})
    (source / "link").symlink_to(outside)
    async with door(source) as at:
        refused = await at.problem("repo_switch", repo=wanted)
        assert refused["kind"] == kind and names in refused["hint"], refused
        assert (await at.told("repo_switch", repo="portal"))["repo"] == "portal"


async def test_equal_names_get_their_parents_and_the_bare_name_is_ambiguous(
    source: Path, make_repository: Callable[..., Path]
) -> None:
    twin = make_repository("other/portal", {"a": "1"})
    async with door(source, FACTOR12_ALLOWED_ROOTS=(twin.parent,)) as at:
        assert [one["repo"] for one in (await at.told("repo_list"))["repositories"]] == [
            "other/portal",
            "shop",
            "src/portal",
        ]
        assert (await at.problem("repo_switch", repo="portal"))["kind"] == "ambiguous"
        assert (await at.told("repo_switch", repo="other/portal"))["root"] == str(twin)


async def test_outside_of_any_repository_one_must_be_named(source: Path) -> None:
    async with door(source, home=".") as at:
        nowhere = await at.problem("errand", **task("peek b"))
        assert nowhere["kind"] == "bad_input" and "portal" in nowhere["hint"]
        assert (await at.told("errand", repo="portal", **task("peek b")))["output"]["results"] == {"0:peek": "0"}
        session = (await at.told("repo_switch", repo="portal"))["session"]
        assert "repo" not in (await at.told("repo_restore", session=session))


async def test_a_folder_without_repositories_says_how_to_set_one(tmp_path: Path) -> None:
    async with door(tmp_path, home=".") as at:
        found = await at.told("repo_list")
        assert found["repositories"] == [] and "SISTER_REPO_BASE_PATH" in found["next"]
    async with door(tmp_path, home=".", SISTER_REPO_BASE_PATH=tmp_path / "missing") as at:
        assert (await at.told("repo_list"))["repositories"] == []


async def test_what_a_session_works_on_is_told_in_the_words_of_orchestrators(source: Path) -> None:
    portal = source / "portal"
    run_git(portal, "remote", "add", "origin", "https://ada:secret@github.com/acme/portal.git")
    (portal / "issues").mkdir()
    (portal / "issues/7.md").write_text("# Issue #7: Nothing to do\n")
    async with door(source, toys=False) as at:
        session = (await at.told("repo_switch", repo="portal"))["session"]
        done = await at.told("issue_fixer", issue="7", session=session)
        told = (await at.told("repo_current", session=session))["context"]
        assert told == {
            "repo_name": "portal",
            "repo_path": str(portal),
            "repo_url": "https://github.com/acme/portal.git",
            "source_repo": "shop",
            "working_directory": str(portal),
            "is_external": True,
            "parent": "shop",
            "workflow_id": session,
            "metadata": {"depth": 1},
            "issue_number": 7,
            "issue_url": "https://github.com/acme/portal/issues/7",
            "trace_id": done["thread_id"],
        }
        await at.told("repo_switch", repo="shop", session=session)
        back = (await at.told("repo_current", session=session))["context"]
        assert (back["is_external"], back["parent"], back["metadata"]) == (False, "portal", {"depth": 2})
        assert "repo_url" not in back and "trace_id" not in back


@pytest.mark.requirement("R21")
async def test_a_thread_in_a_folder_that_is_no_longer_allowed_is_not_driven(source: Path) -> None:
    async with door(source) as at:
        asked = await at.told("errand", repo="portal", **task("ask", "add a 2"))
    async with door(source, SISTER_REPO_BASE_PATH=source / "elsewhere") as at:
        answered = await at.call("thread_answer", thread_id=asked["thread_id"], key="0:ask", answer="x")
        assert "refused" in text_of(answered) or structured(answered)["status"] == "interrupted", text_of(answered)
    assert not (source / "portal/a").exists()


@pytest.mark.requirement("R14")
async def test_tools_that_only_read_leave_a_repository_byte_identical(source: Path) -> None:
    (source / "shop" / "README.md").write_text("changed\n")
    (source / "shop" / "new.txt").write_text("untracked\n")
    run_git(source / "shop", "add", "README.md")
    os.utime(source / "shop" / "README.md", (1, 1))  # git would like to refresh its index
    before = snapshot(source / "shop")
    async with door(source, toys=False) as at:
        tools = [tool for tool in (await at.client.list_tools()).tools if tool.annotations]
        reading = [tool.name for tool in tools if tool.annotations and tool.annotations.read_only_hint]
        of_threads = {"thread_history", "checkpoint_list", "checkpoint_diff"}
        assert of_threads < set(reading)
        seen = [await at.told(name) for name in reading if name not in of_threads]
        switched = await at.told("repo_switch", repo="shop")
    assert len(seen) == 4 and switched["dirty_total"] == 2
    assert snapshot(source / "shop") == before


async def test_where_there_is_none_the_folder_that_was_searched_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty" / "deeper").mkdir(parents=True)
    async with door(tmp_path / "empty", home="deeper") as at:
        missing = await at.problem("repo_switch", repo="shop")
    assert missing["kind"] == "not_found" and str(tmp_path / "empty") in missing["hint"]
    assert "SISTER_REPO_BASE_PATH" in missing["hint"]


async def test_of_many_repositories_some_are_named_and_the_rest_are_counted(
    source: Path, make_repository: Callable[..., Path]
) -> None:
    for letter in "abcd":
        make_repository(f"src/{letter}", {"x": "1"})
    async with door(source) as at:
        problem = await at.problem("repo_switch", repo="zzzzzz")
        near = await at.problem("repo_switch", repo="shpo")
    assert problem["hint"] == "There are: a, b, c, d, portal and 1 more."
    assert near["hint"] == "Did you mean shop?"
