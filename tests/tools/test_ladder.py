"""The ladder of R12: which place a snippet stands for, and what is put there."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.ladder import BOM, MOST, RUNGS, Match, applied, find

pytestmark = pytest.mark.requirement("R12")
CLASS = "class A:\n    def f(self):\n        return a - b\n\n    def g(self):\n        return 1\n"


def edit(text: str, old: str, new: str, line: int | None = None) -> str:
    """Replace the one place of `old`."""
    place = only(text, old, line)
    return text[: place.start] + place.replacement(new) + text[place.end :]


def only(text: str, old: str, line: int | None = None) -> Match:
    matches = find(text, old, line)
    assert len(matches) == 1, matches
    assert text[matches[0].start : matches[0].end] == matches[0].found
    return matches[0]


@pytest.mark.parametrize(
    ("text", "old", "rung", "line"),
    [
        ("a\nb\nc\n", "b", "exact", 2),
        ("a\nb\nc\n", "b\n", "exact", 2),
        ("a\nb\nc", "b\nc", "exact", 2),
        ("a\nb\nc", "b\nc\n", "newlines", 2),
        ("a\r\nb\r\nc\r\n", "b", "exact", 2),
        ("a\r\nb\r\nc\r\n", "b\r\nc", "exact", 2),
        ("a\r\nb\r\nc\r\n", "b\nc", "newlines", 2),
        ("a\r\nb\r\nc\r\n", "b\n", "newlines", 2),
        ("a\nb\nc\n", "b\r\nc\r\n", "newlines", 2),
        ("a\nb\r\nc\n", "a\nb\nc", "newlines", 1),
        ("a\nb  \nc\n", "a\nb\nc", "trailing_space", 1),
        ("a\nb\nc\n", "a \nb\t\nc", "trailing_space", 1),
        ("a\nb  \nc\n", "b", "trailing_space", 2),
        ("a\n \nc\n", "a\n\nc", "trailing_space", 1),
        (CLASS, "def f(self):\n    return a - b", "reindented", 2),
        (CLASS, "return a - b", "reindented", 3),
        (CLASS, "        def f(self):\n            return a - b", "reindented", 2),
        ("\tdef f():\n\t\tpass\n", "def f():\n\tpass", "reindented", 1),
        ("def f():\n\tpass\n", "\t\tdef f():\n\t\t\tpass", "reindented", 1),
        ("  a  \n\n  b\n", "a\n   \nb", "reindented", 1),
        ("x = f(a, b)\n", "f(a, b)", "exact", 1),
        ("x = f(a,\n  b) + 1\n", "f(a,\n  b)", "exact", 1),
        ("x = f(a,\r\n  b) + 1\r\n", "f(a,\n  b)", "newlines", 1),
        (BOM + "a\nb\n", "a", "exact", 1),
        (BOM + "a\nb\n", BOM + "a", "exact", 1),
    ],
)
def test_the_first_rung_that_matches_is_named(text: str, old: str, rung: str, line: int) -> None:
    place = only(text, old)
    assert (place.rung, place.line) == (rung, line)


@pytest.mark.parametrize(
    ("text", "old"),
    [
        ("return xy\n", "return x"),
        ("unreturn x\n", "return x"),
        ("a\nb\n", ""),
        ("a\n\n\nb\n", "\n\n"),
        ("    a\n     b\n", "a\nb"),
        ("a\n", "b"),
        ("", "b"),
        ("a b\n", "b a"),
        ("if x:\n\ty\n", "if x:\n    y"),
    ],
)
def test_what_stands_nowhere_or_says_nothing_matches_nothing(text: str, old: str) -> None:
    assert find(text, old) == []


@pytest.mark.parametrize(
    ("text", "old", "lines"),
    [
        ("a\nb\na\n", "a", [1, 3]),
        ("x\ny\nx\ny\nx\n", "x\ny\nx", [1, 3]),
        ("x = v + 1\ny = v + 1\n", "v + 1", [1, 2]),
        ("if a: x = 1\n    x = 1\n", "x = 1", [1, 2]),
        ("  a\n    a\n", "a", [1, 2]),
        ("a a\n", "a", [1, 1]),
    ],
)
def test_several_places_are_all_returned_even_if_they_overlap(text: str, old: str, lines: list[int]) -> None:
    assert [match.line for match in find(text, old)] == lines


def test_whole_lines_are_preferred_to_parts_of_lines() -> None:
    assert only("if a: x = 1\nx = 1\n", "x = 1").line == 2


def test_an_exact_match_hides_what_only_a_later_rung_would_find() -> None:
    assert only("    a\n    b\na\nb\n", "a\nb").line == 3


def test_the_line_that_a_person_chose_selects_the_match_on_it() -> None:
    assert only("a\nb\na\n", "a", line=3).line == 3
    assert find("a\nb\na\n", "a", line=2) == find("a\nb\na\n", "a", line=99) == []


def test_a_line_is_found_behind_more_matches_than_are_listed() -> None:
    text = "a\nb\n" * (MOST + 50)
    assert len(find(text, "a")) == MOST
    assert only(text, "a", line=2 * MOST + 41).line == 2 * MOST + 41


@pytest.mark.parametrize(
    ("text", "old", "new", "result"),
    [
        ("a\nb\nc\n", "b", "x\ny", "a\nx\ny\nc\n"),
        ("a\nb\nc\n", "b\n", "x\n", "a\nx\nc\n"),
        ("a\nb\nc\n", "b\n", "x", "a\nx\nc\n"),
        ("a\nb\nc\n", "b", "x\n", "a\nx\n\nc\n"),
        ("a\nb\nc\n", "b", "", "a\nc\n"),
        ("a\nb\nc\n", "b\n", "\n", "a\n\nc\n"),
        ("a\nb", "b", "x", "a\nx"),
        ("a\nb", "b\n", "x\n", "a\nx"),
        ("a\nb", "a\nb", "a", "a"),
        ("a\r\nb\r\nc\r\n", "b", "x\ny", "a\r\nx\r\ny\r\nc\r\n"),
        ("a\r\nb\r\nc\r\n", "b\nc", "x\nc\ny", "a\r\nx\r\nc\r\ny\r\n"),
        ("a\r\nb", "b", "x\ny", "a\r\nx\r\ny"),
        ("a\nb\nc\n", "b", "x\r\ny", "a\nx\ny\nc\n"),
        (BOM + "a\nb\n", "a", "x", BOM + "x\nb\n"),
        (BOM + "a\nb\n", BOM + "a", BOM + "x", BOM + "x\nb\n"),
        ("x = f(a)\n", "f(a)", "g(b)", "x = g(b)\n"),
        ("x = f(a)\n", "x = ", "", "f(a)\n"),
        ("x = f(a)\ny\n", "f(a)\n", "g\n", "x = g\ny\n"),
        ("x = f(a)\ny\n", "f(a)\n", "", "x = \ny\n"),
        ("    x = [2]\n", "x = [", "x = [\n    1,", "    x = [\n        1,2]\n"),
    ],
)
def test_the_replacement_takes_the_line_ends_of_its_place(text: str, old: str, new: str, result: str) -> None:
    assert edit(text, old, new) == result


@pytest.mark.parametrize(
    ("text", "old", "new", "result"),
    [
        (
            CLASS,
            "def f(self):\n    return a - b",
            "def f(self):\n    # sum\n\n    return (\n        a + b\n    )",
            CLASS.replace("return a - b", "# sum\n\n        return (\n            a + b\n        )"),
        ),
        (CLASS, "return a - b", "x = a\nreturn x", CLASS.replace("return a - b", "x = a\n        return x")),
        (
            "def f():\n    x\n",
            "    def f():\n        x",
            "    def f():\n        y\n        z",
            "def f():\n    y\n    z\n",
        ),
        ("a\n  b\n", "        a\n          b", "  a\n        c", "a\nc\n"),
        ("\tif a:\n\t\tb\n", "if a:\n\tb", "if a:\n\tc\n\td", "\tif a:\n\t\tc\n\t\td\n"),
        ("    a\n", "a", "   \nb", "\n    b\n"),
    ],
)
def test_a_reindented_replacement_moves_by_the_same_amount(text: str, old: str, new: str, result: str) -> None:
    assert edit(text, old, new) == result


def test_lines_that_old_and_new_share_stay_as_the_file_has_them() -> None:
    text = "a  \nb\t\r\nc  \nd\n"
    assert edit(text, "a\nb\nc", "a\nX\nc") == "a  \nX\nc  \nd\n"


@pytest.mark.parametrize(
    ("text", "old", "new", "expected"),
    [
        ("b\n", "a", "b", True),
        ("a\nb\n", "a", "b", False),
        ("c\n", "a", "b", False),
        ("a\nz\n", "a", "a\nz", True),
        ("a\nz", "a", "a\nz", True),
        ("z\na", "a", "z\na", True),
        ("    a\n    z\n", "a", "a\nz", True),
        ("    z\r\n    a\r\n", "a", "z\na", True),
        ("a\nz\na\n", "a", "a\nz", False),
        ("a\nzz\n", "a", "a\nz", False),
        ("  x\n", "x", "  x", True),
        ("x\n", "x", "  x", False),
        ("x = f(f(a))\n", "f(a)", "f(f(a))", True),
        ("a\na\n", "a", "a\na", True),
        ("c\n", "a", "", False),
        ("a\n", "a", "", False),
        ("a\n", "a", "a", True),
        (BOM + "a\nz\n", "a", "a\nz", True),
    ],
)
def test_a_text_that_was_put_is_not_put_once_more(text: str, old: str, new: str, expected: bool) -> None:
    assert applied(text, old, new) is expected


def test_a_place_inside_the_new_text_does_not_make_another_one_ambiguous() -> None:
    matches = find("a\nz\nb\na\n", "a", new="a\nz")
    assert [match.line for match in matches] == [4]


LINES = st.lists(st.sampled_from(["", " ", "a", "b ", "  a", "    b", "\ta", "ab", "a b", "é"]), max_size=8)
NEWLINES = st.sampled_from(["\n", "\r\n"])


@st.composite
def files(draw: st.DrawFn) -> str:
    """A text file with one kind of line ends, perhaps a byte order mark, perhaps no last line end."""
    newline = draw(NEWLINES)
    text = newline.join(draw(LINES)) + draw(st.sampled_from(["", newline]))
    return draw(st.sampled_from(["", BOM])) + text


@st.composite
def snippets(draw: st.DrawFn) -> str:
    return draw(NEWLINES).join(draw(LINES)) + draw(st.sampled_from(["", "\n"]))


@settings(max_examples=400, deadline=None)
@given(files(), snippets(), snippets())
def test_every_match_is_where_it_says_and_keeps_the_rest_of_the_file(text: str, old: str, new: str) -> None:
    for match in find(text, old):
        result = text[: match.start] + match.replacement(new) + text[match.end :]
        assert match.rung in RUNGS
        assert text[match.start : match.end] == match.found
        assert match.line == text.count("\n", 0, match.start) + 1
        assert result.startswith(BOM) == text.startswith(BOM)
        if "\r\n" in text and text.count("\n") == text.count("\r\n"):
            assert result.count("\n") == result.count("\r\n")
        elif "\n" in text:
            assert "\r" not in result
        if match.whole and match.replacement(new) and not new.endswith("\n"):
            assert result.endswith("\n") == text.endswith("\n") or match.end < len(text)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_lines_are_added_behind_a_last_line_that_has_no_end(newline: str) -> None:
    lines = newline.join
    assert edit(lines(["a", "b"]), "a\nb", "a\nb\nc") == lines(["a", "b", "c"])
    assert edit(lines(["a", "b"]), "b", "b\nc") == lines(["a", "b", "c"])
    assert edit(lines(["a", "b"]), "a\nb\n", "a\nb\nc\n") == lines(["a", "b", "c"])
    assert edit(lines(["a", "b"]), "a\nb", "c\na\nb") == lines(["c", "a", "b"])
    assert edit(lines(["a", "b"]), "a\nb", "a\nc\nb") == lines(["a", "c", "b"])


@settings(max_examples=400, deadline=None)
@given(files(), st.data())
def test_replacing_and_replacing_back_gives_the_file_byte_for_byte(text: str, data: st.DataObject) -> None:
    lines = text.removeprefix(BOM).replace("\r\n", "\n").split("\n")
    begin = data.draw(st.integers(0, len(lines) - 1))
    end = data.draw(st.integers(begin + 1, len(lines)))
    old, new = "\n".join(lines[begin:end]), "new text\n    that is nowhere else"
    matches = find(text, old, begin + 1)
    if len(matches) == 1 and matches[0].whole:
        put = matches[0].replacement(new)
        changed = text[: matches[0].start] + put + text[matches[0].end :]
        assert edit(changed, put, matches[0].found) == text
        assert applied(changed, old, new) == (find(changed, old) == [])


@settings(max_examples=300, deadline=None)
@given(files(), snippets(), snippets())
def test_after_an_edit_of_the_only_place_it_is_applied(text: str, old: str, new: str) -> None:
    new = new.rstrip()  # blank lines at the very end of a file cannot be told from its last line end
    matches = find(text, old, new=new)
    if len(matches) == 1 and len(find(text, old)) == 1 and new.strip() and old.strip() not in new:
        match = matches[0]
        changed = text[: match.start] + match.replacement(new) + text[match.end :]
        if not find(changed, old):
            assert applied(changed, old, new)


@pytest.mark.parametrize(
    ("text", "old"),
    [
        ("x = 1\n" * 800_000, "x = 1\n" * 1000 + "y"),
        ("".join(f"    line {n}\n" for n in range(300_000)), "line 299998\nline 299999"),
        ("a" * 5_000_000, "a" * 1000),
        ("a = 1\n" * 800_000, "a = 1\n" * 1000),
    ],
    ids=["almost everywhere", "at the end", "one long line", "everywhere"],
)
def test_five_megabytes_are_searched_in_linear_time(text: str, old: str) -> None:
    began = time.process_time()
    find(text, old)
    assert time.process_time() - began < 10
