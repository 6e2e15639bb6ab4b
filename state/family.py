"""The children that a thread rests for: which of them have ended, and what they came to."""

from dataclasses import dataclass, replace
from typing import Any

from state.events import BudgetExtended, CancelRequested, CheckpointTaken, Event, Interrupted, Resumed
from state.offspring import ChildEnded, ChildRef, Spawned


@dataclass(frozen=True, slots=True)
class Family:
    """One `Spawned`, and the ends that came since."""

    spawned: Spawned
    ended: tuple[ChildEnded, ...] = ()

    @property
    def open(self) -> tuple[ChildRef, ...]:
        """The children that have not ended."""
        gone = {event.thread for event in self.ended}
        return tuple(child for child in self.spawned.children if child.thread not in gone)

    @property
    def lent(self) -> frozenset[str]:
        """Keys of the work trees that children have."""
        return frozenset(key for child in self.open for key in child.lent)

    @property
    def results(self) -> list[dict[str, Any]]:
        """What became of the children, in their order, as the agent reads it."""
        ends = {event.thread: event for event in self.ended}
        return [_result(child, ends[child.thread]) for child in self.spawned.children if child.thread in ends]

    @property
    def decided(self) -> bool:
        """Whether one end is enough and came: the others are to stop."""
        return self.spawned.join == "any" and any(event.status == "completed" for event in self.ended)

    def after(self, event: ChildEnded) -> "Family":
        return replace(self, ended=(*self.ended, event))

    def expects(self, thread_id: str) -> bool:
        return any(child.thread == thread_id for child in self.open)


def may_follow(family: Family | None, event: Event) -> bool:
    """Tell whether an event fits a thread with these children: whoever rests for them decides nothing meanwhile."""
    if isinstance(event, ChildEnded):
        return family is not None and family.spawned.key == event.key and family.expects(event.thread)
    if isinstance(event, Spawned) and not event.children:
        return False
    meanwhile = CancelRequested | CheckpointTaken | BudgetExtended | Interrupted | Resumed
    return family is None or isinstance(event, meanwhile)


def _result(child: ChildRef, end: ChildEnded) -> dict[str, Any]:
    told = end.model_dump(mode="json", include={"thread", "status", "outcome", "output", "problem"})
    return {"key": child.key, "agent": child.agent, **told}
