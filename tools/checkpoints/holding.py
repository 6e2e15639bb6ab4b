"""Checkpoints of all repositories that a thread may write to."""

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from tools.checkpoints.restoring import complete
from tools.checkpoints.saving import Tree, save
from tools.checkpoints.vault import Vault, held, home_of, journal_in, opened, vault_in
from tools.workspace import Repository, Workspace


async def hold(workspace: Workspace, label: str) -> dict[str, Tree]:
    """Hold the work trees of the repositories that are given for writing, as they are now, by name.

    Raises:
        ToolError: One of them cannot be held; as `save`.
    """
    trees: dict[str, Tree] = {}
    for repository in _writable(workspace):
        async with opened(workspace, repository) as vault:
            trees[repository.name] = await save(workspace, repository, vault, label)
    return trees


@asynccontextmanager
async def open_all(workspace: Workspace, names: Iterable[str]) -> AsyncGenerator[dict[str, tuple[Repository, Vault]]]:
    """Open the vaults of several repositories, in an order that is the same for everybody.

    Raises:
        ToolError: As `opened`; or the workspace has no such repository.
    """
    repositories = sorted((workspace.repository(name) for name in names), key=lambda one: str(one.root))
    async with AsyncExitStack() as stack:
        yield {one.name: (one, await stack.enter_async_context(opened(workspace, one))) for one in repositories}


async def complete_all(workspace: Workspace, decided: Callable[[Mapping[str, Any]], bool]) -> dict[str, bool]:
    """End restores that were cut off, before anything else touches the work trees; by name, whether forward.

    Raises:
        ToolError: A file cannot be written.
    """
    ended: dict[str, bool] = {}
    for repository in workspace.repositories.values():
        if not journal_in(home_of(workspace, repository)).exists():
            continue
        async with opened(workspace, repository) as vault:
            forward = await complete(vault, decided)
        if forward is not None:
            ended[repository.name] = forward
    return ended


async def all_held(workspace: Workspace) -> set[str]:
    """Return every commit that is held of the workspace's repositories."""
    vaults = [vault_in(workspace, home_of(workspace, one)) for one in workspace.repositories.values()]
    return {commit for vault in vaults if vault for commit in await held(vault)}


def _writable(workspace: Workspace) -> list[Repository]:
    return [repository for repository in workspace.repositories.values() if repository.mode == "write"]
