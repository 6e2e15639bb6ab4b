"""Our prompts say what they should, and a case that does not hold says why."""

from collections.abc import Mapping
from typing import Any

import pytest

from prompts import BadTemplate, estimate, names, render
from prompts.cases import SUFFIX, Case, failures, read
from prompts.render import TEMPLATES

OURS = [
    (name, case)
    for name in names()
    if (path := TEMPLATES / f"{name}{SUFFIX}").exists()
    for case in read(path.read_text(encoding="utf-8"), path.name)
]


@pytest.mark.requirement("F2")
@pytest.mark.parametrize(("name", "case"), OURS, ids=[f"{name}: {case.case}" for name, case in OURS])
def test_our_prompts_hold_their_cases(name: str, case: Case) -> None:
    assert failures(case, lambda variables: render(name, **variables)) == []


def test_no_cases_lie_beside_nothing() -> None:
    assert {path.name.removesuffix(SUFFIX) for path in TEMPLATES.glob(f"*{SUFFIX}")} <= {*names()}


def test_a_case_that_does_not_hold_says_each_thing_that_is_wrong() -> None:
    case = Case(case="x", contains=["a", "sun"], lacks=["rain", "b" * 90], most_tokens=2)
    wrong = failures(case, lambda _: "a rainy day " + "b" * 90)
    assert wrong == [
        "it does not contain 'sun'",
        "it contains 'rain'",
        f"it contains '{'b' * 80}…'",
        "it takes about 34 tokens, more than 2",
    ]
    assert failures(case, lambda _: "a sun") == []


def test_a_prompt_that_cannot_be_rendered_is_a_case_that_does_not_hold() -> None:
    def render(_: Mapping[str, Any]) -> str:
        raise BadTemplate("f", 3, "'x' is undefined.")

    assert failures(Case(case="x"), render)[0].startswith("f:3: 'x' is undefined.")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- case: [\n", "f.yaml:2: expected the node content"),
        ("case: x\n", "f.yaml: all: Input should be a valid list"),
        ("- case: x\n  must: [y]\n", "f.yaml: 0.must: unknown key"),
        ("- case: x\n  contains: y\n", "f.yaml: 0.contains: Input should be a valid list"),
        ("- contains: [y]\n", "f.yaml: 0.case: Field required"),
    ],
)
def test_cases_that_cannot_be_read_are_refused(text: str, said: str) -> None:
    with pytest.raises(BadTemplate) as caught:
        read(text, "f.yaml")
    assert said in caught.value.problem.message


def test_tokens_are_estimated_from_bytes() -> None:
    assert [estimate(text) for text in ("", "a", "four", "fives", "ü" * 4, "\ud800")] == [0, 1, 2, 2, 3, 1]
