"""The SQLite store keeps the contract of `state.store`."""

import inspect
from pathlib import Path

import pytest

from tests.state import conformance
from tests.state.conformance import Behaviour
from tests.state.places import Place, SqlitePlace


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


def test_the_suite_holds_every_behaviour_it_defines() -> None:
    defined = {
        behaviour
        for _, behaviour in inspect.getmembers(conformance, inspect.isfunction)
        if behaviour.__module__ == conformance.__name__ and list(inspect.signature(behaviour).parameters) == ["place"]
    }
    assert defined == set(conformance.ALL)
