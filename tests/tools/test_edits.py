"""Edits of one text: all or none, each at its one place, and exactly reversible."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.filing import problem_of
from tools.edits import REDACTED, Edit, Replaced, line_ranges, plan_edits, reverse, splice
from tools.errors import ToolError
from tools.nearest import nearest

TEXT = "a\nb\nc\nd\ne\n"


def edit(text: str, *pairs: tuple[str, str]) -> str:
    return splice(text, plan_edits(text, [Edit(old=old, new=new) for old, new in pairs], "f.py"))


@pytest.mark.requirement("R12")
def test_several_edits_are_all_found_in_the_original_text() -> None:
    assert edit(TEXT, ("d", "b"), ("b", "x\ny"), ("e", "")) == "a\nx\ny\nc\nb\n"
    assert edit("one two\n", ("two", "2"), ("one", "1")) == "1 2\n"


@pytest.mark.requirement("R12")
@pytest.mark.parametrize(
    ("pairs", "kind", "says"),
    [
        ([("b", "x"), ("z", "y")], "not_found", "'z' does not stand in 'f.py'"),
        ([("b\nc", "x"), ("c", "y")], "bad_input", "lines 2 and 3"),
        ([("b", "x"), ("b", "y")], "bad_input", "the same text"),
        ([("z", "a")], "conflict", "has 'a' already"),
        ([("a", "a")], "conflict", "already"),
        ([("a", "a\nb")], "conflict", "already"),
        ([("a", f"key = {REDACTED}")], "refused", "secret"),
        ([(f"key = {REDACTED}", "a")], "refused", "secret"),
        ([("a", "\0")], "bad_input", "NUL"),
    ],
)
def test_if_one_edit_has_no_place_none_is_made(pairs: list[tuple[str, str]], kind: str, says: str) -> None:
    problem = problem_of(lambda: edit(TEXT, *pairs), "not_found", "bad_input", "conflict", "refused")
    assert problem.kind == kind
    assert says in problem.message


def test_half_a_character_is_refused_before_it_reaches_the_log() -> None:
    half = Edit.model_construct(old="a", new="\ud800", line=None)
    assert "half a character" in problem_of(lambda: plan_edits(TEXT, [half], "f.py"), "bad_input").message


@pytest.mark.requirement("R12")
def test_an_ambiguous_edit_names_its_lines_and_a_line_settles_it() -> None:
    text = "a\nb\n" * 12
    problem = problem_of(lambda: edit(text, ("a", "x")), "ambiguous")
    assert "12 times" in problem.message
    assert "1, 3, 5, 7, 9, 11, 13, 15, …" in problem.message
    spans = plan_edits(text, [Edit(old="a", new="x", line=3)], "f.py")
    assert splice(text, spans) == "a\nb\nx\nb\n" + "a\nb\n" * 10
    missing = problem_of(lambda: plan_edits(text, [Edit(old="a", new="x", line=2)], "f.py"), "not_found")
    assert "on line 2" in missing.message


def test_the_lines_of_edits_are_told_before_and_after() -> None:
    edits = [Edit(old="b", new="x\ny\nz"), Edit(old="d\ne", new="w"), Edit(old="c", new="")]
    spans = plan_edits(TEXT, edits, "f.py")
    assert line_ranges(spans, after=False) == "2, 3, 4-5"
    assert line_ranges(spans, after=True) == "2-4, 5, 5"
    assert line_ranges((), after=True) == ""


def made(text: str, *edits: Edit) -> tuple[str, list[Replaced]]:
    spans = plan_edits(text, edits, "f.py")
    return splice(text, spans), [Replaced(line=s.line, rung=s.rung, old=s.old, new=s.new) for s in spans]


def test_edits_are_taken_back_around_what_a_person_changed_since() -> None:
    changed, done = made(TEXT, Edit(old="b", new="x"), Edit(old="d", new="y\nz"))
    later = f"new\n{changed}end\n"
    assert splice(later, reverse(later, done, "f.py")) == f"new\n{TEXT}end\n"


@pytest.mark.parametrize(
    ("later", "says"), [("a\nc\n", "not stand there any more"), ("x\nx\n", "stands twice"), ("aa\n", "any more")]
)
def test_an_edit_whose_text_is_not_there_once_is_not_taken_back(later: str, says: str) -> None:
    _, done = made(TEXT, Edit(old="b", new="x"))
    assert says in problem_of(lambda: reverse(later, done, "f.py"), "conflict").message


def test_a_removal_leaves_nothing_to_find_it_again_by() -> None:
    _, done = made(TEXT, Edit(old="b", new=""))
    assert "was removed" in problem_of(lambda: reverse("a\nc\n", done, "f.py"), "conflict").message


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(["a", "b", "  c", "d e", ""]), max_size=10).map("\n".join),
    st.lists(st.tuples(st.sampled_from(["a", "b", "c", "d", "a\nb"]), st.sampled_from(["x\ny", "", "z"])), max_size=3),
)
def test_taking_edits_back_restores_the_text_or_refuses(text: str, pairs: list[tuple[str, str]]) -> None:
    try:
        changed, done = made(text, *(Edit(old=old, new=new) for old, new in pairs))
        restored = splice(changed, reverse(changed, done, "f.py"))
    except ToolError:
        return
    assert restored == text


@pytest.mark.parametrize(
    ("text", "snippet", "says", "line"),
    [
        ("a\nb\nc\n", "b\nX", "begins on line 2, but line 3 is 'c', not 'X'", 3),
        ("b\nx\n\nb\nc\nd\n", "b\nc\nX", "begins on line 4, but line 6 is 'd', not 'X'", 6),
        ("a\nb\n", "b\nc", "the file ends before", 2),
        ("a\n  b\n", "  a\nb", "indented or spaced differently", 1),
        ("def login(user):\n", "def login(usr):", "the closest is line 1: 'def login(user):'", 1),
        ("a\n", "completely different", "nowhere in the file", None),
        ("a\n", "x" * 500, "xxx…' is nowhere", None),
        ("a\ncafe\u0301 = 1\n", "a\ncaf\u00e9 = 1", r"line 2 is 'cafe\u0301 = 1', not 'caf\xe9 = 1'", 2),
        (
            "caf\u00e9 = 1\n",
            "cafe\u0301 = 1",
            r"first line 'cafe\u0301 = 1' is nowhere; the closest is line 1: 'caf\xe9 = 1'",
            1,
        ),
        ("a\np\u0430y()\n", "a\npay()", r"line 2 is 'p\u0430y()', not 'pay()'", 2),
        ("a\ncaf\u00e9 = 1\n", "a\ncaf\u00e9 = 2", "line 2 is 'café = 1', not 'café = 2'", 2),
        (f"a\n{'x' * 200}y\n", f"a\n{'x' * 200}z", f"line 2 is '…{'x' * 40}y', not '…{'x' * 40}z'", 2),
        ("", "a", "nowhere", None),
    ],
)
def test_the_nearest_line_of_a_snippet_is_named(text: str, snippet: str, says: str, line: int | None) -> None:
    why, nearest_line = nearest(text, snippet)
    assert says in why
    assert nearest_line == line
