"""The SQLite store keeps the contract of `state.store`."""

import inspect
from pathlib import Path

import pytest

from state.log import SqliteStore
from state.sqlite import Database
from state.store import Held, Lease, Owner
from tests.state import conformance
from tests.state.conformance import Behaviour
from tests.state.places import ELSEWHERE, LEASE_S, THREAD, Place, SqlitePlace, launched


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return SqlitePlace(tmp_path)


def each(behaviours: tuple[Behaviour, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("keep", behaviours, ids=[behaviour.__name__ for behaviour in behaviours])


@pytest.mark.requirement("R1")
@each(conformance.CREATION)
def test_threads_are_created_as_the_contract_says(keep: Behaviour, place: Place) -> None:
    keep(place)


@pytest.mark.requirement("R6", "R21")
@each(conformance.LEASES)
def test_leases_are_held_and_taken_as_the_contract_says(keep: Behaviour, place: Place) -> None:
    keep(place)


@pytest.mark.requirement("R1", "R4", "R6")
@each(conformance.APPENDS)
def test_events_are_appended_as_the_contract_says(keep: Behaviour, place: Place) -> None:
    keep(place)


@pytest.mark.requirement("R1", "R7", "F6")
@each(conformance.SIGNALS)
def test_signals_arrive_as_the_contract_says(keep: Behaviour, place: Place) -> None:
    keep(place)


@pytest.mark.requirement("R6", "R21")
@each(conformance.SEARCHES)
def test_threads_are_found_again_as_the_contract_says(keep: Behaviour, place: Place) -> None:
    keep(place)


@pytest.mark.requirement("R20")
@each(conformance.WORK_TREES)
def test_work_trees_have_one_writer_as_the_contract_says(keep: Behaviour, place: Place) -> None:
    keep(place)


@each(conformance.CONTENT)
def test_content_is_kept_as_the_contract_says(keep: Behaviour, place: Place) -> None:
    keep(place)


@pytest.mark.requirement("R6")
def test_of_two_processes_that_take_over_at_the_same_moment_one_does(tmp_path: Path) -> None:
    place = SqlitePlace(tmp_path)
    place.open(ELSEWHERE).create(THREAD, launched())
    place.open(ELSEWHERE).claim(THREAD)
    quick = place.open(Owner("quick", 1, 1.0))
    taken: list[Lease | Held] = []

    def meanwhile() -> float:
        """Be the clock of the slow one: when it looks for the second time, the quick one takes the lease."""
        if place.clock.steady and not taken:
            taken.append(quick.claim(THREAD))
        return place.clock.steady

    slow = SqliteStore(Database(place.path), monotonic=meanwhile, lease_s=LEASE_S)
    assert isinstance(quick.claim(THREAD), Held) and isinstance(slow.claim(THREAD), Held)
    place.clock.pass_by(LEASE_S)
    assert slow.claim(THREAD) == Held(Owner("quick", 1, 1.0))
    assert isinstance(taken[0], Lease)


def test_the_suite_holds_every_behaviour_it_defines() -> None:
    defined = {
        behaviour
        for _, behaviour in inspect.getmembers(conformance, inspect.isfunction)
        if behaviour.__module__ == conformance.__name__ and list(inspect.signature(behaviour).parameters) == ["place"]
    }
    assert defined == set(conformance.ALL)
