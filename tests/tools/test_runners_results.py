"""The shared words of runners: what is shown is short and clean, and the worst of several states counts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.runners.results import Case, compact, gather, last_line, last_lines


def test_escape_sequences_controls_and_invisible_characters_are_dropped() -> None:
    assert compact("half \ud800 of a pair") == "half  of a pair"
    assert (
        compact("\x1b[1;31mred\x1b[0m \x1b]8;;http://x\x1b\\link\x07 a\u202eb\u200bc\x00\r\nd\te")
        == "red link abc\nd\te"
    )


@given(st.text(), st.integers(min_value=40, max_value=600))
@settings(max_examples=100)
def test_compact_text_is_short_printable_and_stays_as_it_is(text: str, most: int) -> None:
    short = compact(text, most)
    assert len(short) <= most
    assert all(char in "\n\t" or ord(char) >= 32 for char in short)
    assert compact(short, most) == short


def test_a_long_text_keeps_its_beginning_and_its_end() -> None:
    short = compact("a" * 1000 + "z" * 1000, 60)
    assert short.startswith("aaaa")
    assert short.endswith("zzzz")
    assert " … " in short


def test_the_last_line_names_the_error() -> None:
    assert last_line("Traceback\n  File\nValueError: x\n") == "ValueError: x"
    assert last_line("E   ValueError: x") == "ValueError: x"
    assert last_line("") == ""


def test_the_end_of_an_output_is_put_on_one_line() -> None:
    assert last_lines(b"one\n\x1b[1mtwo\x1b[0m\n") == "one | two"
    assert last_lines("x" * 400) == "x" * 300


@pytest.mark.requirement("R13")
@pytest.mark.parametrize(
    ("states", "worst"), [("pass skip", "pass"), ("fail pass", "fail"), ("pass error fail", "fail")]
)
def test_of_several_states_of_one_test_the_worst_counts(states: str, worst: str) -> None:
    report = gather(Case.model_validate({"id": "a", "state": state}) for state in states.split())
    assert report.states == {"a": worst}
    assert report.counts.total == 1
    assert len(report.failures) == (worst != "pass")
