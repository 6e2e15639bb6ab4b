"""What may leave the process of a custom agent: one line of JSON that the server can read, or why there is none."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json

LARGEST_REPLY = 4 << 20


class Unsaid(Exception):
    """It cannot be said to the server, and this is why."""


def line_of(reply: Mapping[str, Any]) -> bytes:
    """Return the reply as a line.

    Raises:
        Unsaid: It is no JSON (half a character, no number, endless), or more than the server reads.
    """
    try:
        line = json.dumps(reply).encode() + b"\n"
        from_json(line, allow_inf_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise Unsaid(f"is no JSON: {error}") from error
    if len(line) > LARGEST_REPLY:
        raise Unsaid(f"has {len(line):,} bytes as JSON, and {LARGEST_REPLY:,} is the most")
    return line
