"""Run a recorded thread once more without model or tools, and see that its agent decides every step as it did.

That is the regression test of agents and prompts: the log has what came of every step, and deciding is pure (R2).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, assert_never

from agents.runtime.deciding import Unavailable, decide
from agents.runtime.definition import Agent
from agents.runtime.divergence import decided, identity_of
from agents.runtime.model import Prompt
from agents.runtime.origins import Tools
from agents.runtime.thinking import Render, prompt_for
from agents.runtime.window import Limits
from prompts import Rendered
from state.events import Aborted, Answered, Asked, Event, Failed, Finished, thought_of
from state.fold import reduce
from state.problem import ProblemError
from state.spending import Thought
from state.steps import Abort, Ask, Call, Done, Spawn, Step, Think
from state.store import Record
from state.thread import Thread


class Means(NamedTuple):
    """What prompts are made with."""

    render: Render
    limits: Limits
    tools: Tools


@dataclass(frozen=True, slots=True)
class Difference:
    """A place at which the thread would go another way now."""

    version: int
    then: str
    now: str


@dataclass(frozen=True, slots=True)
class Reworded:
    """A prompt that has other words now."""

    version: int
    then: Thought
    body: Rendered
    rules: Rendered
    """What is used now."""


@dataclass(slots=True)
class Replayed:
    """What came of running it once more."""

    steps: int = 0
    """Decisions that are the same."""
    prompts: int = 0
    """Of these, prompts with the same words."""
    differences: list[Difference] = field(default_factory=list[Difference])
    reworded: list[Reworded] = field(default_factory=list[Reworded])

    @property
    def equal(self) -> bool:
        return not self.differences and not self.reworded


async def replayed(agent: Agent[Any, Any], records: Sequence[Record], means: Means) -> Replayed:
    """Decide everything again. What a person, the engine or the world did is taken from the log.

    Raises:
        InvalidTransition: The log contradicts itself.
        Unavailable: The agent is not there.
    """
    found, thread, before = Replayed(), Thread(id=""), None
    events = [record.event for record in records]
    for record, event in zip(records, events, strict=True):
        if (said := _then(thread, event)) is not None and not _engines_own(event, before):
            step = await _step(agent, thread, events)
            if (now := _said(step)) == said:
                found.steps += 1
                _compare_words(found, thread, step, record, means)
            elif not (isinstance(event, Aborted) and _unmade(thread, step, means)):
                found.differences.append(Difference(record.version, said, now))
        thread, before = reduce(thread, event), event
    return found


async def _step(agent: Agent[Any, Any], thread: Thread, events: Sequence[Event]) -> Step:
    try:
        return await decide(agent, thread, lambda after: events[after : thread.version])
    except Unavailable:
        raise
    except ProblemError as error:
        return Abort(error.problem)


def _then(thread: Thread, event: Event) -> str | None:
    """Return what the agent decided, if the event shows it."""
    if (effect := decided(thread, event)) is not None:
        return " ".join(effect)
    match event:
        case Asked(key=key, topic="agent") if thread.asked is None:
            return f"ask {key}: {event.question.text} {list(event.question.options)}"
        case Finished(outcome=outcome, output=output):
            return f"{outcome} {_json(output)}"
        case Aborted(problem=problem):
            return f"abort {problem}"
        case _:
            return None


def _engines_own(event: Event, before: Event | None) -> bool:
    """Tell whether the engine ended the thread, whatever the agent wanted: as a person or a model's provider said."""
    if not isinstance(event, Aborted):
        return False
    match before:
        case Answered(answer="stop"):
            return True
        case Failed(thought=Thought(), problem=problem):
            return problem == event.problem
        case _:
            return event.outcome == "denied" or event.problem.kind == "diverged"


def _unmade(thread: Thread, step: Step, means: Means) -> bool:
    """Tell whether the agent wants a decision whose prompt cannot be made, which ends the thread."""
    if not isinstance(step, Think):
        return False
    try:
        _words(thread, step, means)
    except ProblemError:
        return True
    return False


def _words(thread: Thread, step: Think, means: Means) -> tuple[Rendered, Rendered, str]:
    """Return both templates as they are used now, and the hash of what is sent; of what must shrink first, none.

    Raises:
        ProblemError: The prompt cannot be made.
    """
    rules, body = means.render(thread, "system", {}), means.render(thread, step.prompt, step.context)
    prompt = prompt_for(thread, step, rules, body, means.limits, means.tools)
    return rules, body, prompt.sent if isinstance(prompt, Prompt) else ""


def _said(step: Step) -> str:
    match step:
        case Call(key=key) | Think(key=key) | Spawn(key=key):
            return f"{key} {identity_of(step)}"
        case Ask(key=key, text=text, options=options):
            return f"ask {key}: {text} {list(options)}"
        case Done(output=output, outcome=outcome):
            return f"{outcome} {_json(output.model_dump(mode='json'))}"
        case Abort(reason=problem):
            return f"abort {problem}"
    assert_never(step)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _compare_words(found: Replayed, thread: Thread, step: Step, record: Record, means: Means) -> None:
    then = thought_of(record.event)
    if then is None or not isinstance(step, Think):
        return
    try:
        rules, body, sent = _words(thread, step, means)
    except ProblemError as error:
        found.differences.append(Difference(record.version, f"prompt {then.template}", str(error)))
        return
    if sent == then.sent:
        found.prompts += 1
    else:
        found.reworded.append(Reworded(record.version, then, body, rules))
