"""Find a work tree's git directory, and believe a `.git` file only if what it points to points back."""

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tools.errors import ToolError

LINK_LIMIT = 8192


@dataclass(frozen=True, slots=True)
class GitDir:
    path: Path
    """Of this work tree: HEAD, index, state of a merge."""
    common: Path
    """Shared by all work trees of the repository: configuration, objects, branches."""


def locate(root: Path, *, trusted: bool = False) -> GitDir:
    """Return where the git directory of the work tree `root` is.

    `.git` must be a directory, or the file of a linked work tree or a submodule. Any other file is followed only in a
    trusted repository: it could name the repository of somebody else.

    Raises:
        ToolError: There is no `.git`, or it is not one of these.
    """
    link = root / ".git"
    try:
        mode = link.lstat().st_mode
    except OSError as error:
        raise ToolError(
            "not_found", f"{str(root)!r} is not the top of a git work tree.", "Give the folder that has .git."
        ) from error
    if stat.S_ISDIR(mode):
        return _directory(link)
    if not stat.S_ISREG(mode):
        raise ToolError(
            "refused", f"{str(link)!r} is neither a folder nor a file.", "Use the repository's real folder."
        )
    return _linked(root, link, trusted=trusted)


def _directory(link: Path) -> GitDir:
    if os.path.lexists(link / "commondir"):
        raise ToolError("refused", f"{str(link)!r} borrows from another repository (commondir).", "Use that one.")
    return GitDir(link, link)


def _linked(root: Path, link: Path, *, trusted: bool) -> GitDir:
    named = _line(link)
    if named is None or not named.startswith("gitdir: "):
        raise ToolError("refused", f"{str(link)!r} does not say `gitdir: FOLDER`.", "Repair the work tree.")
    path = Path(os.path.realpath(root / named.removeprefix("gitdir: ")))
    if not path.is_dir():
        raise ToolError("not_found", f"{str(link)!r} points to {str(path)!r}, which is missing.", "git worktree repair")
    if (common := _common(path)) is not None and _points_back(path, link) and path.parent == common / "worktrees":
        return GitDir(path, common)
    if common is None and (trusted or _is_module(path, root)):
        return GitDir(path, path)
    raise ToolError(
        "refused",
        f"{str(link)!r} points to {str(path)!r}, which does not point back.",
        "If it is yours, run: factor12 repo trust PATH",
    )


def _common(path: Path) -> Path | None:
    named = _line(path / "commondir")
    return None if named is None else Path(os.path.realpath(path / named))


def _points_back(path: Path, link: Path) -> bool:
    named = _line(path / "gitdir")
    return named is not None and os.path.realpath(path / named) == os.path.realpath(link)


def _is_module(path: Path, root: Path) -> bool:
    """Whether `path` is where git keeps a submodule of a work tree that holds `root`."""
    for above in root.parents:
        with suppress(ToolError):
            if path.is_relative_to(locate(above).path / "modules"):
                return True
    return False


def _line(file: Path) -> str | None:
    """Return the one line of a small regular file, `None` if it is not one."""
    try:
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as opened:
            text = opened.read(LINK_LIMIT + 1) if stat.S_ISREG(os.fstat(opened.fileno()).st_mode) else b""
    except OSError:
        return None
    line = text.decode(errors="surrogateescape").rstrip("\r\n")
    return line if line and len(text) <= LINK_LIMIT and "\n" not in line and "\0" not in line else None
