"""Histories of two drivers, signals and power cuts over one store, and what must hold after each step of each."""

from collections.abc import Callable
from pathlib import Path
from shutil import rmtree
from sqlite3 import Connection
from tempfile import mkdtemp

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test
from hypothesis.strategies import integers, sampled_from

from state.events import Answered, BudgetExtended, CancelRequested, Event, Finished, Resolved, Started
from state.log import SqliteStore
from state.store import Fenced, Held, Lease, Moved, Owner
from state.thread import InvalidTransition, Thread, reduce
from state.upkeep import drift, integrity
from tests.state.places import LEASE_S, THREAD, SqlitePlace, asked, launched, writing

DRIVERS = ("left", "right")
"""Two processes of other hosts: neither can be known to be dead, so a takeover needs stillness."""
CANCEL = CancelRequested(channel="cli")


class PowerCut(BaseException):
    """The process is gone: nothing it would have done afterwards happens."""


class Driver:
    """A process that drives: its store, its lease, and the thread as it knows it."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.lease: Lease | None = None
        self.thread = Thread(id=THREAD)

    def catch_up(self) -> None:
        for record in self.store.read(THREAD, after=self.thread.version):
            self.thread = reduce(self.thread, record.event)


class StoreHistories(RuleBasedStateMachine):
    """One thread. What a driver or a signaller was told is written down, and the log must agree for ever."""

    store_type: type[SqliteStore] = SqliteStore

    @initialize()
    def launch(self) -> None:
        self.place = SqlitePlace(Path(mkdtemp()))
        self.reader = self._open("reader")
        self.reader.create(THREAD, launched(workspace=(writing("tree"),)))
        self.drivers = {name: Driver(self._open(name)) for name in DRIVERS}
        self.acknowledged: dict[int, Event] = {1: launched(workspace=(writing("tree"),))}
        self.outcomes = 0

    # What processes do

    @rule(name=sampled_from(DRIVERS))
    def claim(self, name: str) -> None:
        driver = self.drivers[name]
        claimed = driver.store.claim(THREAD)
        if not isinstance(claimed, Held):
            driver.lease, driver.thread = claimed, driver.store.load(THREAD)

    @rule(name=sampled_from(DRIVERS), choice=sampled_from(("intent", "read", "ask", "finish")))
    def decide(self, name: str, choice: str) -> None:
        """Append a decision; one that a signal overtook is dropped."""
        driver = self.drivers[name]
        key = str(driver.thread.version)
        events: dict[str, Event] = {
            "intent": Started(key=key, hash="h", risk="write", tool="paint", args={}),
            "read": Resolved(key=key, value=1, tool="look", args={}),
            "ask": asked(key),
            "finish": Finished(output=1, outcome="done"),
        }
        if choice == "ask" and driver.thread.pending is not None:
            return
        self._append(driver, events[choice])

    @rule(name=sampled_from(DRIVERS))
    def record(self, name: str) -> None:
        """Append the outcome of the effect in flight, again after whatever signal came first."""
        driver = self.drivers[name]
        while driver.thread.pending is not None and self.drivers[name].lease is not None:
            pending = driver.thread.pending
            if self._append(driver, Resolved(key=pending.key, hash="h", value=2)):
                self.outcomes += 1
                return
            driver.catch_up()

    @rule(name=sampled_from(DRIVERS))
    def renew(self, name: str) -> None:
        driver = self.drivers[name]
        if driver.lease is not None:
            try:
                head = driver.store.renew(driver.lease)
            except Fenced:
                driver.lease = None
            else:
                assert head == max(self.acknowledged)

    @rule(name=sampled_from(DRIVERS))
    def release(self, name: str) -> None:
        driver = self.drivers[name]
        if driver.lease is not None and driver.store.release(driver.lease, driver.thread):
            driver.lease = None

    @rule(name=sampled_from(DRIVERS), statement=integers(1, 4), choice=sampled_from(("intent", "read", "ask")))
    def die_while_appending(self, name: str, statement: int, choice: str) -> None:
        """The power fails before some statement of an append; another process of that name comes instead."""
        driver = self.drivers[name]

        def cut(_: Connection, number: int) -> None:
            if number == statement:
                raise PowerCut

        try:
            with watched(driver.store, cut):
                self.decide(name, choice)
        except PowerCut:
            driver.store.database.close()
        self.drivers[name] = Driver(self._open(name))

    @rule(seconds=sampled_from((1.0, LEASE_S)))
    def pass_by(self, seconds: float) -> None:
        self.place.clock.pass_by(seconds)

    # What people do

    @rule(kind=sampled_from(("cancel", "budget")))
    def signal(self, kind: str) -> None:
        self._signal(CANCEL if kind == "cancel" else BudgetExtended(steps=1))

    @precondition(lambda self: self.reader.load(THREAD).asked is not None)
    @rule()
    def answer(self) -> None:
        question = self.reader.load(THREAD).question
        assert question is not None
        self._signal(Answered(key=question.key, answer="yes", channel="cli"))

    # What must hold

    @invariant()
    def what_was_acknowledged_is_there_without_gaps(self) -> None:
        log = {record.version: record.event for record in self.reader.read(THREAD)}
        assert list(log) == list(range(1, len(log) + 1))
        assert log == self.acknowledged, "the log is not what was acknowledged"

    @invariant()
    def no_outcome_is_lost(self) -> None:
        log = [record.event for record in self.reader.read(THREAD)]
        assert sum(isinstance(event, Resolved) and event.tool is None for event in log) == self.outcomes

    @invariant()
    def the_row_says_what_the_log_says(self) -> None:
        assert drift(self.reader.database) == []
        assert integrity(self.reader.database) == []

    @invariant()
    def the_work_tree_is_held_until_the_end(self) -> None:
        held = self.reader.database.row("select count(*) from repo_leases")
        assert held == (0 if self.reader.load(THREAD).ended else 1,)

    def teardown(self) -> None:
        for driver in self.drivers.values():
            driver.store.database.close()
        self.reader.database.close()
        rmtree(self.place.folder)

    def _open(self, name: str) -> SqliteStore:
        opened = self.place.open(Owner(f"{name}-host", 1, 1.0))
        opened.__class__ = self.store_type
        return opened

    def _append(self, driver: Driver, event: Event) -> bool:
        """Append if the driver may; True when it was acknowledged."""
        if driver.lease is None:
            return False
        try:
            driver.thread = driver.store.append(driver.lease, driver.thread, event)
        except (Fenced, InvalidTransition):
            driver.lease = None
            return False
        except Moved:
            return False
        self._acknowledge(driver.thread, event)
        return True

    def _signal(self, event: Event) -> None:
        thread = self.reader.load(THREAD)
        if not thread.ended:
            self._acknowledge(self.reader.signal(thread, event), event)

    def _acknowledge(self, after: Thread, event: Event) -> None:
        assert after.version not in self.acknowledged, "two processes were told that they wrote the same version"
        self.acknowledged[after.version] = event
