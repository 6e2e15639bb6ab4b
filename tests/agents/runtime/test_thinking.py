"""Decisions of a model: what it is told, what it may answer, and how a thread gets them without a model."""

from typing import Any

import pytest

from agents.runtime.model import ScriptedModel
from state.problem import ProblemError
from state.steps import Ask, Done, Step, Think
from state.thread import Thread
from tests.agents.runtime.lab import Lab, answer, kinds, run
from tests.agents.runtime.toys import Errand, Line, Report, Word, add, agent_of, lines, peek
from tools.base import ToolError

pytestmark = pytest.mark.anyio


@pytest.mark.requirement("F4", "R3")
async def test_a_models_decision_is_typed_recorded_and_never_asked_for_again(lab: Lab) -> None:
    model = ScriptedModel(Word(word="sun"))
    done = await run(lab.engine(model=model), lines("think sky", "add a"))
    assert (done.status, done.results["0:think"]) == ("completed", {"word": "sun"})
    assert [prompt.text for prompt in model.prompts] == ["Prompt word: find a word for sky, red if you must."]


@pytest.mark.requirement("R9", "F3")
@pytest.mark.parametrize("said", ["a colour nobody named", "red", "a"])
async def test_an_answer_stands_in_the_next_prompt_though_the_template_forgot_it(lab: Lab, said: str) -> None:
    """Also an answer that stands in the template by chance, as `red` and `a` do."""
    model = ScriptedModel(Word(word="sun"), Word(word="moon"))
    engine = lab.engine(model=model)
    await answer(engine, await run(engine, lines("think sky", "ask", "think sky")), said)
    assert f"- 1:ask: {said}" not in model.prompts[0].text.splitlines()
    assert f"- 1:ask: {said}" in model.prompts[1].text.splitlines()


@pytest.mark.requirement("R9")
async def test_a_persons_answer_stands_in_a_decision_the_calling_model_makes(lab: Lab) -> None:
    engine = lab.engine()
    thread = await answer(engine, await run(engine, lines("ask", "think sky")), "dark blue")
    assert thread.question is not None
    assert "- 0:ask: dark blue" in thread.question.context["prompt"]


@pytest.mark.requirement("F1")
async def test_a_decision_in_words_becomes_a_tool_call_that_the_engine_runs(lab: Lab) -> None:
    def choose(_: Errand, thread: Thread) -> Step:
        if (chosen := thread.results.get("choose")) is None:
            return Think("choose", "choose", Line)
        line = Line.model_validate(chosen)
        done = add.result(thread)
        return Done(Report(results={"new": done})) if done else add(line.name, line.amount)

    model = ScriptedModel(Line(do="add", name="score", amount=42))
    done = await run(lab.engine(agents=[agent_of(choose)], model=model), {})
    assert (done.output, lab.numbers()) == ({"results": {"new": 42}, "denied": []}, {"score": "42"})


@pytest.mark.requirement("F13")
async def test_what_an_agent_will_need_is_read_before_the_model_is_asked(lab: Lab) -> None:
    def fetch_then_think(_: Errand, thread: Thread) -> Step:
        if (text := peek.result(thread)) is None:
            return peek("a")
        return Done(Report()) if "word" in thread.results else Think("word", "word", Word, {"name": text})

    lab.world.mkdir(exist_ok=True)
    (lab.world / "a").write_text("seven seas")
    model = ScriptedModel(Word(word="salt"))
    await run(lab.engine(agents=[agent_of(fetch_then_think)], model=model), {})
    assert [prompt.text for prompt in model.prompts] == ["Prompt word: find a word for seven seas, red if you must."]


@pytest.mark.requirement("R19", "F7")
@pytest.mark.parametrize("form", [{"word": "sun"}, '{"word": "sun"}'])
async def test_without_a_model_anyone_may_decide_in_the_form_the_schema_says(lab: Lab, form: Any) -> None:
    engine = lab.engine()
    thread = await run(engine, lines("think sky", "add a"))
    question = thread.question
    assert question is not None
    assert (question.kind, question.answer_by, question.answer_schema) == (
        "decision",
        "anyone",
        Word.model_json_schema(),
    )
    assert question.context["prompt"].startswith("Prompt word")
    done = await answer(engine, thread, form, person=False)
    assert (done.status, done.results["0:think"]) == ("completed", {"word": "sun"})


@pytest.mark.parametrize(
    "form", [{"wird": "sun"}, {"word": 7}, "sun", 7, None, '{"word": "\\ud800"}', {"word": "\ud800"}]
)
async def test_a_decision_that_does_not_fit_the_schema_is_bad_input_and_stays_open(lab: Lab, form: Any) -> None:
    engine = lab.engine()
    thread = await run(engine, lines("think sky"))
    with pytest.raises(ProblemError) as refused:
        await engine.answer(thread.id, "0:think", form, channel="test", person=False)
    assert refused.value.problem.kind == "bad_input"
    assert engine.store.load(thread.id) == thread


@pytest.mark.requirement("R3")
async def test_a_decision_that_the_agent_asks_for_no_longer_is_not_taken(lab: Lab) -> None:
    thread = await run(lab.engine(), lines("think sky"))

    def newer(_: Errand, thread: Thread) -> Step:
        return Ask("other", "What else?")

    with pytest.raises(ProblemError, match="no longer asks") as refused:
        engine = lab.engine(agents=[agent_of(newer)])
        await engine.answer(thread.id, "0:think", {"word": "sun"}, channel="test", person=False)
    assert refused.value.problem.kind == "diverged"


@pytest.mark.requirement("F9")
async def test_a_model_that_fails_three_times_is_a_question_for_a_person(lab: Lab) -> None:
    class Silent:
        async def decide(self, prompt: str, returns: type[Any]) -> Any:
            raise ToolError("busy", "The model is overloaded.", "Try later.")

    engine = lab.engine(model=Silent())
    thread = await run(engine, lines("think sky"))
    assert kinds(engine, thread.id) == ["launched", "failed", "failed", "failed", "asked"]
    done = await answer(lab.engine(model=ScriptedModel(Word(word="sun"))), thread, "retry")
    assert done.status == "completed"


async def test_a_script_that_is_over_stops_the_thread_loudly(lab: Lab) -> None:
    thread = await run(lab.engine(model=ScriptedModel(Line(do="add"))), lines("think sky"))
    assert thread.trouble is not None
    assert "the script has no Word for prompt 1" in thread.trouble.message
