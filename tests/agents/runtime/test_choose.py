"""Agents that let the model pick one tool per turn: from a closed set, not in circles, and never without an end."""

from itertools import pairwise
from typing import Any

import pytest
from pydantic import ValidationError

from agents.runtime.choose import choose
from agents.runtime.model import ScriptedModel
from agents.runtime.script import script
from agents.runtime.window import Limits
from state.events import Compacted
from state.spending import Budget
from state.steps import Done, Step, Think
from state.thread import Thread
from tests.agents.runtime.lab import Lab, answer, kinds, run
from tests.agents.runtime.toys import Errand, Report, Word, add, agent_of, peek

pytestmark = pytest.mark.anyio
TOOLS = (peek, add)


@script
def picking(_: Errand, thread: Thread) -> Step:
    word = choose(thread, "pick", TOOLS, Word, turns=300, context={"name": "sea"})
    return Done(Report(results={"word": word.word}))


def turns(*steps: dict[str, Any]) -> ScriptedModel:
    """Make a model that decides so, one step after the other."""
    think = picking(Errand(), Thread(id=""))
    assert isinstance(think, Think)
    return ScriptedModel(*(think.returns.model_validate({"why": "so", "next": step}) for step in steps))


def written(lab: Lab, name: str) -> str:
    lab.world.mkdir(exist_ok=True)
    (lab.world / name).write_text(f"text of {name}")
    return name


def call(tool: str, **args: Any) -> dict[str, Any]:
    return {"do": tool, "args": args}


ANSWER = {"do": "answer", "answer": {"word": "blue"}}


@pytest.mark.requirement("F1", "F4", "F8")
async def test_the_model_picks_tools_until_it_has_the_answer(lab: Lab) -> None:
    model = turns(call("add", name="a", amount=2), call("peek", name="a"), ANSWER)
    done = await run(lab.engine(agents=[agent_of(picking)], model=model), {})
    assert (done.output["results"], lab.numbers()) == ({"word": "blue"}, {"a": "2"})
    assert "peek" in model.prompts[2].text and '→ <data origin="files of the repository"' in model.prompts[2].text


