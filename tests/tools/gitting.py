"""What the tests of git share: repositories made by real git, snapshots of every byte, programs that leave a mark."""

import hashlib
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.tools.checking import Memory
from tools.base import Tool
from tools.workspace import Mode, Repository, Workspace

PATH = "/usr/local/bin:/usr/bin:/bin"


class Place:
    """A folder of repositories, and a person with a home of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.home, self.scratch = self.folder / "home", self.folder / "scratch"
        self.home.mkdir(exist_ok=True)
        self.scratch.mkdir(mode=0o700, exist_ok=True)
        self.environment = {"PATH": PATH, "HOME": str(self.home)}
        self.marker = self.folder / "marker"

    def git(self, root: Path, *args: str, stdin: bytes = b"", check: bool = True) -> str:
        """Run git as the person does: with their configuration, and with all programs that the repository names."""
        known = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_DATE": "@1700000000 +0000", "LC_ALL": "C"}
        who = {
            f"GIT_{role}_{part}": "test@example.org" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")
        }
        command = ["git", "-C", str(root), "-c", "protocol.file.allow=always", *args]
        env = {**self.environment, **known, **who}
        return subprocess.run(
            command, check=check, capture_output=True, input=stdin, env=env, timeout=20
        ).stdout.decode()

    def repository(self, name: str, files: Mapping[str, str | bytes]) -> Path:
        root = self.folder / name
        root.mkdir(parents=True)
        self.git(root, "init", "-q", "-b", "main")
        self.write(root, files)
        if files:
            self.commit(root, "start")
        return root

    def write(self, root: Path, files: Mapping[str, str | bytes]) -> None:
        for name, content in files.items():
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())

    def commit(self, root: Path, message: str) -> str:
        self.git(root, "add", "-A")
        self.git(root, "commit", "-q", "-m", message)
        return self.git(root, "rev-parse", "HEAD").strip()

    def diverge(self, root: Path) -> None:
        """Let the branches `side` and `main`, which is checked out, change a.txt in different ways."""
        for branch, option in (("side", ["-b"]), ("main", [])):
            self.git(root, "checkout", "-q", *option, branch)
            self.write(root, {"a.txt": f"{branch}\n"})
            self.commit(root, branch)

    def mark(self, name: str, *, copies: bool = True) -> Path:
        """Return a program that leaves a marker when it runs, and then prints what it reads."""
        own = self.folder / "programs" / name
        own.parent.mkdir(exist_ok=True)
        own.write_text(f'#!/bin/sh\necho "$0 $*" >>{self.marker}\n{"cat" if copies else "exit"}\n', encoding="utf-8")
        own.chmod(0o755)
        return own

    def ran(self) -> str:
        """Return what has run since the last question."""
        text = self.marker.read_text(encoding="utf-8") if self.marker.exists() else ""
        self.marker.unlink(missing_ok=True)
        return text

    def workspace(self, *roots: Path, mode: Mode = "write", trusted: bool = False) -> Workspace:
        found = {root.name: Repository(root.name, root.resolve(), mode, trusted=trusted) for root in roots}
        return Workspace(found, Memory(), self.scratch, self.environment, vaults=self.folder / "vaults")


def snapshot(root: Path) -> dict[str, object]:
    """Return everything under a folder, `.git` included: modes, links, contents, times of change."""
    found: dict[str, object] = {}
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = Path(folder, name)
            state = path.lstat()
            content: object = None
            if path.is_symlink():
                content = path.readlink()
            elif path.is_file():
                content = hashlib.sha256(path.read_bytes()).hexdigest()
            found[str(path.relative_to(root))] = (state.st_mode, state.st_mtime_ns, content)
    return found


async def look(tool: Tool[..., Any], workspace: Workspace, **args: object) -> Any:
    """Run a read tool as the engine does; the JSON of its result."""
    return await tool.look(workspace, args)
