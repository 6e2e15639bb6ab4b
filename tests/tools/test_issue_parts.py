"""Parts of an issue: proposals that hold together are written so that they are read back as they are meant."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.errors import ToolError
from tools.issue_grammar import parse_issue
from tools.issue_parts import MOST, Part, Split, SubIssue, flaws, in_order, parts_of, written

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
    ],
)
def test_a_proposal_that_does_not_hold_together_is_not_taken(parts: list[SubIssue], says: str) -> None:
    assert says in complaint(*parts)


def test_a_proposal_that_holds_together_is_written_in_the_grammar_of_issues(tmp_path: Path) -> None:
    split = Split(parts=[sub("Carts & totals", files=("cart.py",)), sub("Log in", 1)])
    assert flaws(split, 7, 12) == []
    (tmp_path / "issues").mkdir()
    for path, text in written(split, 7, 12).items():
        (tmp_path / path).write_text(text)
    assert parts_of(tmp_path, 7) == [
        Part(number=12, path="issues/012-carts-totals.md", title="Carts & totals", exact=False),
        Part(number=13, path="issues/013-log-in.md", title="Log in", exact=False, depends_on=[12]),
    ]
    assert parts_of(tmp_path, 12) == parts_of(tmp_path / "nowhere", 7) == []


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