@pytest.mark.requirement("F1")
@pytest.mark.parametrize("step", [call("rm", path="/"), call("add", name="a"), {"do": "answer"}, {"do": "add"}, {}])
async def test_a_tool_that_does_not_exist_or_wrong_arguments_are_no_step(step: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        turns(step)


@pytest.mark.requirement("F9")
async def test_a_failed_call_is_told_to_the_model_and_is_not_the_end(lab: Lab) -> None:
    model = turns(call("peek", name="missing"), ANSWER)
    done = await run(lab.engine(agents=[agent_of(picking)], model=model), {})
    assert done.status == "completed"
    assert "call:0 failed" in model.prompts[1].text and "The last failure" in model.prompts[1].text


@pytest.mark.requirement("F9")
@pytest.mark.parametrize("period", [1, 2, 3])
async def test_a_model_that_goes_in_circles_is_put_to_a_person_whose_advice_it_reads(lab: Lab, period: int) -> None:
    around = [call("peek", name=written(lab, f"a{number % period}")) for number in range(3 * period)]
    model = turns(*around, ANSWER)
    engine = lab.engine(agents=[agent_of(picking)], model=model)
    thread = await run(engine, {}, Budget(steps=100))
    assert thread.question is not None and "again and again" in thread.question.text
    assert thread.question.answer_by == "person"
    done = await answer(engine, thread, "look at the sky")
    assert done.status == "completed" and "look at the sky" in model.prompts[-1].text


async def test_a_person_can_stop_a_model_that_is_stuck(lab: Lab) -> None:
    model = turns(*[call("peek", name=f"missing-{number}") for number in range(3)])
    engine = lab.engine(agents=[agent_of(picking)], model=model)
    thread = await run(engine, {})
    assert thread.question is not None and "failed" in thread.question.text
    done = await answer(engine, thread, "stop")
    assert (done.status, done.reason and done.reason.kind) == ("failed", "refused")


@pytest.mark.requirement("R9")
async def test_what_the_model_asks_is_answered_and_stands_in_the_next_prompt_with_its_question(lab: Lab) -> None:
    model = turns({"do": "ask_person", "question": "Which sea?"}, ANSWER)
    engine = lab.engine(agents=[agent_of(picking)], model=model)
    done = await answer(engine, await run(engine, {}), "the north sea")
    assert done.status == "completed"
    assert 'asked "Which sea?"' in model.prompts[1].text.replace("'", '"')
    assert "- ask:0: the north sea" in model.prompts[1].text


async def test_a_model_that_never_answers_ends_with_its_turns(lab: Lab) -> None:
    @script
    def short(_: Errand, thread: Thread) -> Step:
        return Done(choose(thread, "pick", TOOLS, Word, turns=2, context={}))

    model = turns(*(call("peek", name=written(lab, name)) for name in "ab"))
    done = await run(lab.engine(agents=[agent_of(short)], model=model), {})
    assert (done.status, done.reason and done.reason.kind) == ("failed", "limit")


@pytest.mark.requirement("F3", "R9", "F9")
async def test_two_hundred_steps_fit_a_small_window_and_keep_task_answer_and_last_failure(lab: Lab) -> None:
    """The front of a prompt is that of the one before it, but for the few at which older steps shrink."""
    steps = [call("peek", name=written(lab, f"file-{number}-{'x' * 40}")) for number in range(197)]
    steps[2] = {"do": "ask_person", "question": "Which sea?"}
    steps[5] = call("peek", name="missing")
    model = turns(*steps, ANSWER)
    limits = Limits(tokens=8000, threshold=0.8)
    engine = lab.engine(agents=[agent_of(picking)], model=model, limits=limits)
    thread = await run(engine, {}, Budget(steps=1000))
    done = await answer(engine, thread, "the north sea")
    assert done.status == "completed" and "compacted" in kinds(engine, done.id)
    texts = [prompt.text for prompt in model.prompts]
    assert all(len(text.encode()) / 3 <= limits.tokens for text in texts)
    assert all("find a word for sea" in text for text in texts)
    assert all("- ask:2: the north sea" in text for text in texts[3:])
    assert all("'missing' is missing" in text for text in texts[6:])
    assert reuse(texts) >= 0.8


def reuse(texts: list[str]) -> float:
    """Return the part of all prompts that the one before it began with."""
    same = [shared(before, after) for before, after in pairwise(texts)]
    return sum(same) / sum(map(len, texts[1:]))


def shared(before: str, after: str) -> int:
    return next((at for at, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), len(before))


@pytest.mark.requirement("F3")
async def test_shrinking_is_an_event_and_the_log_keeps_what_was_told_shorter(lab: Lab) -> None:
    model = turns(*[call("peek", name=written(lab, f"file-{number}-{'x' * 200}")) for number in range(40)], ANSWER)
    engine = lab.engine(agents=[agent_of(picking)], model=model, limits=Limits(tokens=3000))
    done = await run(engine, {}, Budget(steps=1000))
    shrunk = [record.event for record in engine.store.read(done.id) if isinstance(record.event, Compacted)]
    assert shrunk and all(event.after < event.before for event in shrunk)
    assert len([key for key in done.results if key.startswith("call:")]) == 40


@pytest.mark.requirement("F3")
async def test_a_task_that_no_window_holds_is_refused_by_name(lab: Lab) -> None:
    engine = lab.engine(agents=[agent_of(picking)], model=turns(ANSWER), limits=Limits(tokens=10))
    done = await run(engine, {})
    assert done.reason is not None and done.reason.kind == "limit" and "MAX_CONTEXT_TOKENS" in done.reason.hint
