"""Histories of two drivers, signals and power cuts over one store, and what must hold after each step of each."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from shutil import rmtree
from sqlite3 import Connection
from tempfile import mkdtemp
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from hypothesis.strategies import integers, sampled_from

from state.events import Answered, BudgetExtended, CancelRequested, Event, Finished, Resolved, Started
from state.fold import InvalidTransition, reduce
from state.log import SqliteStore
from state.store import Fenced, Lease, Moved, Owner
from state.thread import Thread
from state.upkeep import drift, integrity
from tests.state.places import LEASE_S, THREAD, SqlitePlace, asked, launched, writing

NAMES = sampled_from(("left", "right"))
"""Two processes of other hosts: neither can be known to be dead, so that a takeover needs stillness."""
LAUNCHED = launched(workspace=(writing("tree"),))


class PowerCut(BaseException):
    """The process is gone: nothing it would have done afterwards happens."""


@dataclass
class Driver:
    """A process that drives: its store, its lease, and the thread as it knows it."""

    store: SqliteStore
    lease: Lease | None = None
    thread: Thread = field(default_factory=lambda: Thread(id=THREAD))

    def catch_up(self) -> None:
        for record in self.store.read(THREAD, after=self.thread.version):
            self.thread = reduce(self.thread, record.event)


@dataclass
class Fuse:
    """Stands where the connection of a process was; each statement has a point before it and one after it."""

    connection: Connection
    points: int

    @property
    def in_transaction(self) -> bool:
        return self.connection.in_transaction

    def execute(self, *args: Any) -> Any:
        self._burn()
        done = self.connection.execute(*args)
        self._burn()
        return done

    def _burn(self) -> None:
        self.points -= 1
        if self.points == 0:
            raise PowerCut


class StoreHistories(RuleBasedStateMachine):
    """One thread. What a process was told is written down, and the log must agree with it for ever."""

    store_type: type[SqliteStore] = SqliteStore

    @initialize()
    def launch(self) -> None:
        self.place = SqlitePlace(Path(mkdtemp()), store_type=self.store_type)
        self.reader = self.place.open(Owner("desk", 1, 1.0))
        self.reader.create(THREAD, LAUNCHED)
        self.drivers = {name: self._process(name) for name in ("left", "right")}
        self.log: list[Event] = [LAUNCHED]
        self.holder: Driver | None = None

    @property
    def thread(self) -> Thread:
        return self.reader.load(THREAD)

    # What processes do

    @rule(name=NAMES)
    def claim(self, name: str) -> None:
        driver = self.drivers[name]
        if isinstance(lease := driver.store.claim(THREAD), Lease):
            driver.lease, driver.thread = lease, driver.store.load(THREAD)
            self.holder = driver

    @rule(name=NAMES, choice=sampled_from(("intent", "intent", "read", "ask", "finish")))
    def decide(self, name: str, choice: str) -> None:
        """Append a decision; one that a signal came before is dropped, as it has to be made anew."""
        driver = self.drivers[name]
        try:
            self._append(driver, decision(driver.thread, choice))
        except (Moved, InvalidTransition):
            driver.catch_up()

    @rule(name=NAMES)
    def record(self, name: str) -> None:
        """Append the outcome of the effect in flight, again if a signal came first."""
        driver = self.drivers[name]
        while driver.lease is not None and (pending := driver.thread.pending) is not None:
            try:
                self._append(driver, Resolved(key=pending.key, hash="h", value=2))
            except Moved:
                driver.catch_up()

    @rule(name=NAMES)
    def renew(self, name: str) -> None:
        driver = self.drivers[name]
        if driver.lease is not None:
            try:
                assert driver.store.renew(driver.lease) == len(self.log)
            except Fenced:
                driver.lease = None

    @rule(name=NAMES)
    def release(self, name: str) -> None:
        driver = self.drivers[name]
        if driver.lease is not None and driver.store.release(driver.lease, driver.thread):
            driver.lease = None

    @rule(name=NAMES, points=integers(1, 12), choice=sampled_from(("intent", "read", "ask", "finish")))
    def die(self, name: str, points: int, choice: str) -> None:
        """The power fails at some point of an append; another process comes in its place."""
        driver = self.drivers[name]
        event = decision(driver.thread, choice)
        try:
            with fused(driver.store, points):
                self.decide(name, choice)
        except PowerCut:
            unheard = [record.event for record in self.reader.read(THREAD, after=len(self.log))]
            assert unheard in ([], [event]), "a dead process left something that it did not write"
            self.log += unheard
        driver.store.database.close()
        self.drivers[name] = self._process(name)

    @rule(name=NAMES)
    def overtake(self, name: str) -> None:
        """See the lease stand still for a lifetime, and take it."""
        self.claim(name)
        self.place.clock.pass_by(LEASE_S)
        self.claim(name)
        assert self.holder is self.drivers[name], "a lease that stood still was not taken"

    # What people do

    @precondition(lambda self: not self.thread.ended)
    @rule(event=sampled_from((CancelRequested(channel="cli"), BudgetExtended(steps=1), BudgetExtended(seconds=1.0))))
    def signal(self, event: Event) -> None:
        self.reader.signal(self.thread, event)
        self.log.append(event)

    @precondition(lambda self: self.thread.asked is not None)
    @rule()
    def answer(self) -> None:
        asked = self.thread.asked
        assert asked is not None
        self.signal(Answered(key=asked.key, answer="yes", channel="cli"))

    # What must hold

    @invariant()
    def the_log_is_what_was_acknowledged(self) -> None:
        records = self.reader.read(THREAD)
        assert [record.version for record in records] == list(range(1, len(records) + 1)), "there are gaps"
        assert [record.event for record in records] == self.log, "the log is not what was acknowledged"

    @invariant()
    def the_row_says_what_the_log_says(self) -> None:
        assert drift(self.reader.database) == [], "the row is not what the log says"
        assert integrity(self.reader.database) == []

    @invariant()
    def nobody_waits_for_an_ended_thread(self) -> None:
        held = self.reader.database.row("select count(*) from repo_leases")
        assert held == (0 if self.thread.ended else 1,)
        assert not self.reader.driven(THREAD) or self.holder is not None

    def teardown(self) -> None:
        for driver in self.drivers.values():
            driver.store.database.close()
        self.reader.database.close()
        rmtree(self.place.folder)

    def _process(self, name: str) -> Driver:
        return Driver(self.place.open(Owner(name, 1, 1.0)))

    def _append(self, driver: Driver, event: Event) -> None:
        """Append, unless the driver has no lease, or hears that it has none any more.

        Raises:
            Moved, InvalidTransition: It knows too little of the log.
        """
        if driver.lease is None:
            return
        try:
            driver.thread = driver.store.append(driver.lease, driver.thread, event)
        except Fenced:
            assert driver is not self.holder, "the holder was fenced"
            driver.lease = None
        else:
            assert driver is self.holder, "a driver that was overtaken wrote"
            self.log.append(event)


def decision(thread: Thread, choice: str) -> Event:
    key = str(thread.version)
    match choice:
        case "intent":
            return Started(key=key, hash="h", risk="write", tool="paint", args={})
        case "read":
            return Resolved(key=key, value=1, tool="look", args={})
        case "ask":
            return asked(key)
        case _:
            return Finished(output=1, outcome="done")


@contextmanager
def fused(store: SqliteStore, points: int) -> Generator[None]:
    """Let the power fail after so many points of what the store does in this block."""
    whole = store.database.connection
    store.database.connection = cast(Connection, Fuse(whole, points))
    try:
        yield
    finally:
        store.database.connection = whole


HISTORIES = settings(
    max_examples=150,
    stateful_step_count=12,
    deadline=None,
    database=None,
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.filter_too_much),
)


@pytest.mark.requirement("R1", "R4", "R6", "R20")
def test_histories_of_two_drivers_keep_every_promise_of_the_store() -> None:
    run_state_machine_as_test(StoreHistories, settings=HISTORIES)


@pytest.mark.chaos
@pytest.mark.requirement("R1", "R4", "R6", "R20")
def test_a_thousand_longer_histories_keep_every_promise_of_the_store() -> None:
    run_state_machine_as_test(StoreHistories, settings=settings(HISTORIES, max_examples=1000, stateful_step_count=25))


class Trusting(SqliteStore):
    """Believes whoever says that it holds the lease."""

    def append(self, lease: Lease, thread: Thread, *events: Event, durable: bool = False) -> Thread:
        (epoch,) = self.database.rows("select epoch from threads")[0]
        return super().append(replace(lease, epoch=epoch), thread, *events, durable=durable)


class Forgetful(SqliteStore):
    """Says that an outcome was written when a signal came first."""

    def append(self, lease: Lease, thread: Thread, *events: Event, durable: bool = False) -> Thread:
        try:
            return super().append(lease, thread, *events, durable=durable)
        except Moved:
            return reduce(thread, events[0])


class Sloppy(SqliteStore):
    """Writes the log and forgets the row."""

    def append(self, lease: Lease, thread: Thread, *events: Event, durable: bool = False) -> Thread:
        after = super().append(lease, thread, *events, durable=durable)
        with self.database.transaction() as db:
            db.execute("update threads set status = 'running' where public = ?", (thread.id,))
        return after


@pytest.mark.parametrize(
    ("store", "found"),
    [
        (Trusting, "a driver that was overtaken wrote"),
        (Forgetful, "the log is not what was acknowledged"),
        (Sloppy, "the row is not what the log says"),
    ],
)
def test_a_planted_bug_is_found_by_the_same_histories(store: type[SqliteStore], found: str) -> None:
    machine = type("Planted", (StoreHistories,), {"store_type": store})
    quickly = settings(HISTORIES, phases=(Phase.generate,), report_multiple_bugs=False, derandomize=True)
    with pytest.raises(AssertionError, match=found):
        run_state_machine_as_test(machine, settings=quickly)
