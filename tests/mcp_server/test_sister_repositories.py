"""Work across sister repositories: contexts that nest and keep apart, and one checkpoint for all of them."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agents.runtime.definition import Agent
from agents.runtime.engine import Launch
from agents.runtime.script import need, script
from mcp_server.compose import running
from state.steps import Done, Step
from state.thread import Thread
from tests.agents.shop import FIXED, SHOP
from tests.conftest import run_git
from tests.mcp_server.door import door, settings_in
from tests.mcp_server.toys import Got, Wish
from tools.base import Workspace, tool
from tools.children import run_child

pytestmark = pytest.mark.anyio

PROGRAM = (
    "sed -i s/one/two/ a.txt && rm gone.txt && chmod +x run.sh && ln -s a.txt link && mkdir deep && echo 1 >deep/n"
)


async def _apply(workspace: Workspace, plan: list[str]) -> str:
    for repository in workspace.repositories.values():
        await run_child(plan, cwd=repository.root, env={"PATH": os.defpath}, timeout_s=20, mark=workspace.effect)
    return "done"


def _probe(*_: object) -> None:
    """Nothing tells."""


@tool("write", apply=_apply, probe=_probe)
def sweep(_: Workspace) -> list[str]:
    """Let a shell change every repository behind the server's back."""
    return ["/bin/sh", "-c", PROGRAM]


@script
def _swept(_: Wish, thread: Thread) -> Step:
    return Done(Got(summary=need(thread, sweep)()))


SWEEPER = Agent("sweeper", "Sweep", "Change two repositories.", Wish, Got, _swept, mode="write")


def everything(root: Path) -> dict[str, Any]:
    """Return the work tree with every byte, link and mode."""
    found: dict[str, Any] = {}
    for path in sorted(root.rglob("*")):
        if ".git" not in path.parts and (path.is_symlink() or path.is_file()):
            content = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
            found[str(path.relative_to(root))] = (path.lstat().st_mode, content)
    return found


@pytest.fixture
def roots(make_repository: Callable[..., Path]) -> tuple[Path, Path]:
    files = {"a.txt": "one\r\n", "gone.txt": "x", "run.sh": "#!/bin/sh\n"}
    return make_repository("pin-citer", files), make_repository("cite-assist", files)


async def test_what_a_shell_did_to_two_repositories_is_shown_taken_back_and_put_forward_again(
    roots: tuple[Path, Path],
) -> None:
    before = [everything(root) for root in roots]
    folder = roots[0].parent
    async with running(settings_in(folder), roots[0], agents=(SWEEPER,), tools=(sweep,)) as runtime:
        refs = [await runtime.repositories.ref(root.name, "default", "write") for root in roots]
        launched = await runtime.engine.launch(Launch("sweeper", {}, "default", tuple(refs)))
        ended = await runtime.engine.wait(launched.id, 20)
    assert ended.outcome == "done"
    changed = [everything(root) for root in roots]
    assert all("deep/n" in files and files["a.txt"][1] == b"two\r\n" for files in changed)
    async with door(folder, home="pin-citer", toys=False) as at:
        [first] = (await at.told("checkpoint_list"))["checkpoints"]
        assert first["repositories"] == ["cite-assist", "pin-citer"]
        shown = await at.told("checkpoint_diff", checkpoint_id=first["checkpoint_id"])
        names = ["a.txt", "deep/n", "gone.txt", "link", "run.sh"]
        assert [(row["repo"], row["path"]) for row in shown["files"]] == [
            (root, name) for root in first["repositories"] for name in names
        ]
        back = await at.told("checkpoint_restore", checkpoint_id=first["checkpoint_id"], dry_run=False)
        assert [everything(root) for root in roots] == before
        await at.told("checkpoint_restore", checkpoint_id=back["undo"], dry_run=False)
        assert [everything(root) for root in roots] == changed


@pytest.mark.requirement("R10")
async def test_sister_repo_integration(make_repository: Callable[..., Path], tmp_path: Path) -> None:
    """The seeds' own integration test, against what really happens: switch, work there, come back, touch nothing."""
    make_repository("framework", {"README.md": "here\n"})
    sister = make_repository("test-sister-repo", SHOP)
    other = make_repository("another-sister-repo", {"README.md": "there\n"})
    here, environment = Path.cwd(), dict(os.environ)
    async with door(tmp_path, home="framework", toys=False, FACTOR12_TRUSTED_ROOTS=str(tmp_path)) as at:
        session = (await at.told("repo_switch", repo="../test-sister-repo"))["session"]
        aside = (await at.told("repo_switch", repo="../another-sister-repo"))["session"]
        result = await at.told("issue_fixer", issue="123", session=session)
        assert result["outcome"] == "fixed" and (sister / "auth.py").read_text() == FIXED
        assert (await at.told("repo_current", session=aside))["repo"] == "another-sister-repo"
        assert (await at.told("repo_switch", repo="../another-sister-repo", session=session))["session"] == session
        assert (await at.told("repo_restore", session=session))["repo"] == "test-sister-repo"
    async with door(tmp_path, home="framework", toys=False, FACTOR12_TRUSTED_ROOTS=str(tmp_path)) as at:
        assert (await at.told("repo_current", session=session))["repo"] == "test-sister-repo"
        assert (await at.told("repo_restore", session=session))["repo"] == "framework"
        assert (await at.problem("repo_restore", session=session))["kind"] == "conflict"
    assert run_git(other, "status", "--porcelain") == run_git(tmp_path / "framework", "status", "--porcelain") == ""
    assert (Path.cwd(), dict(os.environ)) == (here, environment)


async def test_an_issue_of_the_framework_is_fixed_in_a_sister(
    make_repository: Callable[..., Path], tmp_path: Path
) -> None:
    """`process_external_issue`: the issue stays where it is kept; only the sister's file changes."""
    files = {name: text for name, text in SHOP.items() if not name.startswith("issues")}
    sister = make_repository("sister", files)
    home = make_repository("framework", {"issues/123.md": SHOP["issues/123.md"]})
    async with door(tmp_path, home="framework", toys=False, FACTOR12_TRUSTED_ROOTS=str(tmp_path)) as at:
        result = await at.told("issue_fixer", issue="123", repo="../sister", source_repo="framework")
    assert result["outcome"] == "fixed" and (sister / "auth.py").read_text() == FIXED
    assert run_git(home, "status", "--porcelain") == ""
