"""A visit: everything that this program does in a repository, and what came of each step."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio

from state.events import RepositoryRef
from tests.mcp_server.door import door, structured
from tests.tools.gitting import Place, look
from tools.base import Tool
from tools.beneath import digest
from tools.checkpoints.restoring import carry_out, finish, propose
from tools.checkpoints.saving import save
from tools.checkpoints.showing import differences
from tools.checkpoints.vault import opened
from tools.commit import commit_edits
from tools.errors import ToolError
from tools.files import edit_file, list_files, read_file
from tools.git import git_diff, git_log, git_show, git_status
from tools.gitnames import resolve
from tools.locate import locate
from tools.review import review_edits
from tools.search import search
from tools.takeover import take_over
from tools.workspace import Workspace
from tools.worktrees import make_ready, remove

STEP_S = 20


@dataclass
class Visit:
    """What a visit did, and everything that it told."""

    done: set[str] = field(default_factory=set[str])
    refused: dict[str, str] = field(default_factory=dict[str, str])
    """Step -> the problem and its next step."""
    told: str = ""

    async def step(self, name: str, act: Callable[[], Awaitable[Any]]) -> None:
        try:
            with anyio.fail_after(STEP_S):
                self.told += f"{await act()}\n"
        except ToolError as error:
            assert "\n" not in error.problem.message and error.problem.hint, error.problem
            self.refused[name] = str(error.problem)
        else:
            self.done.add(name)


async def visit(place: Place, root: Path, *, trusted: bool = False) -> Visit:
    """Look at, search, read, edit, commit, hold, compare and restore the repository's b.txt, which holds `b`."""
    visited, workspace = Visit(), place.workspace(root, trusted=trusted)
    reads: dict[str, tuple[Tool[..., Any], dict[str, Any]]] = {
        "git_status": (git_status, {}),
        "git_diff": (git_diff, {}),
        "git_diff_range": (git_diff, {"base": "HEAD~1..HEAD", "stat": True}),
        "git_log": (git_log, {}),
        "git_show": (git_show, {"ref": "HEAD"}),
        "git_show_file": (git_show, {"ref": "HEAD", "path": "a.txt"}),
        "search": (search, {"text": "three"}),
        "list_files": (list_files, {}),
        "read_file": (read_file, {"path": "b.txt"}),
        "locate": (locate, {"pairs": [{"old": "three", "new": "four"}]}),
        "review_edits": (review_edits, {"edits": [{"path": "b.txt", "before": digest(b""), "after": digest(b"b\n")}]}),
    }
    for name, (tool, args) in reads.items():
        await visited.step(name, lambda tool=tool, args=args: look(tool, workspace, **args))
    edits = {"files": [{"path": "b.txt", "edits": [{"old": "b", "new": "c"}]}], "message": "c", "at": 1_700_000_000}
    await visited.step("commit_edits", lambda: change(commit_edits, workspace, branch="agent/c", **edits))
    await visited.step("checkpoints", lambda: _taken_back(workspace))
    await visited.step("own_tree", lambda: _apart(place, workspace))
    return visited


async def visit_door(place: Place, root: Path) -> Visit:
    """Do what a host does first: list repositories, switch to this one, ask for it; and look for it as the doctor."""
    visited = Visit()
    changes: dict[str, Any] = {"FACTOR12_STATE_DIR": place.folder / "state"}
    async with door(root.parent, home=root.name, toys=False, **changes) as at:
        visited.told += str(await at.told("repo_list"))
        for name in ("repo_switch", "repo_current"):
            result = await at.call(name, **({"repo": root.name} if name == "repo_switch" else {}))
            visited.told += str(structured(result))
            if result.is_error:
                visited.refused[name] = str(structured(result)["error"])
            else:
                visited.done.add(name)
    return visited


async def change(tool: Tool[..., Any], workspace: Workspace, **args: Any) -> Any:
    """Plan, carry out and ask whether it happened, as the engine does."""
    plan = await look(tool, workspace, **args)
    performed: Any = tool.perform(workspace, plan)
    done = await performed
    assert (await tool.happened(workspace, plan))[0]
    return done


async def _taken_back(workspace: Workspace) -> Any:
    """Hold the work tree, edit a file, compare, and take the edit back."""
    repository = workspace.repository()
    async with opened(workspace, repository) as vault:
        held = await save(workspace, repository, vault, "before")
    await change(edit_file, workspace, path="b.txt", edits=[{"old": "b", "new": "edited"}])
    assert (repository.root / "b.txt").read_text() == "edited\n"
    shown = await differences(workspace, repository.name, held.commit, None)
    assert [row["path"] for row in shown.files] == ["b.txt"]
    async with opened(workspace, repository) as vault:
        await carry_out(vault, await propose(workspace, repository, vault, held.commit))
        await finish(vault)
    assert (repository.root / "b.txt").read_text() == "b\n"
    return shown


async def _apart(place: Place, workspace: Workspace) -> Any:
    """Make a work tree of a thread's own, edit there, take the edit over, take it back, and remove the tree."""
    repository = workspace.repository()
    own = replace(repository, name="tree", root=place.folder / "worktrees/1/tree", source=repository.root)
    both = replace(workspace, repositories={repository.name: repository, "tree": own})
    head = await resolve(workspace, repository, "HEAD")
    ref = RepositoryRef(name="tree", root=str(own.root), mode="write", branch="agent/1", head=head)
    await make_ready(both, own, ref)
    async with opened(both, own) as vault:
        base = await save(both, own, vault, "before")
    await change(edit_file, both, path="b.txt", edits=[{"old": "b", "new": "apart"}], repo="tree")
    told = await change(take_over, both, tree="tree", base=base.commit)
    assert told["files"] == ["b.txt"] and (repository.root / "b.txt").read_text() == "apart\n"
    (repository.root / "b.txt").write_text("b\n")
    await remove(both, own, ref)
    assert not own.root.exists()
    return told
