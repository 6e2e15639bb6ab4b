"""How a thread stands that rests for its children, and what is done to all of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from agents.runtime.patience import patiently
from state.events import ChildEnded
from state.problem import ProblemError
from state.store import Moved, Row, Store
from state.thread import Thread

if TYPE_CHECKING:
    from agents.runtime.engine import Engine


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether the children go on by themselves, and the first one, however deep, that does not."""

    status: Literal["running", "waiting", "interrupted"] = "running"
    by: Thread | None = None
    """The one that asks, or that nobody drives."""


def standing(store: Store, thread: Thread, driven: Callable[[Thread], bool]) -> Standing:
    """Say how a thread with children stands; `driven` tells whether somebody takes up one that runs.

    A child that asks comes before one that is interrupted: an answer lets it go on.
    """
    interrupted: Thread | None = None
    for row in children(store, thread):
        found = _standing(store, row, driven)
        if found.status == "waiting":
            return found
        interrupted = interrupted or found.by
    return Standing("interrupted", interrupted) if interrupted else Standing()


def _standing(store: Store, row: Row, driven: Callable[[Thread], bool]) -> Standing:
    if row.status not in ("waiting", "interrupted"):
        return Standing()
    child = store.load(row.thread_id)
    if child.family is not None:
        return standing(store, child, driven)
    if child.status == "waiting":
        return Standing("waiting" if child.asked else "interrupted", child)
    goes_on = child.ended or (child.trouble is None and driven(child))
    return Standing() if goes_on else Standing("interrupted", child)


def children(store: Store, thread: Thread) -> list[Row]:
    """Return the rows of the children that the thread rests for, in its order."""
    if thread.family is None:
        return []
    order = [child.thread for child in thread.family.open]
    return sorted(store.find(order), key=lambda row: order.index(row.thread_id))


def asker(store: Store, thread: Thread) -> Thread | None:
    """Return the thread whose question must be answered for this one to go on: itself, or one it rests for."""
    if thread.family is None:
        return thread if thread.asked else None
    found = standing(store, thread, lambda _: True)
    return found.by if found.by is not None and found.by.asked else None


def wake_family(engine: "Engine", thread: Thread) -> None:
    """Let those go on whom the thread's last events set free: its parent, or, of `any`, the others that are to stop."""
    if thread.ended and thread.parent:
        try:
            parent = engine.store.load(thread.parent)
        except ProblemError:  # it is not here, or cannot be read: then nothing waits for this
            return
        engine.bells.ring(parent.id)
        waking = [child.thread for child in parent.family.open] if parent.family else [parent.id]
    else:
        engine.bells.ring(thread.parent or "")
        waking = [child.thread for child in thread.family.open] if thread.family and thread.cancelling else []
    for thread_id in waking:
        engine.wake(thread_id)


async def cancel_children(engine: "Engine", thread: Thread, channel: str, reason: str) -> Thread:
    """End the children that nobody drives; drivers end the others, and the last end sets the parent free.

    One that cannot be read any more counts as failed.
    """
    family = thread.family
    for child in family.open if family else ():
        try:
            await engine.cancel(child.thread, channel=channel, reason=reason)
        except ProblemError as error:
            assert family is not None
            lost = ChildEnded(key=family.spawned.key, thread=child.thread, status="failed", problem=error.problem)
            try:
                await patiently(engine.store.signal, engine.store.load(thread.id), lost)
            except Moved:
                continue  # the next round sees it
    return engine.store.load(thread.id)


async def resume_children(engine: "Engine", thread: Thread) -> None:
    """Let interrupted children go on; one that asks, or runs by now, stays as it is."""
    for row in children(engine.store, thread):
        if row.status in ("interrupted", "waiting"):
            try:
                await engine.resume(row.thread_id)
            except ProblemError as error:
                if error.problem.kind != "busy":
                    raise
