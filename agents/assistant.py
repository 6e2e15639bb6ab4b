"""Answer a request in plain words: look things up, calculate, ask; change nothing."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from agents.runtime.choose import choose
from agents.runtime.definition import Agent
from agents.runtime.script import script
from state.steps import Done, Step
from state.thread import Thread
from tools.calculating import CALCULATING
from tools.files import list_files, read_file
from tools.git import git_diff, git_log, git_show, git_status
from tools.search import search

TOOLS = (*CALCULATING, search, list_files, read_file, git_status, git_log, git_show, git_diff)
TURNS = 40


class Task(BaseModel):
    request: str = Field(min_length=1, description="What to do or to find out", examples=["What is 17.5 % of 2,480?"])


def _said(answer: str) -> str:
    if not answer.strip():
        raise ValueError("it says nothing")
    return answer


class Reply(BaseModel):
    answer: Annotated[str, AfterValidator(_said)] = Field(min_length=1, max_length=12_000)


@script
def next_step(task: Task, thread: Thread) -> Step:
    """Let the model look and calculate, a call a turn, until it has the answer."""
    context = {"request": task.request, "repositories": [ref.name for ref in thread.workspace]}
    return Done(choose(thread, "assistant", TOOLS, Reply, turns=TURNS, context=context))


agent = Agent(
    "assistant",
    "Answer a request",
    "Answer a request in plain words: reads files and history, searches, calculates, asks the person. Changes nothing.",
    Task,
    Reply,
    next_step,
    anywhere=True,
)
