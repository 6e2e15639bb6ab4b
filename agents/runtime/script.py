"""Write an agent as a straight line: each line that needs an effect stops there until the effect has an outcome.

`next_step` is called again after every event and runs from the top; results come from the log, so it is as pure as any
other agent (R2), and the first thing the log lacks is the next step.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Literal, ParamSpec, TypeVar

from pydantic import BaseModel

from state.problem import Problem
from state.steps import Abort, Ask, Child, Outcome, Spawn, Step, Think
from state.thread import Thread
from tools.base import Tool

P = ParamSpec("P")
R = TypeVar("R")
TaskT = TypeVar("TaskT", bound=BaseModel)
ModelT = TypeVar("ModelT", bound=BaseModel)


class Wanted(Exception):
    """The script cannot go on before this step."""

    def __init__(self, step: Step) -> None:
        super().__init__(step)
        self.step = step


def script(lines: Callable[[TaskT, Thread], Step]) -> Callable[[TaskT, Thread], Step]:
    """Turn straight-line code over `need`, `answer` and `thought` into a `next_step`."""

    @wraps(lines)
    def next_step(task: TaskT, thread: Thread) -> Step:
        try:
            return lines(task, thread)
        except Wanted as wanted:
            return wanted.step

    return next_step


def need(thread: Thread, tool: Tool[P, R], key: str = "") -> Callable[P, R]:
    """Return a call of `tool` that yields its result, wants the call, or gives up: failed, or denied by a person."""

    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if (name := key or tool.name) in thread.denials:
            raise Wanted(tool.keyed(name, *args, **kwargs))
        done = attempt(thread, tool, name)(*args, **kwargs)
        if isinstance(done, Problem):
            raise Wanted(Abort(done))
        return done

    return call


def attempt(thread: Thread, tool: Tool[P, R], key: str = "") -> Callable[P, R | Problem]:
    """Like `need`, but a failure, or a person's no, is returned for the script to act on."""

    def call(*args: P.args, **kwargs: P.kwargs) -> R | Problem:
        name = key or tool.name
        if (result := tool.result(thread, name)) is not None:
            return result
        if (reason := thread.denials.get(name)) is not None:
            return Problem(kind="refused", message=f"{name!r} was denied. {reason}")
        if problem := tool.failure(thread, name):
            return problem
        raise Wanted(tool.keyed(name, *args, **kwargs))

    return call


class Ended(BaseModel):
    """What a child came to."""

    thread: str
    agent: str
    status: Literal["completed", "failed", "cancelled"]
    outcome: Outcome | None = None
    output: Any = None
    """As its agent returned it; of a long one only `summary`, and how many bytes there are under `left_out`."""
    problem: Problem | None = None

    @property
    def summary(self) -> str:
        """What its output says in a line."""
        match self.output:
            case {"summary": str(told)}:
                return told
            case _:
                return ""


def child(thread: Thread, agent: str, task: BaseModel | Mapping[str, Any], key: str) -> Ended | Problem:
    """Return what a child of that name came to, or start it and rest; that it cannot be started is returned."""
    if key not in thread.results:
        if failed := thread.failures.get(key):
            return failed[-1].problem
        told = task.model_dump(mode="json", exclude_defaults=True) if isinstance(task, BaseModel) else dict(task)
        raise Wanted(Spawn(key, (Child(key, agent, told),)))
    return Ended.model_validate({name: value for name, value in thread.results[key][0].items() if name != "key"})


def answer(
    thread: Thread, key: str, text: str, options: tuple[str, ...] = (), by: Literal["person", "anyone"] = "anyone"
) -> Any:
    """Return what was answered under `key`, or ask."""
    if key not in thread.results:
        raise Wanted(Ask(key, text, options, by))
    return thread.results[key]


def thought(thread: Thread, prompt: str, returns: type[ModelT], key: str = "", **context: Any) -> ModelT:
    """Return the model's decision, or ask the model."""
    if (name := key or prompt) not in thread.results:
        raise Wanted(Think(name, prompt, returns, context))
    return returns.model_validate(thread.results[name])
