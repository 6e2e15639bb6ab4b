"""Arithmetic for a model: right where there is an answer, and a word on why where there is none."""

from pathlib import Path
from typing import Any

import pytest

from tests.tools.checking import Memory
from tools.base import Tool, ToolError, Workspace
from tools.calculating import divide_numbers, multiply_numbers, power, subtract_numbers, sum_numbers

LARGE = 1e308


def counted(tool: Tool[..., Any], **args: Any) -> Any:
    return tool.look(Workspace({}, Memory(), Path()), args)


@pytest.mark.parametrize(
    ("tool", "args", "result"),
    [
        (sum_numbers, {"numbers": [0.1] * 10}, 1.0),
        (sum_numbers, {"numbers": [1e16, 1, -1e16]}, 1.0),
        (sum_numbers, {"numbers": [LARGE, LARGE, -LARGE]}, LARGE),
        (multiply_numbers, {"numbers": [6, 7]}, 42),
        (divide_numbers, {"a": 434, "b": 2480}, 0.175),
        (power, {"base": 2, "exponent": 10}, 1024),
    ],
)
def test_what_has_an_answer_is_calculated(tool: Tool[..., Any], args: dict[str, Any], result: float) -> None:
    assert counted(tool, **args) == result


@pytest.mark.parametrize(
    ("tool", "args"),
    [
        (sum_numbers, {"numbers": [LARGE, LARGE]}),
        (subtract_numbers, {"a": LARGE, "b": -LARGE}),
        (multiply_numbers, {"numbers": [LARGE, LARGE]}),
        (divide_numbers, {"a": LARGE, "b": 1e-308}),
        (power, {"base": 10, "exponent": 10**10}),
        (power, {"base": -8, "exponent": 0.5}),
        (power, {"base": 0, "exponent": -1}),
    ],
)
def test_what_has_no_finite_real_answer_is_bad_input(tool: Tool[..., Any], args: dict[str, Any]) -> None:
    with pytest.raises(ToolError, match="finite"):
        counted(tool, **args)
