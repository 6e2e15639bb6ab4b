"""Hundreds of histories of families whose processes die anywhere, and what must hold after each step of each."""

from collections import Counter
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

import anyio
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from hypothesis.strategies import booleans, integers, lists, sampled_from

from agents.runtime.engine import Engine
from agents.runtime.kin import asker
from state.events import CancelRequested, Event
from state.log import SqliteStore
from state.spending import Budget
from state.store import Search
from state.thread import Thread
from state.upkeep import drift
from tests.agents.runtime.families import WORLD, drive_family, finish_family, kin, plan, related, start
from tests.agents.runtime.lab import DEAD, Lab, watched
from tests.agents.runtime.power import Fuse, PowerCut, truth
from tests.agents.runtime.test_histories import HISTORIES
from tests.agents.runtime.toys import TOOLS

TOLD = ("add a 1", "add b 3", "add b 100", "peek a", "ask", "send box 1")
PLACES = [f"{when} {what}" for when in ("before", "after") for what in ("spawn", "append", "release", "apply add")]
ERRAND = lists(sampled_from(TOLD), min_size=1, max_size=2)


class Families(RuleBasedStateMachine):
    """One family, driven by processes that die at any point."""

    @initialize(errands=lists(ERRAND, min_size=1, max_size=3), at_once=booleans(), deeper=integers(0, 2))
    def launch(self, errands: list[list[str]], at_once: bool, deeper: int) -> None:
        self.lab = Lab(Path(mkdtemp()))
        self.lab.store()
        (self.lab.world / "a").write_text("0")
        self.reader = related(self.lab)
        task = plan(*errands, at_once=at_once, deeper=deeper)
        self.id = anyio.run(self._start, task)
        self.seen: dict[str, list[Event]] = {}

    async def _start(self, task: dict[str, Any]) -> str:
        return await start(self.reader, task, budget=Budget(steps=10_000), workspace=(WORLD,))

    @property
    def family(self) -> list[Thread]:
        return kin(self.reader, self.id)

    @rule(moment=integers(min_value=0, max_value=40) | sampled_from(PLACES))
    def crash(self, moment: int | str) -> None:
        """Drive all of them until the power fails, or all rest before that."""
        fuse = Fuse.until(moment)
        tools = [watched(tool, fuse.point) for tool in TOOLS]
        self._drive(related(self.lab, store=self.lab.wired(fuse.burn, DEAD), tools=tools))

    @rule()
    def drive_to_rest(self) -> None:
        self._drive(related(self.lab))

    @precondition(lambda self: asker(self.reader.store, self.family[0]) is not None)
    @rule()
    def answer(self) -> None:
        asked = asker(self.reader.store, self.family[0])
        assert asked is not None and asked.asked is not None
        key, said = asked.asked.key, truth(self.lab, asked)

        async def say() -> None:
            await self.reader.answer(asked.id, key, said, channel="t", person=True)

        anyio.run(say)

    @rule(which=integers(min_value=0, max_value=9), sure=sampled_from([False] * 5 + [True]))
    def cancel(self, which: int, sure: bool) -> None:
        """A cancel of one of them arrives, and the process that sent it is gone at once."""
        family = self.family
        if sure and not (one := family[which % len(family)]).ended:
            self.reader.store.signal(one, CancelRequested(channel="test"))

    @invariant()
    def what_was_acknowledged_is_still_there(self) -> None:
        for one in self.family:
            now = [record.event for record in self.reader.store.read(one.id)]
            before = self.seen.get(one.id, [])
            assert now[: len(before)] == before
            self.seen[one.id] = now

    @invariant()
    def every_child_is_there_once_and_none_outlives_its_parent(self) -> None:
        family = self.family
        assert len(family) == len({one.id for one in family}) == len(self.reader.store.list(Search(limit=-1)))
        for one in family:
            parent = next((other for other in family if other.id == one.parent), None)
            assert one.ended or parent is None or parent.family is not None, "a child works and nobody waits for it"
            waits = parent is not None and parent.family is not None and parent.family.expects(one.id)
            assert not (one.ended and waits), "a child has ended and its parent does not know"

    @invariant()
    def no_effect_was_done_twice(self) -> None:
        marks = Counter(line.rpartition(" ")[2] for line in self.lab.applied())
        assert set(marks.values()) <= {1}

    @invariant()
    def every_row_says_what_its_log_says(self) -> None:
        assert isinstance(self.reader.store, SqliteStore)
        assert drift(self.reader.store.database) == []

    def teardown(self) -> None:
        try:
            if hasattr(self, "seen"):
                thread = anyio.run(finish_family, self.lab, related(self.lab), self.id)
                assert thread.ended
                self.every_child_is_there_once_and_none_outlives_its_parent()
                self.no_effect_was_done_twice()
        finally:
            self.lab.close()
            rmtree(self.lab.root)

    def _drive(self, engine: Engine) -> None:
        try:
            anyio.run(drive_family, engine, self.id)
        except* PowerCut:
            pass


@pytest.mark.requirement("R1", "R3", "R6", "R20")
def test_sixty_histories_of_families_keep_every_promise_of_the_log() -> None:
    run_machine(Families, settings=settings(HISTORIES, max_examples=60))


@pytest.mark.chaos
@pytest.mark.requirement("R1", "R3", "R6", "R20")
def test_a_thousand_histories_of_families_keep_every_promise_of_the_log() -> None:
    run_machine(Families, settings=HISTORIES)
