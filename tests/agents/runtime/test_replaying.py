"""A recorded thread runs once more without model and tools: the regression test of agents and prompts."""

from collections.abc import Mapping
from typing import Any

import pytest

from agents.runtime.definition import Agent
from agents.runtime.model import ModelError, ScriptedModel
from agents.runtime.replaying import Means, Replayed, replayed
from agents.runtime.window import Limits
from prompts import Rendered
from state.problem import Problem
from state.steps import Abort, Ask, Done, Step, Think
from state.thread import Thread
from tests.agents.runtime.lab import Lab, answer, run
from tests.agents.runtime.toys import TOOLS, Errand, Report, Word, add, agent_of, errand, lines, render

pytestmark = pytest.mark.anyio
LIMITS = Limits()


async def recorded(lab: Lab) -> Any:
    model = ScriptedModel(Word(word="sun"), Word(word="moon"))
    engine = lab.engine(model=model)
    thread = await run(engine, lines("add a", "think sky", "ask", "think sky", "add b"))
    return engine.store.read((await answer(engine, thread, "blue")).id)


async def again(records: Any, agent: Agent[Any, Any] = errand, words: Any = render) -> Replayed:
    return await replayed(agent, records, Means(words, LIMITS, {tool.name: tool for tool in TOOLS}))


@pytest.mark.requirement("R2", "R3", "F12")
async def test_every_step_and_every_prompt_of_a_recorded_thread_is_decided_as_it_was(lab: Lab) -> None:
    found = await again(await recorded(lab))
    assert (found.equal, found.steps, found.prompts) == (True, 6, 2)


@pytest.mark.requirement("R2")
async def test_an_agent_that_decides_otherwise_now_is_told_with_version_then_and_now(lab: Lab) -> None:
    def newer(task: Errand, thread: Thread) -> Step:
        step = errand.next_step(task, thread)
        return add.keyed(step.key, "a", 99) if isinstance(step, Ask) else step

    found = await again(await recorded(lab), agent_of(newer))
    assert not found.equal
    assert [one.then.startswith("ask ") for one in found.differences] == [True]


async def test_another_output_at_the_end_is_a_difference_in_words(lab: Lab) -> None:
    def newer(task: Errand, thread: Thread) -> Step:
        step = errand.next_step(task, thread)
        return Done(Report(results={"new": 1})) if isinstance(step, Done) else step

    found = await again(await recorded(lab), agent_of(newer))
    assert [('"new": 1' in one.now, '"new": 1' in one.then) for one in found.differences] == [(True, False)]


@pytest.mark.requirement("F2")
async def test_a_prompt_with_other_words_is_told_with_both_templates(lab: Lab) -> None:
    def reworded(thread: Thread, name: str, context: Mapping[str, Any], /) -> Rendered:
        before = render(thread, name, context)
        return before if name == "system" else Rendered(name, before.text + " Please.", "2", before.source + " new")

    found = await again(await recorded(lab), words=reworded)
    assert (found.steps, found.prompts, [one.then.version for one in found.reworded]) == (6, 0, ["1", "1"])
    assert all(one.body.digest != one.then.digest and one.rules.digest == one.then.rules for one in found.reworded)


async def test_what_a_caller_decided_is_compared_too(lab: Lab) -> None:
    engine = lab.engine()
    thread = await run(engine, lines("think sky", "add a"))
    done = await answer(engine, thread, {"word": "sun"}, person=False)
    records = engine.store.read(done.id)
    assert (await again(records)).prompts == 1

    def other(task: Errand, thread: Thread) -> Step:
        step = errand.next_step(task, thread)
        return Think(step.key, "word", Word, {"name": "sea"}) if isinstance(step, Think) else step

    assert not (await again(records, agent_of(other))).equal


@pytest.mark.parametrize("said", ["stop", "deny"])
async def test_an_end_that_a_person_or_a_provider_brought_is_no_difference(lab: Lab, said: str) -> None:
    trouble = ModelError("limit", "The prompt is too long for the model.", then="ask" if said == "stop" else "fail")
    engine = lab.engine(model=ScriptedModel(trouble))
    thread = await run(engine, lines("add a", "think sky"))
    done = await answer(engine, thread, "stop") if said == "stop" else thread
    assert done.status == "failed"
    assert (await again(engine.store.read(done.id))).equal


async def test_an_agent_that_gives_up_no_more_is_a_difference(lab: Lab) -> None:
    def gives_up(task: Errand, thread: Thread) -> Step:
        step = errand.next_step(task, thread)
        gone = Problem(kind="not_found", message="There is no sky.")
        return Abort(gone) if isinstance(step, Think) else step

    engine = lab.engine(agents=[agent_of(gives_up)])
    done = await run(engine, lines("add a", "think sky"))
    found = await again(engine.store.read(done.id))
    assert [one.then for one in found.differences] == ["abort There is no sky."]
