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
    (lambda _: step("ask_person", question="What?", options=["x" * 15_000, "y"]), "retry:turn:0"),
    (lambda _: step("ask_person", question="What?", options=[" ", "y"]), "retry:turn:0"),
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


@pytest.mark.requirement("R9")
async def test_an_answer_to_choose_can_be_chosen_whatever_blanks_the_model_put_around_it(
    make_repository: MakeRepository,
) -> None:
    asks = step("ask_person", question="Which?", options=["The first ", "\tthe second\n"])
    model = Stubborn(lambda asked: asks if asked == 1 else said("So be it."))
    async with opened(make_repository("shop", SHOP), model=model) as shop:
        thread = await shop.answer(await shop.run("assistant", request="Do it."), "the second")
        assert thread.outcome == "done" and "- ask:0: the second" in model.told


async def test_a_result_too_long_to_decide_on_is_told_by_its_beginning_and_not_the_end(
    make_repository: MakeRepository,
) -> None:
    looks = [step("read_file", args={"path": "long.py"}), step("read_file", args={"path": "long.py", "lines": 20})]
    model = Stubborn(lambda asked: (*looks, said("It is there."))[asked - 1])
    text = "".join(
        f"value_{number} = {number}  # one of very many, each on a line of its own\n" for number in range(400)
    )
    async with opened(make_repository("shop", {"long.py": text}), model=model) as shop:
        assert (await shop.run("assistant", request="Where is it?")).outcome == "done"
        assert "too many to be shown: ask for less at once. They begin: " in model.told
        assert "value_19 = 19" in model.told and "value_20 = 20" not in model.told
