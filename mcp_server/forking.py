"""Where a fork begins: which version, with which files, in which work trees."""

from collections.abc import Mapping
from typing import Any

from agents.runtime.deciders import require_model
from agents.runtime.forking import before_decisions, fork, fork_point, wrote_after
from agents.runtime.rewinding import checkpoint_id, find_checkpoint
from mcp_server.compose import Runtime
from mcp_server.repositories import Isolation
from state.events import HeldFiles, RepositoryRef
from state.problem import ProblemError
from state.thread import Thread

SAME = "same"


async def forked(
    runtime: Runtime,
    thread: Thread,
    *,
    checkpoint: str = "",
    version: int | None = None,
    task: Mapping[str, Any],
    isolation: Isolation,
    model: str = "",
) -> Thread:
    """Fork a thread at a checkpoint, or at a version after which it changed no file; default: as late as can be.

    With `model` everything is decided anew, by that one or, if it is `same`, by whoever decided: with the prompts and
    the files that were there before the first decision.

    Raises:
        ProblemError: `not_found` (the checkpoint), `conflict` (files changed after the version), `bad_input`, `busy`.
    """
    records = runtime.store.read(thread.id)
    held = find_checkpoint(thread, checkpoint) if checkpoint else None
    wanted = held.version if held else thread.version if version is None else version
    if model and not checkpoint and version is None:
        wanted, held = before_decisions(records), next(iter(thread.checkpoints), None)
    if model not in ("", SAME):
        require_model(runtime.engine, model)
    point = fork_point(records, wanted)
    if wrote_after(records, point) and (held is None or isolation == "in_place"):
        known = ", ".join(checkpoint_id(thread, one) for one in thread.checkpoints)
        message = f"Thread {thread.id!r} changed files after version {point}."
        raise ProblemError("conflict", message, f"Fork it in a worktree at one of its checkpoints: {known}.")
    workspace = thread.workspace
    if isolation == "worktree":
        trees = held.trees if held else await _as_they_are(runtime, thread)
        workspace = tuple(_apart(runtime, ref, trees) for ref in workspace)
    return await fork(runtime.engine, thread, point, workspace, dict(task), model if model != SAME else "")


async def _as_they_are(runtime: Runtime, thread: Thread) -> Mapping[str, str]:
    held = await runtime.hold(await runtime.open_workspace(thread), "to fork")
    return {name: tree.commit for name, tree in held.items()}


def _apart(runtime: Runtime, ref: RepositoryRef, trees: Mapping[str, str]) -> RepositoryRef:
    """Return a work tree of its own for what the thread may write to; what it only reads stays where it is."""
    if ref.mode == "read":
        return ref
    return runtime.repositories.own(ref, HeldFiles(root=ref.root, commit=trees[ref.name]))
