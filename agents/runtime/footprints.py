"""What a thread's effects make of the work trees, told apart from what persons do meanwhile."""

import logging
from collections.abc import Mapping

from agents.runtime.engine import Engine
from agents.runtime.pen import Pen
from state.events import CheckpointTaken, Trees
from tools.errors import ToolError
from tools.workspace import Workspace

log = logging.getLogger(__name__)

MOST_NAMED = 20


async def held_before(engine: Engine, pen: Pen, workspace: Workspace, key: str) -> dict[str, str]:
    """Hold the work trees before a change, the thread's first time as a checkpoint; return their commits by repository.

    Raises:
        ToolError: They cannot be held.
        Moved: A signal came first.
        Fenced: The lease was taken over.
    """
    if engine.hold is None:
        return {}
    engine.bells.doing[pen.thread.id] = "holding the files as they are"
    try:
        held = await engine.hold(workspace, f"before {key}")
    finally:
        del engine.bells.doing[pen.thread.id]
    trees = {name: tree.commit for name, tree in held.items()}
    if held and not pen.thread.checkpoints:
        left_out = {name: tree.left_out[:MOST_NAMED] for name, tree in held.items() if tree.left_out}
        await pen.decide(CheckpointTaken(label="before the first change", trees=trees, left_out=left_out))
    return trees


async def since(engine: Engine, workspace: Workspace, key: str, before: Mapping[str, str]) -> Trees:
    """Return what became of the work trees. Where that cannot be told, a restore takes it for a person's work."""
    if engine.hold is None or not before:
        return {}
    try:
        held = await engine.hold(workspace, f"after {key}")
    except ToolError as error:
        log.warning("what %s changed cannot be held: %s", key, error)
        return {}
    return {name: (before[name], tree.commit) for name, tree in held.items() if tree.commit != before[name]}
