"""Find out how a repository is tested, from its files alone; nothing of it runs."""

import json
import os
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.runners.results import Runner

LOOK_AT = 400
"""Test files read at most."""
_SKIP = {"node_modules", "__pycache__", "site-packages", "target", "build", "dist"}
_PYTEST = re.compile(r"^(?:import pytest\b|from pytest\b|(?:async )?def test_|class Test\w*:|@pytest\.)", re.MULTILINE)
_UNITTEST = re.compile(r"\b(?:unittest|\w*TestCase)\b")
_TARGET = re.compile(r"^(test|check)\s*:(?!=)", re.MULTILINE)
_NO_SCRIPT = "no test specified"  # what `npm init` writes


@dataclass(frozen=True, slots=True)
class Detected:
    runner: Runner
    reason: str
    """The file that decided, and what in it."""


def detect(root: Path) -> Detected | None:
    """Return the runner of the first rule that applies, or `None`: no tests that a known runner could run."""
    return next((found for rule in _RULES if (found := rule(root)) is not None), None)


def has_workspaces(root: Path) -> bool:
    """Whether the package is several, which are linked to each other by their installation."""
    match _package(root):
        case {"workspaces": _}:
            return True
        case _:
            return (root / "pnpm-workspace.yaml").exists()


def npm_script(root: Path) -> str:
    """Return the test script of `package.json`, or nothing."""
    match _package(root):
        case {"scripts": {"test": str(script)}} if _NO_SCRIPT not in script:
            return script
        case _:
            return ""


def _package(root: Path) -> Any:
    try:
        return json.loads(text_of(root / "package.json") or "{}")
    except (ValueError, RecursionError):
        return {}


def make_target(root: Path) -> str:
    """Return `test` or `check`, whichever the Makefile has, or nothing."""
    targets = _TARGET.findall(makefile(root))
    return "test" if "test" in targets else "check" if targets else ""


def makefile(root: Path) -> str:
    """Return the text of the Makefile that make would read."""
    names = ("GNUmakefile", "makefile", "Makefile")
    return next((text for name in names if (text := text_of(root / name))), "")


def _pytest(root: Path) -> Detected | None:
    for name, holds in _PYTEST_CONFIGS.items():
        if (path := root / name).is_file() and holds(text_of(path)):
            return Detected("pytest", f"{name} configures pytest")
    for path in _python_tests(root):
        name = path.relative_to(root)
        if path.name == "conftest.py":
            return Detected("pytest", f"{name} exists")
        if _PYTEST.search(text_of(path)):
            return Detected("pytest", f"{name} is written for pytest")
    return None


def _unittest(root: Path) -> Detected | None:
    for path in _python_tests(root):
        if path.name.startswith("test") and _UNITTEST.search(text_of(path)):
            return Detected("unittest", f"{path.relative_to(root)} uses unittest")
    return None


def _node(root: Path) -> Detected | None:
    if not npm_script(root):
        return None
    return Detected("pnpm" if (root / "pnpm-lock.yaml").is_file() else "npm", "package.json has a test script")


def _cargo(root: Path) -> Detected | None:
    return Detected("cargo", "Cargo.toml exists") if (root / "Cargo.toml").is_file() else None


def _go(root: Path) -> Detected | None:
    return Detected("go", "go.mod exists") if (root / "go.mod").is_file() else None


def _make(root: Path) -> Detected | None:
    target = make_target(root)
    return Detected("make", f"the Makefile has the target {target!r}") if target else None


def _python_tests(root: Path) -> Iterator[Path]:
    """Yield test files and conftest files, nearest first, at most `LOOK_AT`."""
    found = 0
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name[0] != "." and name not in _SKIP)
        if "pyvenv.cfg" in files:
            folders[:] = []
            continue
        for name in sorted(files):
            if name.endswith(".py") and (name.startswith("test") or name.endswith("_test.py") or name == "conftest.py"):
                yield Path(folder, name)
                if (found := found + 1) >= LOOK_AT:
                    return


def text_of(path: Path, limit: int = 256 * 1024) -> str:
    """Return the beginning of a regular file; nothing for what is missing, special or a link."""
    if path.is_symlink() or not path.is_file():
        return ""
    with path.open("rb") as file:
        return file.read(limit).decode(errors="replace")


def _pyproject_has_pytest(text: str) -> bool:
    try:
        project = tomllib.loads(text)
    except (ValueError, RecursionError):
        return False
    match project:
        case {"tool": {"pytest": _}}:
            return True
        case _:
            return False


_PYTEST_CONFIGS: dict[str, Callable[[str], bool]] = {
    "pytest.toml": lambda _: True,
    ".pytest.toml": lambda _: True,
    "pytest.ini": lambda _: True,
    ".pytest.ini": lambda _: True,
    "pyproject.toml": _pyproject_has_pytest,
    "tox.ini": lambda text: "[pytest]" in text,
    "setup.cfg": lambda text: "[tool:pytest]" in text,
}
_RULES = (_pytest, _unittest, _node, _cargo, _go, _make)
