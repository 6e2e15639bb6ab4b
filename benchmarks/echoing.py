"""An agent that does nothing but steps: each calls a tool that returns 420 bytes. What is left is the engine."""

from pathlib import Path
from time import perf_counter

import anyio
from pydantic import BaseModel

from agents.runtime.definition import Agent
from agents.runtime.dispatcher import InProcessDispatcher
from agents.runtime.driver import drive
from agents.runtime.engine import Engine, Launch
from state.log import SqliteStore
from state.spending import Budget
from state.sqlite import Database
from state.steps import Done, Step
from state.thread import Thread
from tools.base import Workspace, tool

RESULT = "x" * 420
PLENTY = Budget(steps=1_000_000, seconds=3600)


class Task(BaseModel):
    steps: int


class Sum(BaseModel):
    steps: int


@tool(risk="read")
def echo(workspace: Workspace, turn: int) -> str:
    """Return 420 bytes."""
    return RESULT


def next_step(task: Task, thread: Thread) -> Step:
    done = len(thread.results)
    return Done(Sum(steps=done)) if done >= task.steps else echo.keyed(f"echo:{done}", turn=done)


echoing = Agent("echoing", "Echo", "Echoes.", Task, Sum, next_step)


def engine_over(database: Database, dispatcher: InProcessDispatcher) -> Engine:
    store = SqliteStore(database)

    async def open_workspace(_: Thread) -> Workspace:
        return Workspace({}, store, database.path.parent)

    return Engine(store, {echoing.name: echoing}, {echo.name: echo}, open_workspace, dispatcher.wake)


def seconds_per_step(folder: Path, steps: int, durability: str) -> float:
    """Run one thread as a server does, with dispatcher and lease, and return its time by steps."""
    path = folder / f"{durability}-{steps}.db"
    path.unlink(missing_ok=True)
    return anyio.run(_run, path, steps, durability) / steps


async def _run(path: Path, steps: int, durability: str) -> float:
    database, dispatcher = Database(path, durability), InProcessDispatcher(1)
    engine = engine_over(database, dispatcher)

    async def advance(thread_id: str) -> None:
        await drive(engine, thread_id)

    async with anyio.create_task_group() as group:
        group.start_soon(dispatcher.run, advance)
        start = perf_counter()
        thread = await engine.launch(Launch(echoing.name, {"steps": steps}, "bench", budget=PLENTY))
        thread = await engine.wait(thread.id, 600)
        taken = perf_counter() - start
        group.cancel_scope.cancel()
    assert thread.status == "completed", thread
    database.close()
    return taken
