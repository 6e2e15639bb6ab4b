"""make: an exit code, and the tests that tools say they ran."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.checking import check, ended, make_workspace, plan, program
from tools.base import ToolError
from tools.runners.results import Counts
from tools.runners.summaries import by_exit_code, count

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("R13"), pytest.mark.usefixtures("each_box")]


@pytest.mark.parametrize(
    ("recipe", "verdict", "why"),
    [
        ("@echo 3 passed in 0.1s", "passed", "3 of 3 tests passed."),
        ("@echo 1 failed, 2 passed in 0.1s; exit 1", "failed", "1 of 3 tests red."),
        ("@true", "passed", "The command succeeded; it counts no tests."),
        ("@exit 1", "failed", "make ended with exit code 2 though no test is reported as red."),
        ("@kill -9 $$PPID", "no_evidence", "The command ended with exit code -9:"),
    ],
)
async def test_make_is_judged_by_its_exit_code(tmp_path: Path, recipe: str, verdict: str, why: str) -> None:
    program("make")
    result = await check(make_workspace(tmp_path, {"Makefile": f"test:\n\t{recipe}\n"}))
    assert (result.runner, result.verdict, result.ids) == ("make", verdict, False)
    assert result.why == why
    assert result.command[1:] == ["--no-print-directory", "test"]


async def test_what_make_cannot_do_is_said(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"Makefile": "test:\n", "a": ""})
    for args in ({"paths": ["a"]}, {"select": "x"}):
        with pytest.raises(ToolError, match="make takes neither paths nor a name filter"):
            await plan(workspace, **args)
    (workspace.repository().root / "Makefile").write_text("all:\n")
    assert (await plan(workspace, runner="make")).reason == "The Makefile has neither a target `test` nor `check`."


async def test_without_make_the_reason_says_so(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"Makefile": "check: all\n"}, environment={"PATH": "/nowhere"})
    assert (await plan(workspace)).reason == "There is no make on the PATH. Install it."


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("===== 2 failed, 3 passed, 1 skipped, 1 xfailed in 0.12s =====", (3, 2, 0, 1)),
        ("3 passed in 0.12s", (3, 0, 0, 0)),
        ("1 error in 0.12s", (0, 0, 1, 0)),
        (
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured\ntest result: FAILED. 1 passed; 2 failed;",
            (4, 2, 0, 1),
        ),
        ("Tests:       1 failed, 2 passed, 3 total", (2, 1, 0, 0)),
        ("      Tests  1 failed | 2 passed | 1 skipped (4)", (2, 1, 0, 1)),
        ("  3 passing (4ms)\n  2 pending\n  1 failing\n", (3, 1, 0, 2)),
        ("# tests 4\n# pass 2\n# fail 1\n# skipped 1\n", (2, 1, 0, 1)),
        ("\u2139 pass 2\n\u2139 fail 0\n\u2139 cancelled 1\n", (2, 0, 1, 0)),
        ("Ran 5 tests in 0.001s\n\nFAILED (failures=1, errors=1, skipped=1)\n", (2, 1, 1, 1)),
        ("Ran 1 test in 0.001s\n\nOK\n", (1, 0, 0, 0)),
        ("67% tests passed, 1 tests failed out of 3\n", (2, 1, 0, 0)),
        ("I saw 3 passed tests and 5 failed ones", (0, 0, 0, 0)),
        ("", (0, 0, 0, 0)),
    ],
)
def test_tests_are_counted_by_the_summaries_of_known_tools(text: str, counts: tuple[int, ...]) -> None:
    assert tuple(count(text).model_dump().values()) == counts


@given(st.text())
@settings(max_examples=50)
def test_counting_survives_any_text(text: str) -> None:
    assert count(text).total >= 0


def test_a_program_that_is_not_found_is_no_evidence() -> None:
    assert by_exit_code(ended(127, stderr="sh: 1: tox: not found\n")).problem == (
        "The command ended with exit code 127: sh: 1: tox: not found"
    )
    assert by_exit_code(ended(1, stdout="1 failed in 0.1s", stderr="")).counts == Counts(failed=1)
