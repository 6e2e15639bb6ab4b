"""The models of the settings in a composed process, over the APIs' own shapes; and without any."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from agents.runtime.definition import Agent
from agents.runtime.driver import drive
from agents.runtime.engine import Launch
from agents.runtime.model import ModelError
from agents.runtime.script import script, thought
from mcp_server.compose import Runtime, running
from mcp_server.deciding import BY_CALLER, decider, deciding, lacking, unpriced
from mcp_server.service_tools import health
from mcp_server.settings import Settings
from state.steps import Done, Step
from state.thread import Thread
from tests.models import fake_provider as fake
from tests.models.fake_provider import Answer, Provider, provider
from tests.models.minds import KEY, PROMPT

pytestmark = pytest.mark.anyio


class Task(BaseModel):
    """Nothing is asked for."""


class Word(BaseModel):
    word: str


@script
def next_step(task: Task, thread: Thread) -> Step:
    return Done(thought(thread, "system", Word, "word"))


thinker = Agent("thinker", "Think", "Think of a word.", Task, Word, next_step)
WORD = {"word": "sun"}


def known(folder: Path, **variables: str) -> Settings:
    given: dict[str, Any] = {"FACTOR12_STATE_DIR": folder, "OPENAI_API_KEY": "", "ANTHROPIC_API_KEY": "", **variables}
    return Settings(**given)


async def test_the_chain_goes_to_the_next_provider_and_counts_what_both_took(tmp_path: Path) -> None:
    with provider(fake.error(401, "Wrong key.")) as first, provider(fake.messages(fake.decided(WORD))) as second:
        chosen = decider(
            known(
                tmp_path,
                FACTOR12_MODEL="openai:a,anthropic:b",
                OPENAI_BASE_URL=f"{first.url}/v1",
                ANTHROPIC_BASE_URL=second.url,
                ANTHROPIC_API_KEY=KEY,
                FACTOR12_MODEL_PRICES="anthropic:b=1/0.1/10",
            )
        )
        assert chosen is not None
        decision = await chosen.decide(PROMPT, Word)
    assert decision.answer == Word(**WORD) and decision.usage.model == "anthropic:b"
    assert decision.usage.cost == pytest.approx((200 + 80 + 200) / 1e6)
    assert KEY not in str(first.sent)


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"FACTOR12_MODEL": "openai:a"}, "Set OPENAI_API_KEY"),
        ({"FACTOR12_MODEL": "openai-responses:a"}, "Set OPENAI_API_KEY"),
        ({"FACTOR12_MODEL": "anthropic:a"}, "Set ANTHROPIC_API_KEY"),
        ({"FACTOR12_MODEL": "scripted:/no/such"}, "FACTOR12_MODEL"),
    ],
)
async def test_a_model_without_what_it_needs_names_the_variable(
    tmp_path: Path, variables: dict[str, str], says: str
) -> None:
    settings = known(tmp_path, **variables)
    chosen, missing = decider(settings), lacking(settings, *settings.chain[0])
    assert chosen is not None and missing is not None and says in missing[1]
    with pytest.raises(ModelError) as raised:
        await chosen.decide(PROMPT, Word)
    assert says in raised.value.problem.hint and raised.value.then == "ask"


async def test_a_script_decides_whole_processes_in_tests(tmp_path: Path) -> None:
    (tmp_path / "script.json").write_text('[{"word": "sun"}, {"wird": "sun"}]')
    chosen = decider(known(tmp_path, FACTOR12_MODEL=f"scripted:{tmp_path}/script.json"))
    assert chosen is not None
    assert (await chosen.decide(PROMPT, Word)).answer == Word(**WORD)
    with pytest.raises(ModelError, match="Field required"):
        await chosen.decide(PROMPT, Word)


@pytest.mark.requirement("R19")
def test_without_a_model_the_caller_decides_and_doctor_and_health_say_who(tmp_path: Path) -> None:
    assert decider(known(tmp_path)) is None and deciding(known(tmp_path)) == BY_CALLER
    assert decider(known(tmp_path, FACTOR12_MODEL="host", OPENAI_API_KEY=KEY)) is None
    both = known(tmp_path, FACTOR12_MODEL="openai:a,host", OPENAI_API_KEY=KEY)
    assert deciding(both) == f"openai:a, then {BY_CALLER}" and unpriced(both) == ["openai:a"]


@asynccontextmanager
async def composed(folder: Path, settings: Settings) -> AsyncGenerator[Runtime]:
    async with running(settings, folder, sweeping=False, agents=(thinker,), tools=()) as runtime:
        yield runtime


async def thinks(folder: Path, server: Provider, model: str) -> tuple[Thread, dict[str, Any]]:
    settings = known(folder, FACTOR12_MODEL=model, OPENAI_BASE_URL=f"{server.url}/v1", OPENAI_API_KEY=KEY)
    async with composed(folder, settings) as runtime:
        thread = await runtime.engine.launch(Launch("thinker", {}, "s"))
        await drive(runtime.engine, thread.id)
        return runtime.store.load(thread.id), await health(runtime)


@pytest.mark.parametrize(
    ("model", "answer"),
    [("openai:m", fake.chat('{"word": "sun"}')), ("openai-responses:m", fake.responses('{"word": "sun"}'))],
)
async def test_a_thread_of_a_composed_process_is_decided_by_the_model_that_is_set(
    tmp_path: Path, model: str, answer: Answer
) -> None:
    with provider(answer) as server:
        thread, healthy = await thinks(tmp_path, server, model)
    assert (thread.status, thread.results["word"]) == ("completed", WORD)
    assert healthy["model"] == model and KEY not in str(healthy)


@pytest.mark.requirement("R19")
async def test_where_every_provider_fails_a_chain_to_the_host_asks_the_calling_model(tmp_path: Path) -> None:
    with provider(fake.error(401, "Wrong key.")) as server:
        thread, _ = await thinks(tmp_path, server, "openai:m,host")
    assert thread.question is not None and thread.question.kind == "decision" and thread.question.key == "word"
