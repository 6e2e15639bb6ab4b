"""A thousand histories of crashes, takeovers, signals and late drivers, and what must hold after each step of each."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

import anyio
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
from hypothesis.strategies import integers, lists, sampled_from

from agents.runtime.driver import drive
from agents.runtime.engine import Engine
from state.events import BudgetExtended, CancelRequested, Event
from state.spending import Budget
from state.thread import Thread
from tests.agents.runtime.lab import Lab, launch
from tests.agents.runtime.power import Fuse, PowerCut, finish, truth, wired_engine
from tests.agents.runtime.toys import TOOLS, add, add_blindly, forget, lines
from tools.base import Tool

TOLD = ("add a 1", "add a 2", "add b 3", "add b 4", "add b 100", "peek a", "ask", "think", "send box 1")
PLACES = [
    f"{when} {what}" for when in ("before", "after") for what in ("apply add", "apply send", "probe add", "append")
]
MOMENTS = integers(min_value=0, max_value=25) | sampled_from(PLACES)
"""When something happens to a driver: after so many points, or at one kind of place, if it comes there."""


class Histories(RuleBasedStateMachine):
    """One thread, driven by processes that die, sleep and are overtaken at any point."""

    tools: tuple[Tool[..., Any], ...] = TOOLS

    @initialize(told=lists(sampled_from(TOLD), min_size=2, max_size=5))
    def launch(self, told: list[str]) -> None:
        self.lab = Lab(Path(mkdtemp()))
        self.lab.store()
        (self.lab.world / "a").write_text("0")
        self.reader = self.lab.engine()
        self.id = anyio.run(launch, self.reader, lines(*told), Budget(steps=10_000))
        self.seen: list[Event] = []

    @property
    def thread(self) -> Thread:
        return self.reader.store.load(self.id)

    @rule(moment=MOMENTS)
    def crash(self, moment: int | str) -> None:
        """Drive until the power fails, or the thread rests before that."""
        self._drive(self._wired(Fuse.until(moment)))

    @rule()
    def drive_to_rest(self) -> None:
        self._drive(self.lab.engine(tools=self.tools))

    @rule(moment=MOMENTS)
    def oversleep(self, moment: int | str) -> None:
        """A driver is stopped at one point, another drives the thread to its rest, and the first wakes up."""
        self._drive_and(moment, lambda: _elsewhere(self.lab.engine(tools=self.tools), self.id))

    @rule(moment=MOMENTS, cancel=sampled_from([False] * 9 + [True]))
    def signal_meanwhile(self, moment: int | str, cancel: bool) -> None:
        """A signal comes from another process at one point of a drive."""

        def signal() -> None:
            if not (thread := self.thread).ended:
                event = CancelRequested(channel="test") if cancel else BudgetExtended(steps=1)
                self.reader.store.signal(thread, event)

        self._drive_and(moment, signal)

    @precondition(lambda self: self.thread.status == "waiting")
    @rule(deny=sampled_from([False, False, False, True]))
    def answer(self, deny: bool) -> None:
        thread = self.thread
        assert thread.asked is not None
        said = "deny" if deny and thread.asked.topic == "approval" else truth(self.lab, thread)

        async def say() -> None:
            await self.reader.answer(self.id, thread.asked.key if thread.asked else "", said, channel="t", person=True)

        anyio.run(say)

    @invariant()
    def what_was_acknowledged_is_still_there(self) -> None:
        now = [record.event for record in self.reader.store.read(self.id)]
        assert now[: len(self.seen)] == self.seen
        self.seen = now

    @invariant()
    def no_effect_was_done_twice_and_none_is_recorded_that_was_not_done(self) -> None:
        marks = Counter(line.rpartition(" ")[2] for line in self.lab.applied())
        assert set(marks.values()) <= {1}, "one effect was applied twice"
        done = [key for key, known in self.thread.effects.items() if known.risk != "read"]
        assert len(done) <= len(marks), "an effect is recorded that never happened"

    @invariant()
    def nobody_that_is_gone_holds_the_thread(self) -> None:
        assert not self.reader.store.driven(self.id)

    def teardown(self) -> None:
        try:
            if hasattr(self, "seen"):
                self._ends_as_told()
        finally:
            self.lab.close()
            rmtree(self.lab.root)

    def _ends_as_told(self) -> None:
        thread = anyio.run(finish, self.lab, self.lab.engine(tools=self.tools), self.id)
        self.what_was_acknowledged_is_still_there()
        self.no_effect_was_done_twice_and_none_is_recorded_that_was_not_done()
        if thread.status == "completed":
            assert len(thread.results) == len(thread.task["lines"]), "it is finished and something is not done"

    def _drive(self, engine: Engine) -> None:
        try:
            anyio.run(drive, engine, self.id)
        except* PowerCut:
            pass

    def _drive_and(self, moment: int | str, meanwhile: Callable[[], None]) -> None:
        """Drive to rest; at one moment, once, the driver stands still while something else happens."""
        fuse = Fuse.until(moment)

        def once(_: str) -> None:
            fuse.points, fuse.at = 10**9, ""
            meanwhile()

        fuse.end = once
        self._drive(self._wired(fuse))

    def _wired(self, fuse: Fuse) -> Engine:
        return wired_engine(self.lab, fuse, self.tools)


def _elsewhere(engine: Engine, thread_id: str) -> None:
    other = threading.Thread(target=anyio.run, args=(drive, engine, thread_id))
    other.start()
    other.join()


HISTORIES = settings(
    max_examples=1000,
    stateful_step_count=8,
    deadline=None,
    database=None,
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large),
)


@pytest.mark.requirement("R1", "R3", "R4", "R5", "R6")
def test_a_thousand_histories_keep_every_promise_of_the_log() -> None:
    run_state_machine_as_test(Histories, settings=HISTORIES)


class Forgetful(Histories):
    """The same histories over a tool whose probe finds nothing."""

    tools = tuple(replace(tool, probe=forget) if tool is add else tool for tool in TOOLS)


class Blind(Histories):
    """The same histories over a tool that does not compare before it swaps."""

    tools = tuple(replace(tool, apply=add_blindly) if tool is add else tool for tool in TOOLS)


@pytest.mark.parametrize("machine", [Forgetful, Blind])
def test_a_planted_bug_is_found_by_the_same_histories(machine: type[Histories]) -> None:
    quickly = settings(HISTORIES, phases=(Phase.generate,), report_multiple_bugs=False, derandomize=True)
    with pytest.raises(AssertionError, match="one effect was applied twice"):
        run_state_machine_as_test(machine, settings=quickly)
