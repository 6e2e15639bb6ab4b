"""A beginning of a log, and what an agent wants after it: how each agent's decisions are tested, without a model."""

from typing import Any, assert_never

from pydantic import BaseModel

from agents.runtime.definition import Agent
from state.events import Event, Launched, RepositoryRef
from state.fold import replay
from state.steps import Abort, Ask, Call, Done, Spawn, Step, Think


def next_after(
    agent: Agent[Any, Any], task: BaseModel, *events: Event, workspace: tuple[RepositoryRef, ...] = ()
) -> Step:
    """Return the agent's step after these events; asked twice, it must say the same (R2)."""
    launched = Launched(agent=agent.name, session="s", task=task.model_dump(), at=0.0, workspace=workspace)
    thread = replay("t", (launched, *events))
    first = agent.next_step(task, thread)
    assert agent.next_step(task, thread) == first
    return first


def told(step: Step) -> str:
    """Say a step in a few words: what it does and under which key, or how it ends."""
    match step:
        case Call(key, tool, _):
            return f"{tool} {key}"
        case Think(key, prompt, _, _):
            return f"think {prompt} {key}"
        case Ask(key, _, options, _, _):
            return f"ask {key} {'|'.join(options)}"
        case Spawn(key):
            return f"spawn {key}"
        case Done(_, outcome):
            return f"done {outcome}"
        case Abort(reason):
            return f"abort {reason.kind}"
    assert_never(step)
