"""Ask an agent what it wants next, wherever it decides: here, or in a process of its own."""

from typing import Any

from agents.runtime.definition import Agent
from state.problem import ProblemError
from state.steps import Step
from state.store import Store
from state.thread import Thread


class Unavailable(ProblemError):
    """The agent is not there at the moment. Its thread lets go, and can be resumed when it is back."""


async def decide(store: Store, agent: Agent[Any, Any], thread: Thread) -> Step:
    """Return the step that follows from the log as far as `thread` is folded.

    Raises:
        Unavailable: It is not there.
        ProblemError: The agent says so, or did not decide.
    """
    if agent.elsewhere is None:
        return agent.next_step(agent.task(thread), thread)

    def log(after: int) -> list[Any]:
        return [record.event for record in store.read(thread.id, after, max(0, thread.version - after))]

    return await agent.elsewhere(thread, log)
