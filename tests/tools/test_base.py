"""A typed function becomes a tool: what describing a call and reading its result refuse."""

from typing import Any

import pytest

from state.events import Resolved
from state.fold import replay
from state.thread import Thread
from tests.state.places import launched
from tools.base import ToolError, Workspace, tool


@tool("read")
def count(_: Workspace, name: str, most: int = 3) -> int:
    """Count."""
    return min(len(name), most)


def after(value: Any) -> Thread:
    return replay("t", [launched(), Resolved(key="count", value=value, tool="count", args={"name": "a"})])


def test_a_call_is_described_with_its_arguments_in_any_order() -> None:
    assert count("a", 2) == count(most=2, name="a") == count("a", most=2)
    assert count("a").args == {"name": "a", "most": 3}


@pytest.mark.parametrize(("args", "named"), [(("a", 2, 3), {}), (("a",), {"name": "b"})])
def test_a_call_with_too_many_arguments_or_one_twice_is_a_mistake_of_the_agent(
    args: tuple[Any, ...], named: dict[str, Any]
) -> None:
    described: Any = count
    with pytest.raises(TypeError, match="count takes name, most; each once"):
        described(*args, **named)


def test_a_recorded_result_has_the_type_that_the_tool_returns() -> None:
    assert count.result(after(1)) == 1
    assert count.result(replay("t", [launched()])) is None


@pytest.mark.requirement("R3")
def test_a_recorded_result_of_another_shape_is_not_taken_for_one() -> None:
    with pytest.raises(ToolError, match="is not what count returns") as caught:
        count.result(after({"many": True}))
    assert caught.value.problem.kind == "diverged" and caught.value.problem.hint


@pytest.mark.requirement("R5")
def test_what_a_person_said_has_happened_has_no_result_to_go_on_with() -> None:
    with pytest.raises(ToolError, match="'count' happened, as a person said") as caught:
        count.result(after(None))
    assert caught.value.problem.kind == "conflict" and caught.value.problem.hint
