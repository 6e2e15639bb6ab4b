"""Ask a tool's probe what became of an effect that was cut off (R5)."""

from dataclasses import dataclass
from typing import Any

import anyio

from tools.base import CutOff, Tool, ToolError, Workspace


@dataclass(frozen=True, slots=True)
class Found:
    """What a probe found to have happened; JSON-ready."""

    json: Any


async def find_out(tool: Tool[..., Any], workspace: Workspace, plan: Any) -> Found | None:
    """Ask the tool's probe; whatever it cannot tell is for a person."""
    if tool.risk == "danger":
        raise CutOff("it cannot be undone, so it is not tried again unasked.")
    with anyio.move_on_after(tool.timeout):
        try:
            happened, value = await tool.happened(workspace, plan)
        except ToolError as error:
            raise CutOff(str(error)) from error
        return Found(value) if happened else None
    raise CutOff(f"looking took longer than {tool.timeout:.0f} s.")
