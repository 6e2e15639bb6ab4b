"""An agent that starts errands, one after the other or at once, and how its whole family is driven."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from agents.runtime.definition import Agent
from agents.runtime.driver import drive
from agents.runtime.engine import Engine, Launch
from agents.runtime.kin import asker
from agents.runtime.script import child, script
from state.events import RepositoryRef
from state.problem import Problem
from state.steps import Child, Done, Spawn, Step
from state.thread import Thread
from tests.agents.runtime.lab import Lab
from tests.agents.runtime.power import truth
from tests.agents.runtime.toys import Errand, Report, errand, lines
from tools.base import Tool

WORLD = RepositoryRef(name="world", root="/world", mode="write", key="/world/.git")


class Plan(BaseModel):
    errands: tuple[Errand, ...]
    at_once: bool = False
    join: Literal["all", "any"] = "all"
    deeper: int = 0
    """How many families are around the one that has the errands."""
    agent: str = "errand"


class Told(BaseModel):
    ends: list[dict[str, Any]]


@script
def next_step(task: Plan, thread: Thread) -> Step:
    """Start every errand; of those that come one after the other, the first that fails is the last."""
    if task.deeper:
        inner = task.model_copy(update={"deeper": task.deeper - 1})
        return _told([child(thread, "family", inner, "inner")])
    if task.at_once:
        children = tuple(Child(str(number), task.agent, told.model_dump()) for number, told in enumerate(task.errands))
        if "all" in thread.failures:
            return _told([thread.failures["all"][-1].problem])
        return _told(thread.results["all"]) if "all" in thread.results else Spawn("all", children, task.join)
    ends: list[Any] = []
    for number, told in enumerate(task.errands):
        ends.append(end := child(thread, task.agent, told, str(number)))
        if isinstance(end, Problem) or end.status != "completed":
            break
    return _told(ends)


def _told(ends: Iterable[Any]) -> Done:
    plain = [end.model_dump(mode="json") if isinstance(end, BaseModel) else dict(end) for end in ends]
    return Done(Told(ends=plain), "done" if all(end.get("status") == "completed" for end in plain) else "failed")


family = Agent("family", "Family", "Start errands.", Plan, Told, next_step)
writer = Agent("writer", "Writer", "Do the lines in order.", Errand, Report, errand.next_step, mode="write")
parent_of_writers = Agent("writers", "Writers", "Start writers.", Plan, Told, next_step, mode="write")
AGENTS = (family, errand, writer, parent_of_writers)


def plan(*errands: Iterable[str], **more: Any) -> dict[str, Any]:
    """Write a plan as texts: one list of lines per errand."""
    return {"errands": [lines(*told) for told in errands], **more}


def related(lab: Lab, tools: Iterable[Tool[..., Any]] | None = None, **settings: Any) -> Engine:
    """Make an engine with the whole family of agents."""
    return lab.engine(agents=AGENTS, **({"tools": tools} if tools else {}), **settings)


async def start(engine: Engine, task: Mapping[str, Any], agent: str = "family", **wish: Any) -> str:
    return (await engine.launch(Launch(agent, dict(task), "s", **wish))).id


def kin(engine: Engine, thread_id: str) -> list[Thread]:
    """Return the thread and all that descend from it, by its log."""
    thread = engine.store.load(thread_id)
    started = [ref for record in engine.store.read(thread_id) for ref in getattr(record.event, "children", ())]
    return [thread, *(one for ref in started for one in kin(engine, ref.thread))]


async def drive_family(engine: Engine, thread_id: str, rounds: int = 50) -> Thread:
    """Drive whoever can be driven until nobody moves any more."""
    for _ in range(rounds):
        before = [(one.id, one.version) for one in kin(engine, thread_id)]
        for one in kin(engine, thread_id):
            await drive(engine, one.id)
        if [(one.id, one.version) for one in kin(engine, thread_id)] == before:
            break
    return engine.store.load(thread_id)


async def finish_family(lab: Lab, engine: Engine, thread_id: str) -> Thread:
    """Drive all of them to their end, answering whatever they ask."""
    while not (thread := await drive_family(engine, thread_id)).ended:
        asked = asker(engine.store, thread)
        assert asked is not None and asked.question is not None, thread
        await engine.answer(asked.id, asked.question.key, truth(lab, asked), channel="test", person=True)
    return thread


def place(root: Path) -> RepositoryRef:
    return WORLD.model_copy(update={"root": str(root)})
