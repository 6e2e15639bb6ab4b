"""Templates are ours, versioned with the code; what fills them is only ever text."""

from collections.abc import Generator
from pathlib import Path

import pytest

from agents.runtime.model import ScriptedModel
from prompts import render
from prompts.problem import BadTemplate
from state.events import Resolved
from tests.agents.runtime.lab import Lab, run
from tests.agents.runtime.toys import Word, lines


@pytest.fixture
def lab(tmp_path: Path) -> Generator[Lab]:
    made = Lab(tmp_path)
    yield made
    made.close()


TEMPLATES = Path(__file__).parents[2] / "prompts" / "templates"


@pytest.mark.requirement("F2")
def test_a_prompt_is_the_template_in_the_repository_with_its_variables_filled() -> None:
    prompt = render("call_agent", agent="testing", description="Run tests.", task={"paths": "tests"})
    assert prompt.startswith("Call the tool `testing` of factor12. Run tests.")
    assert "- paths: tests" in prompt
    assert (TEMPLATES / "call_agent.md.j2").is_file()


@pytest.mark.requirement("F2")
def test_a_variable_that_is_missing_is_an_error_and_not_a_blank() -> None:
    with pytest.raises(BadTemplate, match="task"):
        render("call_agent", agent="testing", description="Run tests.")


@pytest.mark.requirement("R18")
def test_template_syntax_inside_a_value_stays_text_and_runs_nothing() -> None:
    attack = "{{ cycler.__init__.__globals__.os.popen('id').read() }}"
    assert f"- issue: {attack}" in render("call_agent", agent="a", description="d", task={"issue": attack})


@pytest.mark.requirement("F2")
@pytest.mark.anyio
async def test_the_log_names_the_exact_prompt_that_a_decision_answered(lab: Lab) -> None:
    model = ScriptedModel(Word(word="sun"))
    engine = lab.engine(model=model)
    done = await run(engine, lines("think sky"))
    decided = [record.event for record in engine.store.read(done.id) if isinstance(record.event, Resolved)]
    assert [event.thought and event.thought.sent for event in decided] == [model.prompts[0].sent]
