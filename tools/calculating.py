"""Arithmetic: what a model had better not do in its head."""

import math
from fractions import Fraction
from typing import Annotated

from pydantic import Field

from tools.base import tool
from tools.errors import ToolError
from tools.workspace import Workspace

Number = Annotated[float, Field(allow_inf_nan=False)]


def _finite(value: float | complex, what: str) -> float:
    if isinstance(value, complex) or not math.isfinite(value):
        raise ToolError("bad_input", f"{what} has no finite real result.", "Check the numbers.")
    return value


@tool("read", carries="nothing")
def sum_numbers(_: Workspace, numbers: Annotated[list[Number], Field(min_length=1, max_length=1000)]) -> float:
    """Add numbers, without the rounding errors of adding them one by one."""
    try:
        return float(sum(map(Fraction, numbers)))
    except OverflowError as error:
        raise ToolError("bad_input", "The sum has no finite real result.", "Check the numbers.") from error


@tool("read", carries="nothing")
def subtract_numbers(_: Workspace, a: Number, b: Number) -> float:
    """Subtract b from a."""
    return _finite(a - b, "The difference")


@tool("read", carries="nothing")
def multiply_numbers(_: Workspace, numbers: Annotated[list[Number], Field(min_length=1, max_length=1000)]) -> float:
    """Multiply numbers."""
    return _finite(math.prod(numbers), "The product")


@tool("read", carries="nothing")
def divide_numbers(_: Workspace, a: Number, b: Number) -> float:
    """Divide a by b."""
    if b == 0:
        raise ToolError("bad_input", f"{a} cannot be divided by 0.", "Give another divisor.")
    return _finite(a / b, "The quotient")


@tool("read", carries="nothing")
def power(_: Workspace, base: Number, exponent: Number) -> float:
    """Raise base to exponent."""
    try:
        return _finite(base**exponent, f"{base} to the power of {exponent}")
    except (OverflowError, ZeroDivisionError) as error:
        message = f"{base} to the power of {exponent} has no finite result."
        raise ToolError("bad_input", message, "Check the numbers.") from error


@tool("read", carries="nothing")
def square_root(_: Workspace, number: Annotated[float, Field(ge=0, allow_inf_nan=False)]) -> float:
    """Take the square root."""
    return math.sqrt(number)


CALCULATING = (sum_numbers, subtract_numbers, multiply_numbers, divide_numbers, power, square_root)
