"""The process as whoever sent a message may read it: what resources, completions and subscriptions look through."""

from typing import Any

from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_REQUEST

from mcp_server.compose import Runtime
from state.problem import ProblemError


def reader(runtime: Runtime, request: Any) -> Runtime:
    """Return what the caller sees of the process; `request` is what the message came with, if it came over HTTP.

    Raises:
        MCPError: The caller may not read.
    """
    try:
        return runtime.seen_by(request)
    except ProblemError as error:
        raise MCPError(INVALID_REQUEST, str(error)) from error
