"""What every test may use: repositories made by real git."""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def run_git(root: Path, *args: str) -> str:
    """Run git as a person would, with an identity and without the machine's own configuration."""
    command = ["git", "-C", str(root), *IDENTITY, *args]
    return subprocess.run(command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout


def repository(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Make a repository with one commit of the given files."""
    root.mkdir(parents=True)
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content if isinstance(content, bytes) else content.encode())
    run_git(root, "init", "-q", "-b", "main")
    run_git(root, "add", "-A")
    run_git(root, "commit", "-q", "--allow-empty", "-m", "start")
    return root


@pytest.fixture
def make_repository(tmp_path: Path) -> Callable[..., Path]:
    """Make a repository under `tmp_path` with one commit of the given files."""

    def make(name: str, files: Mapping[str, str]) -> Path:
        return repository(tmp_path / name, files)

    return make
