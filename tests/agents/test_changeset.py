"""Several edits, all or none, and taking them back when somebody else has been at the file."""

from collections.abc import Sequence

import pytest
from pydantic import BaseModel

from agents.runtime.changeset import apply_all, undo_all
from agents.runtime.script import script
from state.events import Answered, Asked, Event, Failed, Launched, Question, Resolved
from state.fold import replay
from state.problem import Problem
from state.steps import Ask, Call, Done, Step
from state.thread import Thread
from tests.agents.shop import AUTH, AUTH_TESTS, GREEN_TEST, SHOP, MakeRepository, asking, opened, output
from tools.changes import Changed
from tools.edits import Edit
from tools.locate import FileEdits

pytestmark = pytest.mark.anyio

BUG = "    return False  # Bug here"
FILES = [
    FileEdits(path=path, digest="0" * 64, edits=[Edit(old="a", new="b", line=1)], lines="1") for path in ("a", "b")
]
A, B = (Changed(repo="shop", path=path, before="0" * 64, after="1" * 64, lines="1") for path in ("a", "b"))
PROBLEM = Problem(kind="conflict", message="It was changed since.", hint="Take it back by hand.")
OPTIONS = ("I took it back", "leave it")


class Nothing(BaseModel):
    """The task of an agent that is told nothing."""


class Told(BaseModel):
    changed: list[str]
    problem: str = ""
    left: list[str] = []


@script
def _apply_then_undo(_: Nothing, thread: Thread) -> Step:
    done, problem = apply_all(thread, FILES)
    told = Told(changed=[change.path for change in done], problem=problem.kind if problem else "")
    told.left = undo_all(thread, done)
    return Done(told)


def _step(*events: Event) -> Step:
    launched = Launched(agent="toy", session="s", task={}, at=0.0)
    return _apply_then_undo(Nothing(), replay("t", (launched, *events)))


def _done(key: str, change: Changed) -> Resolved:
    return Resolved(key=key, value=change.model_dump(mode="json"), tool=key.partition(":")[0], args={})


def _failed(key: str) -> Failed:
    return Failed(key=key, hash="", problem=PROBLEM)


def _answered(path: str, answer: str) -> tuple[Event, ...]:
    key = f"left:{path}"
    question = Question(key=key, kind="question", answer_by="person", text="?", options=OPTIONS)
    return Asked(key=key, question=question, topic="agent"), Answered(key=key, answer=answer, channel="terminal")


BOTH = (_done("edit:a", A), _done("edit:b", B))


@pytest.mark.requirement("R2", "F12")
@pytest.mark.parametrize(
    ("events", "wanted"),
    [
        ((), "edit:a"),
        ((_done("edit:a", A),), "edit:b"),
        ((_failed("edit:a"),), Told(changed=[], problem="conflict")),
        ((_done("edit:a", A), _failed("edit:b")), "undo:a"),
        (BOTH, "undo:b"),
        ((*BOTH, _done("undo:b", B)), "undo:a"),
        ((*BOTH, _done("undo:b", B), _done("undo:a", A)), Told(changed=["a", "b"])),
        ((*BOTH, _failed("undo:b")), "left:b"),
        ((*BOTH, _failed("undo:b"), *_answered("b", OPTIONS[0])), "undo:a"),
        (
            (*BOTH, _failed("undo:b"), *_answered("b", OPTIONS[1]), _done("undo:a", A)),
            Told(changed=["a", "b"], left=["b"]),
        ),
    ],
)
def test_edits_are_made_in_order_and_taken_back_in_reverse(events: Sequence[Event], wanted: str | Told) -> None:
    step = _step(*events)
    match step:
        case Done(told, _):
            assert told == wanted
        case Call() | Ask():
            assert step.key == wanted
        case _:
            pytest.fail(str(step))


@pytest.mark.requirement("R8")
def test_what_cannot_be_taken_back_is_a_question_for_a_person_that_names_file_and_lines() -> None:
    asked = _step(*BOTH, _failed("undo:b"))
    assert isinstance(asked, Ask)
    assert (asked.options, asked.answer_by) == (OPTIONS, "person")
    assert "'b'" in asked.text
    assert "Lines 1." in asked.text


def _editing_meanwhile(old: str, new: str) -> str:
    """Tests that, once they see the edit, also change the file, as a person does while the tests run."""
    return f"""\
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "auth.py"
if "return True" in (text := SOURCE.read_text()):
    SOURCE.write_text(text.replace({old!r}, {new!r}))

{AUTH_TESTS}"""


@pytest.mark.requirement("R13")
async def test_an_edit_elsewhere_in_the_file_stays_when_the_agents_edit_is_taken_back(
    make_repository: MakeRepository,
) -> None:
    tests = _editing_meanwhile("Who may enter", "Who may now enter")
    async with opened(make_repository("shop", {**SHOP, "tests/test_auth.py": tests})) as shop:
        thread = await shop.fix(asking(BUG, "    return True"))
        assert (thread.outcome, output(thread)["undone"]) == ("failed", True)
        assert GREEN_TEST in output(thread)["summary"]
        assert shop.text() == AUTH.replace("Who may enter", "Who may now enter")


@pytest.mark.requirement("R8", "F7")
async def test_an_edit_that_a_person_wrote_over_is_put_to_that_person(make_repository: MakeRepository) -> None:
    tests = _editing_meanwhile("return True", "return not False")
    async with opened(make_repository("shop", {**SHOP, "tests/test_auth.py": tests})) as shop:
        asked = await shop.fix(asking(BUG, "    return True"))
        assert asked.question
        assert (asked.question.key, asked.question.options) == ("left:auth.py", OPTIONS)
        theirs = shop.text()
        assert "return not False" in theirs
        thread = await shop.answer(asked, "leave it")
        assert (thread.outcome, output(thread)["undone"], shop.text()) == ("failed", False, theirs)
        assert "Left as they are: auth.py." in output(thread)["summary"]


@pytest.mark.requirement("R12")
async def test_an_edit_that_cannot_be_made_takes_the_ones_before_it_back(make_repository: MakeRepository) -> None:
    tests = (
        f"from pathlib import Path\n\nPath(__file__).parents[1].joinpath('b.py').write_text('x = 3\\n')\n\n{AUTH_TESTS}"
    )
    second = "\n## Current Code\n```python\nx = 1\n```\n\n## Should Be\n```python\nx = 2\n```\n"
    issue = asking(BUG, "    return user.is_valid()", file="") + second
    files = {**SHOP, "b.py": "x = 1\n", "tests/test_auth.py": tests}
    async with opened(make_repository("shop", files)) as shop:
        thread = await shop.fix(issue)
        assert shop.edits(thread) == ["edit:auth.py"]
        assert (thread.outcome, shop.text(), shop.text("b.py")) == ("failed", AUTH, "x = 3\n")
        assert "'b.py' has changed since it was read" in output(thread)["summary"]
