"""Give a repository's program a private place and the few variables it may see, and take both away afterwards."""

import hashlib
import json
import secrets
import shutil
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

from anyio import CancelScope
from anyio.to_thread import run_sync

from tools.children import MIB, Child, kill_leftovers, run_child
from tools.runners.boxed import Run, Wrap, unboxed
from tools.runners.results import Target
from tools.workspace import Workspace

PRIVATE = "$FACTOR12_CHECK"
"""How the private folder of a run is written in results, so that the same command looks the same twice."""


def target(workspace: Workspace, repo: str, what: str, paths: Sequence[str], select: str = "") -> Target:
    """Describe a run of `what`. Its folder depends on the effect only, so that planning again plans the same."""
    repository = workspace.repository(repo)
    root = repository.root
    identity = json.dumps([workspace.effect, str(root), what, list(paths), select])
    return Target(
        root=root,
        folder=workspace.scratch / "checks" / hashlib.sha256(identity.encode()).hexdigest()[:16],
        environment=workspace.environment,
        paths=tuple(paths),
        select=select,
        mark=workspace.effect,
        checkout=repository.source,
    )


@asynccontextmanager
async def attempt(planned: Target) -> AsyncGenerator[Target]:
    """Have an empty folder within the planned one, with a home and a place for temporary files; nothing of it stays.

    Each attempt has its own: a driver that wakes after another took over must not take away what that one uses (R6).
    """
    folder = planned.folder / secrets.token_hex(4)
    await run_sync(_prepare, folder)
    try:
        yield replace(planned, folder=folder)
    finally:
        with CancelScope(shield=True):
            await run_sync(_remove, folder)


async def clear(planned: Target) -> None:
    """End what cut-off attempts left running, and remove their folders."""
    await kill_leftovers(planned.mark)
    await run_sync(shutil.rmtree, planned.folder, True)


async def run_there(target: Target, run: Run, timeout_s: float, wrap: Wrap) -> Child:
    """Run a planned program in the repository with the workspace's variables, the runner's own, and private places."""
    planned, actual = str(target.folder.parent), str(target.folder)
    argv = [word.replace(planned, actual) for word in run.argv]
    environment = {
        **target.environment,
        "HOME": str(target.folder / "home"),
        "TMPDIR": str(target.folder / "tmp"),
        "FACTOR12_CHECK": str(target.folder),
        "NO_COLOR": "1",
        **{name: value.replace(planned, actual) for name, value in run.environment.items()},
    }
    child = await run_child(
        await run_sync(wrap, target, argv, environment),
        cwd=target.root,
        env=environment,
        timeout_s=timeout_s,
        mark=target.mark,
        limit=8 * MIB,
    )
    return child if run.sandbox == "none" else replace(child, returncode=unboxed(child.returncode))


def shown(target: Target, argv: Sequence[str]) -> list[str]:
    return [word.replace(str(target.folder), PRIVATE) for word in argv]


def _prepare(folder: Path) -> None:
    for name in ("home", "tmp"):
        (folder / name).mkdir(parents=True, mode=0o700)


def _remove(folder: Path) -> None:
    """Remove what can be removed: a test may have taken away its own rights to a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        folder.parent.rmdir()
