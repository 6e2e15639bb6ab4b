"""Where the engine's tests happen: one database, one world, and engines over both, each like a process of its own."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import wraps
from inspect import isawaitable
from pathlib import Path
from typing import Any

import anyio

from agents.runtime.definition import Agent
from agents.runtime.dispatcher import InProcessDispatcher
from agents.runtime.driver import drive
from agents.runtime.engine import Engine, Launch
from state.events import Event, Launched, Spawned
from state.log import SqliteStore
from state.owner import this_process
from state.spending import Budget
from state.sqlite import Database
from state.store import Held, Lease, Owner
from state.thread import Thread
from tests.agents.runtime.toys import TOOLS, errand, render
from tools.base import Tool, Workspace
from tools.workspace import Repository

BUDGET = Budget()
DEAD = Owner(this_process().host, 2**22 + 1, 1.0)
"""A process of this host that does not exist: Linux counts pids to 2**22."""


@dataclass
class Clock:
    """Time that is set, not waited for."""

    now: float = 1_800_000_000.0
    ticks: float = 0.0

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.ticks

    def forward(self, seconds: float) -> None:
        self.now += seconds
        self.ticks += seconds


class WiredStore(SqliteStore):
    """The real store, with a wire to pull before and after each of its writes. Inherits only to stay the real one."""

    point: Callable[[str], None]

    def append(self, lease: Lease, thread: Thread, *events: Event, durable: bool = False) -> Thread:
        self.point("before append")
        after = super().append(lease, thread, *events, durable=durable)
        self.point("after append")
        return after

    def spawn(self, lease: Lease, thread: Thread, spawned: Spawned, children: Mapping[str, Launched]) -> Thread:
        self.point("before spawn")
        after = super().spawn(lease, thread, spawned, children)
        self.point("after spawn")
        return after

    def signal(self, thread: Thread, *events: Event) -> Thread:
        self.point("before signal")
        after = super().signal(thread, *events)
        self.point("after signal")
        return after

    def claim(self, thread_id: str) -> Lease | Held:
        self.point("before claim")
        lease = super().claim(thread_id)
        self.point("after claim")
        return lease

    def release(self, lease: Lease, thread: Thread) -> bool:
        self.point("before release")
        gone = super().release(lease, thread)
        self.point("after release")
        return gone


@dataclass
class Lab:
    """One database, one world, and any number of engines over both, each like a process of its own."""

    root: Path
    clock: Clock = field(default_factory=Clock)
    woken: list[str] = field(default_factory=list[str])
    databases: list[Database] = field(default_factory=list[Database])

    @property
    def world(self) -> Path:
        return self.root / "world"

    def store(self, owner: Owner | None = None) -> SqliteStore:
        """Open the file as a process of its own would."""
        return self.wired(lambda _: None, owner)

    def wired(self, point: Callable[[str], None], owner: Owner | None = None) -> SqliteStore:
        """Open the file with a wire in its writes."""
        self.world.mkdir(exist_ok=True)
        (self.root / "scratch").mkdir(exist_ok=True)
        self.databases.append(database := Database(self.root / "state.db"))
        store = WiredStore(database, clock=self.clock.wall, monotonic=self.clock.monotonic, owner=owner)
        store.point = point
        return store

    def engine(
        self,
        store: SqliteStore | None = None,
        *,
        agents: Iterable[Agent[Any, Any]] = (errand,),
        tools: Iterable[Tool[..., Any]] = TOOLS,
        **settings: Any,
    ) -> Engine:
        store = store or self.store()

        async def open_workspace(_: Thread) -> Workspace:
            here = Repository("world", self.world, "write")
            return Workspace({"world": here}, store, self.root / "scratch")

        parts: dict[str, Any] = {
            "store": store,
            "agents": {agent.name: agent for agent in agents},
            "tools": {tool.name: tool for tool in tools},
            "open_workspace": open_workspace,
            "wake": self.woken.append,
            "clock": self.clock.wall,
            "render": render,
        }
        return Engine(**(parts | settings))

    def numbers(self) -> dict[str, str]:
        """Return the world: every file with its text."""
        return {path.name: path.read_text() for path in sorted(self.world.iterdir())}

    def applied(self) -> list[str]:
        """Return every change that was ever made to the world, in order: name, text and effect."""
        journal = self.root / "scratch" / "applied"
        return journal.read_text().splitlines() if journal.exists() else []

    def close(self) -> None:
        for database in self.databases:
            database.close()


async def launch(engine: Engine, task: Mapping[str, Any], budget: Budget = BUDGET, **wish: Any) -> str:
    """Launch the errand and return the thread's id."""
    thread = await engine.launch(Launch("errand", dict(task), "s", budget=budget, **wish))
    return thread.id


async def run(engine: Engine, task: Mapping[str, Any], budget: Budget = BUDGET) -> Thread:
    """Launch the errand, drive it to its first rest, and return the thread."""
    thread_id = await launch(engine, task, budget)
    await drive(engine, thread_id)
    return engine.store.load(thread_id)


async def drive_on(engine: Engine, thread_id: str) -> Thread:
    await drive(engine, thread_id)
    return engine.store.load(thread_id)


async def answer(engine: Engine, thread: Thread, text: Any, *, person: bool = True) -> Thread:
    """Answer the thread's open question as a person and drive it to its next rest."""
    assert thread.question is not None
    await engine.answer(thread.id, thread.question.key, text, channel="test", person=person)
    return await drive_on(engine, thread.id)


def kinds(engine: Engine, thread_id: str) -> list[str]:
    return [event.kind for event in events(engine, thread_id)]


def events(engine: Engine, thread_id: str) -> list[Event]:
    return [record.event for record in engine.store.read(thread_id)]


@asynccontextmanager
async def served(lab: Lab, concurrency: int = 4, **settings: Any) -> AsyncGenerator[Engine]:
    """Run an engine with its dispatcher until the block ends, as a server process would."""
    dispatcher = InProcessDispatcher(concurrency)
    engine = lab.engine(wake=dispatcher.wake, **settings)

    async def advance(thread_id: str) -> None:
        await drive(engine, thread_id)

    async with anyio.create_task_group() as group:
        group.start_soon(dispatcher.run, advance)
        yield engine
        group.cancel_scope.cancel()


Point = Callable[[str], Awaitable[None]]


def watched(tool: Tool[..., Any], point: Point) -> Tool[..., Any]:
    """Return the tool with `point` awaited before and after each of its functions runs."""

    def around(what: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        async def call(*args: Any, **kwargs: Any) -> Any:
            await point(f"before {what} {tool.name}")
            value = function(*args, **kwargs)
            value = await value if isawaitable(value) else value
            await point(f"after {what} {tool.name}")
            return value

        return call

    if tool.apply is None or tool.probe is None:
        return replace(tool, fn=around("look", tool.fn))
    apply, probe = around("apply", tool.apply), around("probe", tool.probe)
    return replace(tool, fn=around("look", tool.fn), apply=apply, probe=probe)


@dataclass
class Hold:
    """Stops whoever comes to one point, once, until it is let go."""

    at: str
    reached: anyio.Event = field(default_factory=anyio.Event)
    go: anyio.Event = field(default_factory=anyio.Event)

    async def __call__(self, where: str) -> None:
        if where == self.at:
            self.reached.set()
            await self.go.wait()
