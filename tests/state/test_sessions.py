"""A session's repositories are a stack that outlives the process; trust is a person's word about one path."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from state.problem import ProblemError
from state.sessions import (
    DEEPEST,
    current,
    distrust,
    is_trusted,
    pop,
    push,
    stack,
    trust,
    trusted_config,
    trusted_paths,
)
from state.sqlite import Database, Locked
from tests.state.places import SqlitePlace


@pytest.fixture
def place(tmp_path: Path) -> SqlitePlace:
    return SqlitePlace(tmp_path)


@pytest.fixture
def database(place: SqlitePlace) -> Database:
    return place.open().database


def test_a_session_that_went_nowhere_has_no_repository(database: Database) -> None:
    assert stack(database, "", "s") is None
    assert current(database, "", "s") is None
    assert pop(database, "", "s") is None


def test_switches_nest_and_are_undone_one_by_one(database: Database) -> None:
    for root in ("/a", "/b", "/a"):
        push(database, "", "s", root)
    assert stack(database, "", "s") == ["/a", "/b", "/a"]
    assert [current(database, "", "s")] + [pop(database, "", "s") for _ in range(4)] == ["/a", "/b", "/a", None, None]
    assert stack(database, "", "s") == [], "the session itself stays"


def test_a_switch_to_where_one_is_changes_nothing(database: Database) -> None:
    push(database, "", "s", "/a")
    push(database, "", "s", "/a")
    assert stack(database, "", "s") == ["/a"]


@pytest.mark.requirement("R10", "R21")
def test_two_sessions_and_two_principals_never_see_each_others(database: Database) -> None:
    push(database, "", "s", "/a")
    push(database, "", "other", "/b")
    push(database, "eve", "s", "/c")
    assert pop(database, "", "other") is None
    assert (current(database, "", "s"), current(database, "eve", "s")) == ("/a", "/c")


@pytest.mark.requirement("R10")
def test_a_session_survives_a_restart_and_is_shared_by_processes(place: SqlitePlace) -> None:
    first = place.open().database
    push(first, "", "s", "/\udcff\u2028'")
    first.close()
    assert stack(Database(place.path), "", "s") == ["/\udcff\u2028'"]


def test_switches_of_several_processes_at_once_are_all_kept(place: SqlitePlace) -> None:
    place.open()

    def switch(number: int) -> None:
        database = Database(place.path)
        while True:
            try:
                return push(database, "", "s", f"/{number}")
            except Locked:
                continue

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(switch, range(24)))
    assert sorted(stack(Database(place.path), "", "s") or []) == sorted(f"/{number}" for number in range(24))


def test_a_stack_forgets_what_is_far_below(database: Database) -> None:
    for number in range(DEEPEST + 5):
        push(database, "", "s", f"/{number}")
    found = stack(database, "", "s")
    assert found is not None
    assert (found[0], found[-1], len(found)) == ("/5", f"/{DEEPEST + 4}", DEEPEST)


def test_trust_is_given_and_taken_back_for_exactly_one_path(database: Database) -> None:
    trust(database, Path("/repos/shop"), 1.0)
    trust(database, Path("/repos/shop"), 2.0)
    trust(database, Path("/repos/lib"), 3.0)
    assert trusted_paths(database) == [Path("/repos/lib"), Path("/repos/shop")]
    for other in ("/repos", "/repos/shop/sub", "/repos/shop-evil", "/repos/SHOP", "/repos/shop'"):
        assert not is_trusted(database, Path(other))
    assert is_trusted(database, Path("/repos/shop"))
    assert [distrust(database, Path("/repos/shop")) for _ in range(2)] == [True, False]
    assert not is_trusted(database, Path("/repos/shop"))


def test_trust_remembers_the_settings_it_was_given_with(database: Database) -> None:
    trust(database, Path("/repos/shop"), 1.0, "abc")
    assert trusted_config(database, Path("/repos/shop")) == "abc"
    trust(database, Path("/repos/shop"), 2.0)
    assert trusted_config(database, Path("/repos/shop")) == ""
    assert trusted_config(database, Path("/repos/lib")) is None


def test_a_path_that_is_not_text_is_never_trusted_and_can_be_asked_about(database: Database) -> None:
    path = Path(os.fsdecode(b"/repos/\xff"))
    with pytest.raises(ProblemError, match="UTF-8") as refusal:
        trust(database, path, 1.0)
    assert refusal.value.problem.kind == "bad_input"
    assert not is_trusted(database, path)
    assert not distrust(database, path)
