"""Texts that a repository made to keep a reader busy are read as fast as any other (SECURITY row 25)."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import process_time
from typing import Any

import pytest

from tests.tools.checking import ended
from tools.errors import ToolError
from tools.issue_grammar import parse_issue
from tools.runners import cargo, golang, node, summaries
from tools.runners.results import Target
from tools.search import matching_lines
from tools.tampering import EditedFile, review
from tools.triggers import needs_person

SIZE = 60_000
PARTS = [
    "\n",
    " ",
    "\r\n",
    "node ",
    "0",
    "(",
    "a.b.",
    "panicked at '",
    "test_",
    ">>> a\n",
    "# ",
    "error: a\n  ",
    "1 passed ",
]
FAILED = {"Action": "fail", "Package": "p", "Test": "TestA"}
TARGET = Target(Path("/"), Path("/"), {})
READERS: dict[str, Callable[[str], Any]] = {
    "cargo": lambda text: cargo.report(TARGET, ended(101, text, text)),
    "go": lambda text: golang.report(TARGET, ended(1, json.dumps({**FAILED, "Output": text}), text)),
    "node": node.reporter,
    "summaries": lambda text: summaries.count(f"1 passed, 2 failed in 0.1s {text}"),
    "tampering": lambda text: review(EditedFile(path="tests/test_a.py", old=text, new=f"{text}x")),
    "triggers": needs_person,
    "search": lambda text: list(matching_lines(text, "aab", ignore_case=True)),
    "issue": lambda text: _issue(f"# Issue 1: {text[:2000]}\n\n{text}\n\n- a\n{text}"),
}


def _issue(text: str) -> None:
    with suppress(ToolError):
        parse_issue(text[:SIZE], "text")


@pytest.mark.parametrize("part", PARTS, ids=ascii)
@pytest.mark.parametrize("reader", READERS)
def test_no_text_takes_its_reader_more_than_a_moment(reader: str, part: str) -> None:
    begun = process_time()
    READERS[reader](part * (SIZE // len(part)))
    assert process_time() - begun < 5
