"""What an agent would find in a repository, and what a list says of many."""

from pathlib import Path

import anyio
from anyio.to_thread import run_sync

from mcp_server.compose import Runtime
from mcp_server.envelope import Envelope, without_nulls
from mcp_server.repositories import Named
from state.problem import ProblemError

INSTRUCTIONS = ("AGENTS.md", "CLAUDE.md", "GEMINI.md", ".github/copilot-instructions.md", "CONTRIBUTING.md")
MOST_DIRTY = 20
AT_ONCE = 4
SURVEY_S = 8.0
"""How long a list may look at its repositories; a host with hundreds still gets their names."""


async def surveyed(runtime: Runtime) -> list[Envelope]:
    """Return a line per repository, as far as all can be looked at in time: the rest is named without details."""
    named = runtime.repositories.list()
    lines = [_line(runtime, one) for one in named]
    limiter = anyio.CapacityLimiter(AT_ONCE)

    async def look(line: Envelope, root: Path) -> None:
        async with limiter:
            line.update(await _glance(runtime, root))

    with anyio.move_on_after(SURVEY_S):
        async with anyio.create_task_group() as group:
            for line, one in zip(lines, named, strict=True):
                group.start_soon(look, line, one.root)
    return lines


def _line(runtime: Runtime, named: Named) -> Envelope:
    home = named.root == runtime.repositories.home or None
    return {"repo": named.name, "root": str(named.root), "trusted": named.trusted, "home": home}


async def _glance(runtime: Runtime, root: Path) -> Envelope:
    """Return what a list says of a repository, or why it may not be opened."""
    try:
        facts = await runtime.repositories.facts(root)
    except ProblemError as error:
        return {"refused": str(error)}
    runner = await run_sync(_runner, root)
    return {
        "branch": facts.status.branch or None,
        "head": facts.status.head or None,
        "dirty": facts.status.total,
        "runner": runner[0] if runner else None,
        "issues": await run_sync((root / "issues").is_dir),
    }


async def describe(runtime: Runtime, root: Path) -> Envelope:
    """Say what an agent would find in a repository. Nothing in it is changed, nothing of it runs.

    Raises:
        ProblemError: It may not be opened.
    """
    facts = await runtime.repositories.facts(root)
    runner = await run_sync(_runner, root)
    status = facts.status
    return without_nulls(
        {
            "repo": runtime.repositories.name_of(root),
            "root": str(root),
            "branch": status.branch or None,
            "head": status.head or None,
            "dirty": [change.model_dump(exclude_defaults=True) for change in status.changes[:MOST_DIRTY]],
            "dirty_total": status.total,
            "operation": facts.operation,
            "instructions": next((name for name in INSTRUCTIONS if (root / name).is_file()), None),
            "runner": f"{runner[0]}: {runner[1]}" if runner else None,
            "trusted": runtime.repositories.trusted(root),
            "notice": await run_sync(runtime.repositories.notice, root) or None,
        }
    )


def _runner(root: Path) -> tuple[str, str] | None:
    from tools.runners.detection import detect

    found = detect(root)
    return (found.runner, found.reason) if found else None
