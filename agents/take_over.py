"""Take the edits that a thread made in a work tree of its own over into the person's checkout."""

from pydantic import BaseModel

from agents.runtime.definition import Agent
from agents.runtime.script import need, script
from state.steps import Done, Step
from state.thread import Thread
from tools.takeover import Taken, take_over


class Task(BaseModel):
    thread: str
    """Whose edits they are."""
    tree: str
    """What its work tree is called in this workspace."""
    base: str
    """The commit of its checkpoints from before its first change."""


class Applied(BaseModel):
    summary: str
    taken: Taken


@script
def next_step(task: Task, thread: Thread) -> Step:
    """Take all over at once; what stands in the way is the end."""
    taken = need(thread, take_over)(task.tree, task.base)
    if not taken.total:
        return Done(Applied(summary="Everything stands in the checkout already.", taken=taken), "no_change")
    count = f"{taken.total} file{'s' if taken.total > 1 else ''}"
    return Done(Applied(summary=f"Taken over into {taken.repo!r}, not committed: {count}.", taken=taken), "done")


agent = Agent(
    "take_over",
    "Take edits over",
    "Take the edits that a thread made in a work tree of its own over into the checkout.",
    Task,
    Applied,
    next_step,
    mode="write",
    offered=False,
)
