"""What a thread's end means to a script: the exit code of each status and outcome."""

import pytest

from mcp_server.envelope import Shown, exit_code
from state.steps import Outcome


@pytest.mark.requirement("R15")
@pytest.mark.parametrize(
    ("status", "outcome", "code"),
    [
        ("completed", "fixed", 0),
        ("completed", "done", 0),
        ("completed", "changed_unverified", 3),
        ("completed", "no_change", 4),
        ("failed", "failed", 1),
        ("failed", "denied", 6),
        ("failed", None, 1),
        ("cancelled", None, 1),
        ("waiting", None, 5),
        ("running", None, 5),
        ("interrupted", None, 5),
    ],
)
def test_each_way_a_thread_can_be_has_its_true_exit_code(status: Shown, outcome: Outcome | None, code: int) -> None:
    assert exit_code(status, outcome) == code
