"""Tokens and money end like steps and time do: with a question to a person, which says what going on costs."""

import pytest

from agents.runtime.model import Decision, ModelError, Prompt, ScriptedModel
from state.events import Failed, Resolved
from state.problem import ProblemError
from state.spending import Budget, Spent, Usage
from tests.agents.runtime.lab import Lab, answer, kinds, launch, run
from tests.agents.runtime.toys import Word, lines

pytestmark = pytest.mark.anyio


class Dear:
    """A model with a price."""

    def __init__(self, cost: float = 0.5, tokens: int = 1000) -> None:
        self.calls = 0
        self._usage = Usage(model="test:dear", input_tokens=tokens, output_tokens=100, cost=cost)

    async def decide(self, prompt: Prompt, returns: type[Word]) -> Decision[Word]:
        self.calls += 1
        return Decision(returns(word="sun"), self._usage)


THREE = lines("think sky", "think sea", "think sun")


@pytest.mark.requirement("F8", "R8")
@pytest.mark.parametrize("budget", [Budget(tokens=2000), Budget(money=0.9)])
async def test_a_thread_out_of_tokens_or_money_pauses_and_says_the_price_of_going_on(lab: Lab, budget: Budget) -> None:
    model = Dear()
    engine = lab.engine(model=model)
    thread = await run(engine, THREE, budget)
    question = thread.question
    assert question is not None and question.answer_by == "person" and model.calls == 2
    assert "2,200" in question.text and "$1.00" in question.text and "At the rate so far" in question.text
    with pytest.raises(ProblemError):
        await engine.answer(thread.id, question.key, "continue", channel="test", person=False)
    done = await answer(engine, thread, "continue")
    assert (done.status, model.calls, done.spent) == ("completed", 3, Spent(3300, 1.5))


@pytest.mark.requirement("F8")
async def test_a_session_that_is_spent_pauses_each_of_its_threads_before_it_calls_a_model(lab: Lab) -> None:
    model = Dear()
    engine = lab.engine(model=model, session_limit=Spent(2000, 100.0))
    assert (await run(engine, lines("think sky", "think sea"))).status == "completed"
    thread = await run(engine, lines("add a", "think sky"))
    assert thread.question is not None and "session 's'" in thread.question.text and model.calls == 2
    done = await answer(engine, thread, "continue")
    assert (done.status, model.calls) == ("completed", 3)
    stopped = await answer(engine, await run(engine, lines("think sky")), "stop")
    assert (stopped.status, model.calls) == ("failed", 3)


async def test_what_a_failed_call_cost_counts_and_is_in_the_log(lab: Lab) -> None:
    usage = Usage(model="test:dear", input_tokens=700, output_tokens=50, cost=0.1)
    wrong = ModelError("bad_input", "word: it is missing.", usage=usage)
    model = ScriptedModel(wrong, Word(word="sun"))
    engine = lab.engine(model=model)
    done = await run(engine, lines("think sky"))
    assert done.spent == Spent(750, 0.1)
    failed = [record.event for record in engine.store.read(done.id) if isinstance(record.event, Failed)]
    assert failed[0].thought is not None and failed[0].thought.usage == usage


@pytest.mark.requirement("F9")
async def test_an_answer_that_did_not_fit_is_told_to_the_model_on_its_next_try(lab: Lab) -> None:
    model = ScriptedModel(ModelError("bad_input", "word: it is missing."), Word(word="sun"))
    done = await run(lab.engine(model=model), lines("think sky"))
    assert done.status == "completed"
    assert "word: it is missing." not in model.prompts[0].text
    assert "- word: it is missing." in model.prompts[1].text


async def test_a_call_that_a_person_must_see_to_asks_at_once(lab: Lab) -> None:
    model = ScriptedModel(ModelError("refused", "OPENAI_API_KEY was refused.", then="ask"), Word(word="sun"))
    engine = lab.engine(model=model)
    thread = await run(engine, lines("think sky"))
    assert kinds(engine, thread.id) == ["launched", "failed", "asked"]
    assert thread.question is not None and "'0:think' failed once: OPENAI_API_KEY was" in thread.question.text
    assert (await answer(engine, thread, "retry")).status == "completed"


async def test_a_call_that_can_never_succeed_is_the_end_with_its_reason(lab: Lab) -> None:
    model = ScriptedModel(ModelError("limit", "The prompt is too long for the model.", then="fail"))
    done = await run(lab.engine(model=model), lines("think sky"))
    assert (done.status, done.reason and done.reason.message) == ("failed", "The prompt is too long for the model.")


async def test_every_decision_names_template_words_model_and_price(lab: Lab) -> None:
    engine = lab.engine(model=Dear())
    thread_id = await launch(engine, lines("think sky"))
    done = await run(engine, lines("think sky"))
    decided = [one.event for one in engine.store.read(done.id) if isinstance(one.event, Resolved)]
    thought = decided[0].thought
    assert thread_id and thought is not None
    assert (thought.template, thought.version, thought.usage.cost) == ("word", "1", 0.5)
    assert engine.store.get(thought.digest) == b"template of word"
