"""The assistant with models that do everything but answer: a person is asked, and it never goes on for ever."""

from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from pydantic import BaseModel

from agents.runtime.model import Decision, Prompt
from agents.runtime.models.answers import fitting
from tests.agents.shop import SHOP, MakeRepository, Shop, opened

pytestmark = pytest.mark.anyio

ModelT = TypeVar("ModelT", bound=BaseModel)
Says = Callable[[int], Any]


class Stubborn:
    """A model whose answer depends on nothing but how often it was asked."""

    def __init__(self, says: Says) -> None:
        self.says, self.asked, self.told = says, 0, ""

    async def decide(self, prompt: Prompt, returns: type[ModelT]) -> Decision[ModelT]:
        self.asked, self.told = self.asked + 1, prompt.text
        return Decision(fitting(self.says(self.asked), returns))


def step(do: str, **more: Any) -> Any:
    return {"why": "As told.", "next": {"do": do, **more}}


def said(answer: str) -> Any:
    return step("answer", answer={"answer": answer})


async def answering(shop: Shop, most: int) -> tuple[str, str]:
    """Return how it ends, and what is asked last, when a person goes on answering questions of the model."""
    thread = await shop.run("assistant", request="Do it.")
    for _ in range(most):
        if thread.question is None or not thread.question.key.startswith("ask:"):
            break
        thread = await shop.answer(thread, "go on")
    return thread.status, thread.question.key if thread.question else str(thread.reason or "")


STUBBORN: list[tuple[Says, str]] = [
    (lambda _: step("list_files", args={}), "stuck:3"),
    (lambda n: step("read_file", args={"path": f"nowhere{n}"}), "stuck:3"),
    (lambda _: step("ask_person", question="What?"), "stuck:3"),
    (lambda n: step("ask_person", question=f"What is {n}?"), "budget:25"),
    (lambda n: step("search", args={"text": f"word{n}"}), "budget:25"),
    (lambda _: step("search", args={"nope": 1}), "retry:turn:0"),
    (lambda _: step("rm", args={"path": "/"}), "retry:turn:0"),
    (lambda _: said("x" * 1_000_000), "retry:turn:0"),
    (lambda _: said(" \n\t"), "retry:turn:0"),
    (lambda _: "Hello.", "retry:turn:0"),
    (lambda _: None, "retry:turn:0"),
]


@pytest.mark.requirement("F8", "F9")
@pytest.mark.parametrize(
    ("says", "asked"),
    STUBBORN,
)
async def test_a_model_that_comes_to_no_answer_is_put_to_a_person(
    says: Says, asked: str, make_repository: MakeRepository
) -> None:
    async with opened(make_repository("shop", SHOP), model=Stubborn(says)) as shop:
        assert await answering(shop, 30) == ("waiting", asked)
        assert shop.status() == ""


async def test_a_model_that_answers_is_not_put_to_anybody(make_repository: MakeRepository) -> None:
    async with opened(make_repository("shop", SHOP), model=Stubborn(lambda _: said("42"))) as shop:
        assert await answering(shop, 30) == ("completed", "")


@pytest.mark.requirement("R18", "F3")
async def test_what_was_read_before_is_framed_by_the_file_it_came_from(make_repository: MakeRepository) -> None:
    looks = [step("read_file", args={"path": "auth.py"}), step("search", args={"text": "Bug"}), said("It is there.")]
    model = Stubborn(lambda asked: looks[asked - 1])
    async with opened(make_repository("shop", SHOP), model=model) as shop:
        assert (await shop.run("assistant", request="Where is it?")).outcome == "done"
        assert '<data origin="files of shop (auth.py)"' in model.told and '<data origin="files of shop"' in model.told
