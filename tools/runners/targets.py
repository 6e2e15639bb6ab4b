"""Decide what a check may be pointed at: no option, no escape, nothing that is not there (SECURITY row 11)."""

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from tools.errors import ToolError

MOST = 200
_SELECT = re.compile(r"\w[\w .:/\[\]-]{0,199}")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")


def relative(path: str) -> str:
    """Return `path`, or `file::test`, if it can only mean something inside the repository.

    Raises:
        ToolError: It is absolute, climbs, enters `.git`, or could be read as an option or a response file.
    """
    file = path.partition("::")[0]
    parts = PurePosixPath(file).parts
    wrong = (
        not file
        or len(path) > 1000
        or file[0] in "-@/~"
        or "\\" in file
        or ".." in parts
        or any(part.lower() == ".git" for part in parts)
        or _UNPRINTABLE.search(path) is not None
    )
    if wrong:
        raise ToolError(
            "bad_input", f"{path!r} is not a path inside the repository.", "Give paths relative to its root."
        )
    return path


def existing(root: Path, paths: Iterable[str]) -> tuple[str, ...]:
    """Return the paths if each names something that exists below `root`, symlinks resolved.

    Raises:
        ToolError: One of them does not, or they are more than `MOST`.
    """
    found = tuple(relative(path) for path in paths)
    if len(found) > MOST:
        raise ToolError("bad_input", f"{len(found)} paths are too many.", f"Name at most {MOST}, or a folder.")
    for path in found:
        place = (root / path.partition("::")[0]).resolve()
        if not place.is_relative_to(root.resolve()):
            raise ToolError("bad_input", f"{path!r} leads out of the repository.", "Name a path inside it.")
        if not place.exists():
            raise ToolError("not_found", f"{path!r} does not exist in the repository.", "Name an existing test file.")
    return found


def name_filter(select: str) -> str:
    """Return `select` if it is a plain name filter.

    Raises:
        ToolError: It holds anything but word characters, spaces and `.:/[]-`, or starts with one of those.
    """
    if select and not _SELECT.fullmatch(select):
        raise ToolError(
            "bad_input", f"{select!r} is not a name filter.", "Use a part of a test's name, such as 'test_login'."
        )
    return select
