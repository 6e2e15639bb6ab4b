"""Parts of an issue: proposals that hold together are written so that they are read back as they are meant."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.errors import ToolError
from tools.issue_grammar import parse_issue
from tools.issue_parts import (
    MOST,
    MOST_LISTED,
    Part,
    Split,
    SubIssue,
    absent,
    flaws,
    in_order,
    next_number,
    parts_of,
    written,
)
from tools.workspace import Repository

WORDS = "Words that say enough."


def sub(title: str, *depends_on: int, text: str = WORDS, files: tuple[str, ...] = ()) -> SubIssue:
    return SubIssue(title=title, description=text, depends_on=[*depends_on], files=[*files])


def complaint(*parts: SubIssue) -> str:
    return " ".join(flaws(Split(parts=[*parts]), 7, 12))


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ([sub("One")], f"2 to {MOST} are wanted"),
        ([sub(f"Part {number}") for number in range(MOST + 1)], f"{MOST + 1} parts"),
        ([sub("One", 1), sub("Two")], "Part 1 depends on 1"),
        ([sub("One", 3), sub("Two")], "Part 1 depends on 3"),
        ([sub("One", 2), sub("Two", 1)], "Parts 1, 2 depend on each other"),
        ([sub("One"), sub("one")], "the title of an earlier part"),
        ([sub("One", files=("/etc/x.py",)), sub("Two")], "is no path of a file"),
        ([sub("One", files=("a/../../x.py",)), sub("Two")], "is no path of a file"),
        ([sub("One", text="Words.\n\n## Parent Issue\n#1\n"), sub("Two")], "Part 1"),
        ([sub("One", text="Words.\n\n## Dependencies\n- #99\n"), sub("Two")], "Part 1"),
        ([sub("One", text="## Current Code\n```\na\n```\n## Should Be\n```\nb\n```"), sub("Two")], "Part 1"),
        ([sub("One", text="Words\n\n```\nan open fence"), sub("Two")], "Part 1"),
        ([sub("One", text="Words.\n\n## Check\n- make\n"), sub("Two")], "Part 1"),
        ([sub("One", text="Words.\n\n**Check**: `tests/test_other.py`\n"), sub("Two")], "Part 1"),
        ([sub("One", text="Words.\n\n**Files to Create**: `tests/conftest.py`\n"), sub("Two")], "Part 1"),
        ([sub("One", text="Words.\n\n## Metadata\n- **Agent**: issue_fixer\n"), sub("Two")], "Part 1"),
        ([sub("One", text="Run this:\n\n# install\nand then that."), sub("Two")], "Part 1"),
        ([sub("One", text="<!-- All of it is hidden. -->"), sub("Two")], "Part 1"),
        ([sub("Right \u202e to left"), sub("Two")], "would be read as 'Right  to left'"),
        ([sub("One", files=("tests/test_cart.py",)), sub("Two")], "is what proves the work"),
        ([sub("One", files=("pyproject.toml",)), sub("Two")], "is what proves the work"),
    ],
)
def test_a_proposal_that_does_not_hold_together_is_not_taken(parts: list[SubIssue], says: str) -> None:
    assert says in complaint(*parts)


def test_a_proposal_that_holds_together_is_written_in_the_grammar_of_issues(tmp_path: Path) -> None:
    split = Split(parts=[sub("Carts & totals", files=("cart.py",)), sub("Log in", 1)])
    assert flaws(split, 7, 12) == []
    shop = Repository("shop", tmp_path, "read")
    (tmp_path / "issues").mkdir()
    for path, text in written(split, 7, 12).items():
        (tmp_path / path).write_text(text)
    assert parts_of(shop, 7) == [
        Part(number=12, path="issues/012-carts-totals.md", title="Carts & totals", exact=False, place=1, of=2),
        Part(number=13, path="issues/013-log-in.md", title="Log in", exact=False, depends_on=[12], place=2, of=2),
    ]
    assert parts_of(shop, 12) == parts_of(Repository("shop", tmp_path / "nowhere", "read"), 7) == []


def test_a_part_may_ask_for_the_tests_that_the_issue_itself_lists() -> None:
    split = Split(parts=[sub("One", files=("tests/test_cart.py", "cart.py")), sub("Two")])
    assert flaws(split, 7, 12, ("tests/test_cart.py",)) == []


def test_parts_are_found_in_the_checkout_that_a_work_tree_is_of(tmp_path: Path) -> None:
    checkout, own = tmp_path / "checkout", tmp_path / "own"
    for root, split in ((checkout, [sub("One"), sub("Two")]), (own, [sub("One", text="Other words."), sub("Two")])):
        (root / "issues").mkdir(parents=True)
        for path, text in [*written(Split(parts=split), 7, 12).items()][: 2 if root == checkout else 1]:
            (root / path).write_text(text)
    tree = Repository("shop", own, "write", source=checkout)
    assert [part.path for part in parts_of(tree, 7)] == ["issues/012-one.md", "issues/013-two.md"]
    assert next_number(tree) == 14


@given(
    parts=st.lists(
        st.builds(
            SubIssue,
            title=st.text(min_size=3, max_size=30),
            description=st.text(min_size=10, max_size=80),
            depends_on=st.lists(st.integers(-1, 5), max_size=2),
        ),
        max_size=4,
    )
)
@settings(max_examples=150, deadline=None)
def test_whatever_is_taken_is_read_back_as_it_was_meant(parts: list[SubIssue]) -> None:
    split = Split(parts=parts)
    if flaws(split, 7, 12):
        return
    read = [parse_issue(text, path) for path, text in written(split, 7, 12).items()]
    assert [issue.number for issue in read] == [*range(12, 12 + len(parts))]
    assert all(issue.parent == 7 and not issue.pairs for issue in read)


def part(number: int, *depends_on: int) -> Part:
    return Part(number=number, path=f"issues/{number}.md", title="T", exact=False, depends_on=[*depends_on])


def test_parts_come_after_those_they_depend_on_and_else_by_number() -> None:
    order = in_order([part(5, 9), part(6), part(9, 8), part(8, 1000)])
    assert [one.number for one in order] == [6, 8, 9, 5]


def test_parts_that_wait_for_each_other_are_named() -> None:
    with pytest.raises(ToolError, match="#5, #6 depend on each other"):
        in_order([part(4), part(5, 6), part(6, 5)])


def test_two_parts_with_one_number_are_both_named() -> None:
    with pytest.raises(ToolError, match=r"#5 may be issues/5\.md or issues/issue-5\.md"):
        in_order([part(5), part(5).model_copy(update={"path": "issues/issue-5.md"})])


def test_a_part_that_waits_for_itself_is_named() -> None:
    with pytest.raises(ToolError, match="#5 depends on itself"):
        in_order([part(4), part(5, 5)])


@pytest.mark.parametrize(
    ("places", "gone"),
    [([], []), ([(0, 0)], []), ([(1, 2), (2, 2), (0, 0)], []), ([(2, 3), (0, 0)], [1, 3]), ([(1, 2), (3, 3)], [1, 2])],
)
def test_parts_that_were_written_with_others_tell_which_of_them_are_gone(
    places: list[tuple[int, int]], gone: list[int]
) -> None:
    assert absent([part(at).model_copy(update={"place": p, "of": n}) for at, (p, n) in enumerate(places)]) == gone


@pytest.mark.parametrize(
    ("names", "first"),
    [
        ([], 1),
        (["7.md", "0041-x.md"], 42),
        (["999999999.md"], 1),
        (["999999990.md", "999999995.md", "7.md"], 8),
        (["999999990.md"], 999_999_991),
    ],
)
def test_new_parts_get_numbers_that_are_free_and_can_be_read(tmp_path: Path, names: list[str], first: int) -> None:
    (tmp_path / "issues").mkdir()
    for name in names:
        (tmp_path / "issues" / name).write_text("")
    assert next_number(Repository("shop", tmp_path, "read")) == first


def test_more_parts_than_are_worked_on_are_refused_and_not_left_out(tmp_path: Path) -> None:
    (tmp_path / "issues").mkdir()
    for number in range(100, 101 + MOST_LISTED):
        (tmp_path / "issues" / f"{number}.md").write_text("# Part\n\nWords.\n\n## Parent Issue\n#7\n")
    shop = Repository("shop", tmp_path, "read")
    with pytest.raises(ToolError, match=f"has {MOST_LISTED + 1} parts"):
        parts_of(shop, 7)
    (tmp_path / "issues" / "100.md").unlink()
    assert len(parts_of(shop, 7)) == MOST_LISTED
