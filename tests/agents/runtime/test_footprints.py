"""What the engine holds of the work trees around a change, and what it does when they cannot be held."""

from collections.abc import Awaitable, Callable

import pytest

from state.events import CheckpointTaken, Resolved
from tests.agents.runtime.lab import Lab, events, run
from tests.agents.runtime.toys import lines
from tools.base import ToolError, Workspace
from tools.checkpoints.saving import Tree

pytestmark = pytest.mark.anyio


def holding(*commits: str) -> Callable[[Workspace, str], Awaitable[dict[str, Tree]]]:
    """Return a hold whose trees have these commits, one after the other; it fails where one is empty."""
    left = list(commits)

    async def hold(_: Workspace, __: str) -> dict[str, Tree]:
        if commit := left.pop(0):
            return {"world": Tree(commit=commit, left_out=["vendor/"])}
        raise ToolError("limit", "There is no room.", "Make room.")

    return hold


@pytest.mark.requirement("R1")
async def test_the_first_change_has_a_checkpoint_and_each_says_what_it_made_of_the_trees(lab: Lab) -> None:
    engine = lab.engine(hold=holding("c0", "c1", "c2", "c2"))
    thread = await run(engine, lines("add a", "peek a", "add a"))
    assert [(one.version, one.label, dict(one.trees)) for one in thread.checkpoints] == [
        (2, "before the first change", {"world": "c0"})
    ]
    assert thread.moves == ({"world": ("c0", "c1")},), "the second made nothing of it"
    taken = [event for event in events(engine, thread.id) if isinstance(event, CheckpointTaken)]
    assert [event.left_out for event in taken] == [{"world": ["vendor/"]}]


async def test_without_a_checkpoint_nothing_is_changed(lab: Lab) -> None:
    thread = await run(lab.engine(hold=holding("", "", "")), lines("add a"))
    assert (thread.status, thread.asked and thread.asked.topic, lab.applied()) == ("waiting", "failures", [])
    assert [failure.problem.kind for failure in thread.failures["0:add"]] == ["limit"] * 3


async def test_a_change_that_cannot_be_held_afterwards_has_happened_all_the_same(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    engine = lab.engine(hold=holding("c0", ""))
    thread = await run(engine, lines("add a"))
    assert (thread.status, thread.moves, lab.numbers()) == ("completed", (), {"a": "1"})
    assert all(not event.trees for event in events(engine, thread.id) if isinstance(event, Resolved))
    assert "cannot be held" in caplog.text
