"""Power cuts: how a process of the laboratory dies at a chosen point, and how another one finishes its work."""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from agents.runtime.engine import Engine
from state.thread import Thread
from tests.agents.runtime.lab import DEAD, Lab, Point, drive_on, watched
from tests.agents.runtime.toys import TOOLS
from tools.base import Tool


class PowerCut(BaseException):
    """The process is gone: nothing it would have done afterwards happens."""


def cut(where: str) -> None:
    raise PowerCut(where)


@contextmanager
def outage() -> Generator[None]:
    """Expect that the block ends in a power cut."""
    try:
        yield
    except BaseException as error:
        if not _is_cut(error):
            raise
    else:
        raise AssertionError("the power did not fail")


def _is_cut(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return any(_is_cut(inner) for inner in cast("BaseExceptionGroup[BaseException]", error).exceptions)
    return isinstance(error, PowerCut)


def cut_at(at: str) -> Point:
    """Make a point where the power fails."""

    async def point(where: str) -> None:
        if where == at:
            raise PowerCut(where)

    return point


@dataclass
class Fuse:
    """Gets a process past `points` points, in its store's writes and its tools; what then happens is `end`."""

    points: int = 10**9
    at: str = ""
    """A place to stop at sooner, when it is reached."""
    end: Callable[[str], None] = cut
    passed: list[str] = field(default_factory=list[str])

    @classmethod
    def until(cls, moment: int | str) -> "Fuse":
        """Make the fuse for a number of points, or for a place."""
        return cls(at=moment) if isinstance(moment, str) else cls(moment)

    def burn(self, where: str) -> None:
        self.passed.append(where)
        if where == self.at:
            self.points = 0
        if len(self.passed) > self.points:
            self.end(where)

    async def point(self, where: str) -> None:
        self.burn(where)


def wired_engine(lab: Lab, fuse: Fuse, tools: Iterable[Tool[..., Any]] = TOOLS) -> Engine:
    """Make the engine of a process that dies by the fuse and leaves its lease behind."""
    return lab.engine(lab.wired(fuse.burn, DEAD), tools=[watched(tool, fuse.point) for tool in tools])


def truth(lab: Lab, thread: Thread) -> Any:
    """Answer as a person would who wants the errand done and looks before saying that something happened."""
    asked = thread.asked
    assert asked is not None
    match asked.topic:
        case "agent":
            return "blue"
        case "decision":
            return {"word": "sun"}
        case "approval":
            return "approve"
        case "failures":
            return "retry"
        case "budget":
            return "continue"
        case "cut_off":
            return "it happened" if _arrived(lab) > _known(thread) else "do it again"


def _arrived(lab: Lab) -> int:
    return len([line for line in lab.applied() if " letter " in line])


def _known(thread: Thread) -> int:
    return len([key for key, known in thread.effects.items() if known.risk == "danger"])


async def finish(lab: Lab, engine: Engine, thread_id: str) -> Thread:
    """Drive the thread to its end, answering whatever it asks."""
    while not (thread := await drive_on(engine, thread_id)).ended:
        assert thread.question is not None
        await engine.answer(thread_id, thread.question.key, truth(lab, thread), channel="test", person=True)
    return thread
