"""Ask an agent what it wants next, wherever it decides: here, or in a process of its own."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from agents.runtime.definition import Agent
from state.events import Event
from state.problem import ProblemError
from state.steps import Step
from state.store import Store
from state.thread import Thread

Log: TypeAlias = Callable[[int], Sequence[Event]]
"""Given a version: the events after it."""


class Unavailable(ProblemError):
    """The agent is not there at the moment. Its thread lets go, and can be resumed when it is back."""


async def decide(agent: Agent[Any, Any], thread: Thread, log: Log) -> Step:
    """Return the step that follows from the log as far as `thread` is folded.

    Raises:
        Unavailable: It is not there.
        ProblemError: The agent says so, or did not decide.
    """
    if agent.elsewhere is None:
        return agent.next_step(agent.task(thread), thread)
    return await agent.elsewhere(thread, log)


def log_of(store: Store, thread: Thread) -> Log:
    """Return what reads the thread's events as far as it is folded."""
    return lambda after: [record.event for record in store.read(thread.id, after, max(0, thread.version - after))]
