"""Give the files of an own work tree the bytes that the checkout has for the same content: line ends, large files.

git checks files out by rules that may have changed since the person's files were written, and no filter runs here, so
what LFS keeps elsewhere is a pointer. Tests and later comparisons need the bytes that the person has.
"""

import os
import stat
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from tools.beneath import read_bytes
from tools.errors import ToolError
from tools.gitstatus import POINTER
from tools.paths import components

LARGEST = 100 << 20


def liken(own: Path, checkout: Path, paths: Iterable[str]) -> None:
    """Rewrite those of the paths that differ from the checkout's in nothing but how they are written.

    A file of another size is looked at, for what is written differently has another.
    """
    for path in paths:
        if (size := _size(own, path)) is None or size == _size(checkout, path):
            continue
        try:
            ours, theirs = read_bytes(own, path, LARGEST), read_bytes(checkout, path, LARGEST)
        except ToolError:  # too large, or no file any more
            continue
        if _is_the_same(ours, theirs):
            (own / path).write_bytes(theirs)


def _is_the_same(ours: bytes, theirs: bytes) -> bool:
    plain = ours.replace(b"\r\n", b"\n")
    if pointer := POINTER.fullmatch(plain):
        return sha256(theirs).hexdigest() == pointer[1].decode()
    return plain == theirs.replace(b"\r\n", b"\n")


def _size(root: Path, path: str) -> int | None:
    """Return the size of a regular file; nothing for a path that no file tool opens."""
    try:
        state = os.lstat(root.joinpath(*components(path)))
    except (OSError, ToolError):
        return None
    return state.st_size if stat.S_ISREG(state.st_mode) else None
