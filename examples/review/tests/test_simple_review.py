"""What the review decides after what: a table of outcomes so far and the next step."""

from pathlib import Path
from typing import Any

import pytest

from mcp_server.plugin import load, step_after

AGENT = Path(__file__).parent.parent / "agents" / "simple_review.py"
FOUND = {"file": "a.py", "line": 1, "column": 1, "code": "F401", "message": "unused"}
CLEAN = {"linter": "ruff", "verdict": "clean", "why": "ruff found nothing."}
ISSUES = {"linter": "ruff", "verdict": "findings", "why": "ruff found 1 problem.", "findings": [FOUND], "total": 1}
NONE = {"linter": None, "verdict": "no_result", "why": "No linter is configured."}


@pytest.mark.parametrize(
    ("outcomes", "kind", "verdict", "outcome"),
    [
        ({}, "call", None, None),
        ({"run_linter": CLEAN}, "done", "clean", "done"),
        ({"run_linter": ISSUES}, "done", "issues", "done"),
        ({"run_linter": NONE}, "done", "not_reviewed", "failed"),
    ],
)
def test_each_outcome_so_far_decides_the_next_step(
    outcomes: dict[str, Any], kind: str, verdict: str | None, outcome: str | None
) -> None:
    step = step_after(load(AGENT), {}, outcomes)
    assert step.keys() == {kind}
    if kind == "done":
        assert (step["done"]["output"]["verdict"], step["done"]["outcome"]) == (verdict, outcome)
