"""What happens to a thread, and to the children it rests for, as lines at a terminal while it happens."""

from collections.abc import Awaitable, Callable
from functools import partial
from math import inf
from typing import TypeAlias

import anyio
from anyio.abc import TaskGroup
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from agents.runtime.engine import Engine
from mcp_server.cli_timeline import line
from mcp_server.terminal import err, safe
from state.events import ChildEnded, Started
from state.thread import Thread

Wait: TypeAlias = Callable[[Callable[[Thread], Awaitable[None]]], Awaitable[Thread]]


class Display:
    """Prints a line per event as it happens and, on a terminal, what is going on right now."""

    def __init__(self, engine: Engine, thread: Thread, after: int = 0, *, quiet: bool = False) -> None:
        """Show what comes after that version; of children that are there by then, what comes from now on."""
        self._engine = engine
        self._thread = thread
        self._seen = {thread.id: after}
        """Thread → the version up to which it is shown."""
        if after:
            self._seen |= {child.id: child.version for child in self._open(thread)}
        self._quiet = quiet
        console = err()
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        hidden = quiet or not console.is_terminal
        self._progress = Progress(*columns, console=console, transient=True, disable=hidden)

    async def follow(self, wait: Wait) -> Thread:
        """Show the thread while `wait` waits for it, up to what it ended with."""
        with self._progress:
            async with anyio.create_task_group() as group:
                show = partial(self._show, group, set[str]())
                self._thread = await wait(show)
                await show(self._thread)
                group.cancel_scope.cancel()
        return self._thread

    async def _show(self, group: TaskGroup, followed: set[str], thread: Thread) -> None:
        """Show the thread as it is, and follow its children from then on."""
        self._print(thread)
        self._say(thread)
        if self._quiet:
            return
        for child in self._open(thread):
            if child.id not in followed:
                followed.add(child.id)
                group.start_soon(self._follow_child, group, followed, child)

    async def _follow_child(self, group: TaskGroup, followed: set[str], child: Thread) -> None:
        show = partial(self._show, group, followed)
        await show(child)
        await show(await self._engine.wait(child.id, inf, show))

    def _print(self, thread: Thread) -> None:
        """Print what is new of a thread; what a child did stands before its parent hears of its end."""
        if self._quiet:
            return
        for record in self._engine.store.read(thread.id, after=self._seen.get(thread.id, 0)):
            self._seen[thread.id] = record.version
            if isinstance(record.event, ChildEnded):
                for child in self._there(record.event.thread):
                    self._print(child)
            told_below = isinstance(record.event, Started) and not self._progress.disable
            if not told_below:
                self._progress.console.print(self._whose(thread) + line(record.event))
        for child in self._open(thread):
            self._print(child)

    def _say(self, thread: Thread) -> None:
        """Say what is going on right now."""
        if below := self._open(thread):
            return self._say(below[0])
        for task in self._progress.task_ids:
            self._progress.remove_task(task)
        doing = safe(thread.pending.key) if thread.pending else "deciding"
        self._progress.add_task(f"{self._whose(thread).plain}{doing}")

    def _whose(self, thread: Thread) -> Text:
        """Return the mark of a child's line; the thread that is followed has none."""
        deeper = thread.depth - self._thread.depth
        return Text(f"{'  ' * deeper}{safe(thread.agent)} ", style="dim") if deeper > 0 else Text()

    def _open(self, thread: Thread) -> list[Thread]:
        return self._there(*(child.thread for child in thread.family.open)) if thread.family else []

    def _there(self, *wanted: str) -> list[Thread]:
        """Return those of the threads that are there: a parent may have been imported without its children."""
        return [self._engine.store.load(row.thread_id) for row in self._engine.store.find(wanted)]
