"""`factor12 repo`: what may be used, what a session means, and trust that a person gives."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mcp_server.shell import Shell, open_shell


@pytest.fixture
def shop(make_repository: Callable[..., Path], tmp_path: Path) -> Shell:
    """A shell in `shop`, with `portal` beside it, whose person trusts nothing yet."""
    make_repository("src/portal", {"README.md": "portal\n"})
    return open_shell(make_repository, tmp_path).wary()


def test_the_repositories_beside_this_one_are_listed(shop: Shell) -> None:
    listed = shop.quick("repo", "list", "--json").json
    assert [(each["repo"], each["trusted"]) for each in listed] == [("portal", False), ("shop", False)]
    told = shop.quick("repo", "list").out
    assert re.search(r"portal +main +0", told) and re.search(r"shop +main +0 +unittest", told)


def test_a_session_goes_back_to_where_it_came_from(shop: Shell) -> None:
    session = shop.quick("repo", "switch", "portal", "--json").json["session"]
    assert shop.quick("repo", "restore", "--session", session, "--json").json["repo"] == "shop"
    assert "switched nowhere" in shop.quick("repo", "restore", "--session", session).complaint


def test_where_there_is_none_the_list_says_what_to_set(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    shell = Shell(empty, tmp_path / "state")
    assert "SISTER_REPO_BASE_PATH" in shell.quick("repo", "list").out


def test_a_session_that_switched_works_in_the_other_repository(shop: Shell) -> None:
    switched = shop.quick("repo", "switch", "../portal", "--json").json
    assert switched["root"] == str(shop.folder.parent / "portal") and switched["branch"] == "main"
    session = switched["session"]
    assert shop.quick("repo", "current", "--session", session, "--json").json["repo"] == "portal"
    ran = shop.quick("run", "testing", "--session", session, "--json").json
    shown = shop.quick("threads", "list", "--session", session, "--json").json
    assert [(row["repo"], row["thread_id"]) for row in shown] == [("portal", ran["thread_id"])]


def test_without_a_session_the_repository_one_stands_in_is_meant(shop: Shell) -> None:
    shop.quick("repo", "switch", "portal")
    current = shop.quick("repo", "current").out
    assert "shop" in current and "unittest" in current
    assert re.search(r"uncommitted files +0", current) and re.search(r"trusted +no", current)


@pytest.mark.parametrize(("repo", "says"), [("../potral", "portal"), ("/", "outside"), ("tests", "not the top")])
def test_what_is_no_repository_is_refused_by_name(shop: Shell, repo: str, says: str) -> None:
    refused = shop.quick("repo", "switch", repo)
    assert refused.code in (1, 2) and says in refused.complaint


@pytest.mark.requirement("R8")
def test_trust_is_given_at_the_terminal_and_taken_back_anywhere(shop: Shell) -> None:
    with shop.person("repo", "trust", ".") as person:
        person.sees("NOT SANDBOXED")
        person.sees("Type yes: ")
        person.types("yes")
        assert person.leaves() == 0
    assert {each["repo"]: each["trusted"] for each in shop.quick("repo", "list", "--json").json}["shop"]
    assert shop.quick("run", "testing").code == 1, "its red tests have run"
    assert shop.quick("repo", "distrust", ".").code == 0
    assert shop.quick("run", "testing").code == 5, "they need an approval again"
    assert "is not trusted" in shop.quick("repo", "distrust", ".").complaint


@pytest.mark.requirement("R18")
def test_settings_that_change_after_the_trust_count_again_only_when_trusted_again(shop: Shell) -> None:
    shop.quick("repo", "trust", ".", "--yes")
    (shop.folder / "factor12.toml").write_text("[check]\ntimeout_s = 100\n")
    assert "not the one you trusted" in shop.quick("repo", "current").out
    assert any("not the one you trusted" in found["says"] for found in shop.quick("doctor", "--json").json)
    ran = shop.quick("run", "testing", "--json").json
    assert ran["status"] == "failed" or ran["outcome"] == "failed", "its red tests run all the same"
    assert "not the one you trusted" in ran["output"]["check"]["why"]
    shop.quick("repo", "trust", ".", "--yes")
    assert "not the one you trusted" not in shop.quick("repo", "current").out


@pytest.mark.requirement("R8")
@pytest.mark.parametrize("key", ["no\n", "\n", "\x04"])
def test_anything_but_yes_trusts_nothing(shop: Shell, key: str) -> None:
    with shop.person("repo", "trust", ".") as person:
        person.sees("Type yes: ")
        person.presses(key)
        assert person.leaves() == 1
    assert not any(each["trusted"] for each in shop.quick("repo", "list", "--json").json)


@pytest.mark.requirement("R8")
def test_a_script_trusts_only_when_it_says_so(shop: Shell) -> None:
    refused = shop.run("repo", "trust", ".")
    assert refused.code == 1 and "--yes" in refused.complaint
    assert shop.quick("repo", "trust", ".", "--yes").code == 0


def test_only_the_top_of_a_repository_can_be_trusted(shop: Shell) -> None:
    assert "not the top of a repository" in shop.quick("repo", "trust", "tests", "--yes").complaint
