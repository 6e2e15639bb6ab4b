"""Two threads side by side: how each ended, by whose decisions, at what price, and what it made of the files."""

from typing import Any

from mcp_server.compose import Runtime
from mcp_server.envelope import error_of, status_of
from state.events import thought_of
from state.problem import ProblemError
from state.spending import Thought
from state.store import Store
from state.thread import Thread

HOST = "host"
LONGEST_PATCH = 200_000


async def side_by_side(runtime: Runtime, threads: tuple[Thread, Thread]) -> dict[str, Any]:
    """Describe both threads field by field, each with its whole patch. JSON-ready."""
    one, other = [{**summary(runtime, thread), "patch": await patch_of(runtime, thread)} for thread in threads]
    return {"same_output": threads[0].output == threads[1].output, "same_patch": one["patch"] == other["patch"]} | {
        "threads": [one, other]
    }


def summary(runtime: Runtime, thread: Thread) -> dict[str, Any]:
    """Describe how a thread ended, by whose decisions and at what price."""
    thoughts = thoughts_of(runtime.store, thread.id)
    fields: dict[str, Any] = {
        "thread_id": thread.id,
        "status": status_of(runtime, thread),
        "outcome": thread.outcome,
        "error": error_of(thread),
        "models": list(dict.fromkeys(thought.usage.model or HOST for thought in thoughts)),
        "prompts": {thought.template: f"{thought.version} {thought.digest[:12]}".strip() for thought in thoughts},
        "steps": thread.steps,
        "seconds": round(thread.seconds, 1),
        "tokens": thread.spent.tokens,
        "dollars": round(thread.spent.money, 4),
    }
    return {name: value for name, value in fields.items() if value is not None}


def thoughts_of(store: Store, thread_id: str) -> list[Thought]:
    """Return how models were asked, in order."""
    return [thought for record in store.read(thread_id) if (thought := thought_of(record.event)) is not None]


async def patch_of(runtime: Runtime, thread: Thread) -> str:
    """Return what the thread made of its work trees, first to last; that it is not known any more is said there."""
    from tools.checkpoints.showing import differences

    ends = dict[str, tuple[str, str]]()
    for moves in thread.moves:
        for name, (before, after) in moves.items():
            ends[name] = (ends.get(name, (before, after))[0], after)
    try:
        workspace = await runtime.open_workspace(thread) if ends else None
        found = [await differences(workspace, name, *pair) for name, pair in sorted(ends.items()) if workspace]
    except ProblemError as error:
        return f"(not known any more: {error.problem.message})"
    return "".join(one.patch for one in found)[:LONGEST_PATCH]
