"""Decide in what a repository's program runs, and whether a person must say so first."""

import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeAlias

from tools.boxes.sandbox import BoxName, Policy
from tools.errors import ToolError
from tools.gitdir import locate
from tools.runners.interpreter import RECORDERS, environments
from tools.runners.results import Target
from tools.workspace import Repository, Workspace

Wrap: TypeAlias = Callable[[Target, Sequence[str], Mapping[str, str]], Sequence[str]]
LINKED = "node_modules"
CACHES = ("node_modules", ".tox", ".nox")
"""Beside virtual environments: what a repository's programs use, and seldom write."""


class Run(Protocol):
    """What a plan says of the program that will run."""

    @property
    def repo(self) -> str: ...
    @property
    def argv(self) -> list[str]: ...
    @property
    def environment(self) -> dict[str, str]: ...
    @property
    def sandbox(self) -> BoxName: ...
    @property
    def writable(self) -> list[str]: ...


def reason_to_ask(workspace: Workspace, run: Run) -> str | None:
    """Say why a person must approve: without a box, whoever wrote the repository gets their rights."""
    if not run.argv or run.sandbox != "none" or workspace.repository(run.repo).trusted:
        return None
    why = workspace.sandbox.standing().says
    return f"NOT SANDBOXED ({why}): this runs the code of {run.repo!r} with your rights."


def wrapping(workspace: Workspace, run: Run) -> Wrap:
    """Return what puts a planned command into the box it was planned for.

    Raises:
        ToolError: This process has no such box: what was to run in one never runs without.
    """
    sandbox, repository = workspace.sandbox, workspace.repository(run.repo)
    if run.sandbox == "none":
        return lambda _target, argv, _environment: argv
    if sandbox.standing().name != run.sandbox:
        message = f"This was to run in a sandbox ({run.sandbox}), and this process has none: {sandbox.standing().says}."
        raise ToolError("conflict", message, "Run it again: without one it needs an approval.")

    def wrap(target: Target, argv: Sequence[str], environment: Mapping[str, str]) -> list[str]:
        return sandbox.wrap(argv, _policy(repository, run, target, environment))

    return wrap


def unboxed(returncode: int) -> int:
    """Return how a program ended as its parent would see it: a box, like a shell, adds 128 to a signal's number."""
    return 128 - returncode if 128 < returncode <= 128 + 64 else returncode


def _policy(repository: Repository, run: Run, target: Target, environment: Mapping[str, str]) -> Policy:
    allowed = [target.root / path for path in run.writable]
    guarded = [path for path in _guarded(target.root) if path not in allowed]
    parts = [path for path in allowed if any(path.is_relative_to(folder) for folder in guarded) and _is_real(path)]
    return Policy(
        root=target.root,
        folder=target.folder,
        environment=environment,
        checkout=target.checkout,
        readable=(RECORDERS, *_git(repository), *_of_checkout(target)),
        guarded=tuple(guarded),
        writable=(*parts, *_build_cache(target, environment)),
    )


def _guarded(root: Path) -> Iterator[Path]:
    """Yield what is there of it, but no links: what they lead to is not the repository's to show."""
    for path in dict.fromkeys([root / ".git", *environments(root), *(root / name for name in CACHES)]):
        if _is_real(path):
            yield path


def _of_checkout(target: Target) -> Iterator[Path]:
    """Yield what an own work tree uses of the checkout: virtual environments, and packages as they are seen from it."""
    if target.checkout is not None:
        yield from (venv for venv in environments(target.checkout) if _is_real(venv))
        if _is_real(target.checkout / LINKED):
            yield target.root.parent / LINKED


def _git(repository: Repository) -> Iterator[Path]:
    """Yield the git folders of a linked work tree, if they are its own."""
    try:
        found = locate(repository.root, trusted=repository.trusted)
    except ToolError:
        return
    yield from {found.path, found.common}


def _build_cache(target: Target, environment: Mapping[str, str]) -> Iterator[Path]:
    """Yield go's, which lives longer than one run."""
    cache = Path(environment.get("GOCACHE", ""))
    if cache.is_relative_to(target.folder.parent.parent):
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        yield cache


def _is_real(path: Path) -> bool:
    """Whether it is a folder or a file, and stands where its name says."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return False
    return (stat.S_ISDIR(mode) or stat.S_ISREG(mode)) and os.path.realpath(path) == str(path)
