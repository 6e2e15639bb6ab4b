"""Log lines: JSON or text, marked with what they are about, without the process's secrets."""

import json
import logging
import sys

import pytest

from mcp_server.logs import Lines, about
from mcp_server.outward import Outward
from tools.edits import REDACTED

OUTWARD = Outward({"MY_TOKEN": "correct horse battery"})


def record(message: str, *, broken: bool = False) -> logging.LogRecord:
    if not broken:
        return logging.LogRecord("factor12", logging.WARNING, __file__, 1, message, (), None)
    try:
        raise ValueError("correct horse battery")
    except ValueError:
        return logging.LogRecord("factor12", logging.ERROR, __file__, 1, message, (), sys.exc_info())


@pytest.mark.requirement("R11")
def test_a_structured_line_is_one_json_object_with_what_it_is_about() -> None:
    with about(tool="health"), about(thread="t1", session="s"):
        line = Lines(OUTWARD, structured=True).format(record("a correct horse battery\nof two lines"))
    told = json.loads(line)
    assert "\n" not in line
    assert told["message"] == f"a {REDACTED}\nof two lines" and told["level"] == "WARNING"
    assert (told["tool"], told["thread"], told["session"]) == ("health", "t1", "s")
    assert "error" not in told


def test_a_text_line_names_what_it_is_about_on_its_first_line() -> None:
    with about(thread="t1"):
        first, *rest = Lines(OUTWARD, structured=False).format(record("first\nsecond")).split("\n")
    assert first.endswith("WARNING factor12: first thread=t1")
    assert rest == ["second"]


def test_what_lines_are_about_ends_with_its_block() -> None:
    with about(thread="t1"):
        pass
    assert "thread" not in Lines(OUTWARD, structured=False).format(record("after"))


@pytest.mark.parametrize("structured", [True, False])
def test_a_traceback_is_kept_and_its_secrets_are_not(structured: bool) -> None:
    line = Lines(OUTWARD, structured=structured).format(record("it broke", broken=True))
    assert "ValueError" in line and "it broke" in line
    assert "correct horse battery" not in line and REDACTED in line
