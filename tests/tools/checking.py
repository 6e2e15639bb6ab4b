"""What the tests of checks share: a workspace around files, and one call that plans and runs."""

import hashlib
import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tools.boxes.sandbox import Sandbox, Unboxed
from tools.checks import Check, CheckPlan, run_check
from tools.children import Child
from tools.workspace import Repository, Workspace

PATH = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
# Without the plugins of this project's own environment a small pytest run takes a quarter of the time.
ENVIRONMENT = {"PATH": PATH, "LC_ALL": "C.UTF-8", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


SANDBOX: Sandbox = Unboxed()
"""Of the workspaces made here; the fixture `each_box` sets another."""


@dataclass
class Memory:
    """Blobs in a dictionary."""

    kept: dict[str, bytes] = field(default_factory=dict[str, bytes])

    def put(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        self.kept[digest] = data
        return digest

    def get(self, digest: str) -> bytes | None:
        return self.kept.get(digest)


def make_workspace(
    tmp_path: Path,
    files: Mapping[str, str],
    *,
    trusted: bool = True,
    environment: Mapping[str, str] = ENVIRONMENT,
    effect: str = "effect-of-a-test",
) -> Workspace:
    root, scratch = tmp_path / "repo", tmp_path / "scratch"
    root.mkdir()
    scratch.mkdir()
    write(root, files)
    repository = Repository("repo", root.resolve(), "write", trusted=trusted)
    return Workspace({"repo": repository}, Memory(), scratch.resolve(), environment, effect=effect, sandbox=SANDBOX)


def write(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


async def plan(workspace: Workspace, **args: object) -> CheckPlan:
    return CheckPlan.model_validate_json(json.dumps(await run_check.look(workspace, args)))


async def check(workspace: Workspace, **args: object) -> Check:
    """Plan and run, as the engine does: everything passes through JSON."""
    planned = (await plan(workspace, **args)).model_dump(mode="json")
    return Check.model_validate_json(json.dumps(await run_check.perform(workspace, planned)))


def ended(returncode: int = 0, stdout: str = "", stderr: str = "", dropped: int = 0) -> Child:
    """Return a child as a runner's reader sees it."""
    return Child(returncode, stdout.encode(), stderr.encode(), dropped, 0, timed_out=False, seconds=0.1)


def program(name: str) -> str:
    """Return where a program is, or skip the test and say why."""
    found = shutil.which(name) or shutil.which(name, path=PATH)
    if found is None:
        pytest.skip(f"{name} is not installed on this machine")
    return found


def tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
