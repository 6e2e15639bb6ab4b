"""Take the edits of a thread's own work tree over into the person's checkout: all of them, or none.

A file that is neither as the thread found it nor as it left it was edited since: then nothing is taken over. The files
are changed under the journal of a restore, so what a kill cuts off is completed before anything else touches them.
"""

from collections.abc import Mapping
from contextlib import AsyncExitStack

from anyio.to_thread import run_sync
from pydantic import BaseModel

from tools.base import tool
from tools.checkpoints import files
from tools.checkpoints.comparing import Change, Plan, changes
from tools.checkpoints.contents import contents
from tools.checkpoints.restoring import FORWARD, Proposal, carry_out, finish, take_back
from tools.checkpoints.saving import overlaid, save
from tools.checkpoints.vault import opened
from tools.errors import CutOff, ToolError
from tools.giterrors import printable
from tools.workspace import Repository, Workspace

MOST_NAMED = 200
SECONDS = 900.0


class Takeover(BaseModel):
    """Two commits of the checkout's checkpoints; only the paths that differ between them are changed."""

    repo: str
    before: str
    wanted: str


class Taken(BaseModel):
    repo: str
    files: list[str] = []
    """Changed by this, the first 200."""
    total: int = 0


async def _apply(workspace: Workspace, plan: Takeover) -> Taken:
    repository = workspace.writable(plan.repo)
    async with opened(workspace, repository) as vault:
        planned = Plan(await changes(vault, plan.before, plan.wanted))
        left = await carry_out(vault, Proposal(plan.before, plan.wanted, planned), {FORWARD: True})
        if left:
            await take_back(vault)
            raise _clash(repository, left)
        await finish(vault)
    return _told(repository, planned.changes)


async def _probe(workspace: Workspace, plan: Takeover) -> Taken | None:
    repository = workspace.writable(plan.repo)
    async with opened(workspace, repository) as vault:
        planned = await changes(vault, plan.before, plan.wanted)
    found = {path: await run_sync(files.state_at, repository.root, path) for path in planned}
    if all(found[path] == new for path, (_, new) in planned.items()):
        return _told(repository, planned)
    if all(found[path] == old for path, (old, _) in planned.items()):
        return None
    raise CutOff(f"some files of {repository.name!r} were edited since.")


@tool("write", apply=_apply, probe=_probe, carries="nothing", timeout=SECONDS)
async def take_over(workspace: Workspace, tree: str, base: str, repo: str = "") -> Takeover:
    """Bring what changed in the own work tree `tree` since `base`, a commit of its checkpoints, into `repo`."""
    repository, own = workspace.writable(repo), workspace.repository(tree)
    async with AsyncExitStack() as stack:
        async with opened(workspace, own) as vault:
            now = await save(workspace, own, vault, "to take over")
            made = await changes(vault, base, now.commit)
            fetched = await stack.enter_async_context(contents(vault, {new[1] for _, new in made.values() if new}))
        vault = await stack.enter_async_context(opened(workspace, repository))
        held = await save(workspace, repository, vault, "before taking over", also=made)
        found = {path: await run_sync(files.state_at, repository.root, path) for path in made}
        if left := [path for path, (old, new) in made.items() if found[path] not in (old, new)]:
            raise _clash(repository, left)
        todo = {path: new for path, (_, new) in made.items() if found[path] != new}
        wanted = await overlaid(vault, held.commit, todo, fetched)
    return Takeover(repo=repository.name, before=held.commit, wanted=wanted)


def _told(repository: Repository, planned: Mapping[str, Change]) -> Taken:
    names = [printable(path) for path in sorted(planned)]
    return Taken(repo=repository.name, files=names[:MOST_NAMED], total=len(names))


def _clash(repository: Repository, paths: list[str]) -> ToolError:
    named = ", ".join(printable(path) for path in paths[:5]) + (f" and {len(paths) - 5} more" if paths[5:] else "")
    hint = "Commit or put aside your edits of them and try again, or commit in the work tree and git merge its branch."
    return ToolError("conflict", f"Nothing was taken over: {named} is edited in {repository.name!r} as well.", hint)
