"""The `repo_*` tools: names and paths that mean a repository, sessions that remember one, and nothing outside."""

import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from tests.agents.runtime.toys import lines
from tests.conftest import run_git
from tests.mcp_server.hosting import Door, call, real

pytestmark = pytest.mark.anyio


async def test_repositories_are_listed_by_name_with_the_servers_own(door: Door) -> None:
    async with door.client() as client:
        found = await call(client, "repo_list")
    assert [entry["repo"] for entry in found["repositories"]] == ["portal", "shop"]
    assert found["repositories"][1] == {"repo": "shop", "root": str(door.home), "trusted": False, "home": True}


async def test_a_switch_opens_a_session_that_later_calls_work_in_until_it_is_restored(door: Door) -> None:
    async with door.client() as client:
        switched = await call(client, "repo_switch", repo="portal")
        session = switched["session"]
        assert switched["repo"] == "portal" and switched["branch"] == "main" and switched["dirty_total"] == 0
        assert (await call(client, "repo_switch", repo="portal", session=session))["session"] == session
        await call(client, "errand", session=session, **lines("add a 2"))
        assert (door.folder / "src/portal/a").read_text() == "2" and not (door.home / "a").exists()
        assert (await call(client, "repo_current", session=session))["repo"] == "portal"
        assert (await call(client, "repo_restore", session=session))["repo"] == "shop"
        assert (await call(client, "repo_restore", session=session)).kind == "conflict"
        assert (await call(client, "repo_current"))["repo"] == "shop"


async def test_a_repository_is_named_by_its_name_a_relative_or_an_absolute_path(door: Door) -> None:
    portal = door.folder / "src/portal"
    async with door.client() as client:
        for wanted in ("portal", "../portal", str(portal)):
            assert (await call(client, "repo_switch", repo=wanted))["root"] == str(portal)


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
    door: Door, make_repository: Callable[..., Path], wanted: str, kind: str, names: str
) -> None:
    outside = make_repository("outside", {"a": "1"})
    (door.folder / "src/link").symlink_to(outside)
    async with door.client() as client:
        refused = await call(client, "repo_switch", repo=wanted)
        assert refused.kind == kind and names in refused["next"], refused.text
        assert (await call(client, "repo_switch", repo="portal"))["repo"] == "portal"


async def test_equal_names_get_their_parents_and_the_bare_name_is_ambiguous(
    door: Door, make_repository: Callable[..., Path]
) -> None:
    twin = make_repository("other/portal", {"a": "1"})
    door.settings["allowed_roots"] = (door.folder / "other",)
    async with door.client() as client:
        assert [one["repo"] for one in (await call(client, "repo_list"))["repositories"]] == [
            "other/portal",
            "shop",
            "src/portal",
        ]
        assert (await call(client, "repo_switch", repo="portal")).kind == "ambiguous"
        assert (await call(client, "repo_switch", repo="other/portal"))["root"] == str(twin)


async def test_outside_of_any_repository_one_must_be_named(door: Door) -> None:
    door.home = door.folder
    async with door.client() as client:
        nowhere = await call(client, "errand", **lines("peek b"))
        assert nowhere.kind == "bad_input" and "portal" in nowhere["next"]
        assert (await call(client, "errand", repo="portal", **lines("peek b")))["output"]["results"] == {"0:peek": "0"}
        session = (await call(client, "repo_switch", repo="portal"))["session"]
        assert "repo" not in (await call(client, "repo_restore", session=session)).fields


async def test_a_folder_without_repositories_says_how_to_set_one(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    async with Door(tmp_path, tmp_path / "src").client() as client:
        found = await call(client, "repo_list")
        assert found["repositories"] == [] and "SISTER_REPO_BASE_PATH" in found["next"]
    async with Door(tmp_path, tmp_path / "src", settings={"base_path": tmp_path / "missing"}).client() as client:
        assert (await call(client, "repo_list"))["repositories"] == []


@pytest.mark.requirement("R21")
async def test_a_thread_in_a_folder_that_is_no_longer_allowed_is_not_driven(door: Door) -> None:
    async with door.client() as client:
        asked = await call(client, "errand", repo="portal", **lines("ask", "add a 2"))
    door.settings["base_path"] = door.folder / "elsewhere"
    async with door.client() as client:
        answered = await call(client, "thread_answer", thread_id=asked["thread_id"], key="0:ask", answer="x")
        assert "refused" in answered.text or answered["status"] == "interrupted", answered.text
    assert not (door.folder / "src/portal/a").exists()


def contents(root: Path) -> dict[str, tuple[int, str]]:
    """Return every file of a repository, git's own included, with its mode and digest."""
    found = (Path(folder) / name for folder, _, names in os.walk(root) for name in names)
    return {str(path): (path.stat().st_mode, sha256(path.read_bytes()).hexdigest()) for path in found}


@pytest.mark.requirement("R14")
async def test_tools_that_only_read_leave_a_repository_byte_identical(door: Door, tmp_path: Path) -> None:
    (door.home / "README.md").write_text("changed\n")
    (door.home / "new.txt").write_text("untracked\n")
    run_git(door.home, "add", "README.md")
    os.utime(door.home / "README.md", (1, 1))  # git would like to refresh its index
    before = contents(door.home)
    async with real(tmp_path, door.home).client() as client:
        tools = [tool for tool in (await client.list_tools()).tools if tool.annotations]
        reading = [tool.name for tool in tools if tool.annotations and tool.annotations.read_only_hint]
        assert len(reading) == 5
        seen = [await call(client, name) for name in reading if name != "thread_history"]
        switched = await call(client, "repo_switch", repo="shop")
    assert not any(said.is_error for said in seen)
    assert switched["dirty_total"] == 2
    assert contents(door.home) == before
