"""Open what lies beneath a repository's top, and nothing else, however its folders are swapped meanwhile.

A path is walked by descriptor, one component at a time, and no symbolic link is followed: there is no moment between
a check and its use (SECURITY rows 1-4).
"""

import errno
import hashlib
import os
import re
import stat
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tools.errors import ToolError
from tools.paths import components

LIMIT = 4 * 1024 * 1024
"""Bytes that are read of one file, unless the caller says otherwise."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_SURROGATE = re.compile("[\ud800-\udfff]")
_KINDS = {
    stat.S_IFREG: "a file",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def digest(data: bytes) -> str:
    """Return the sha256 of `data` in hex."""
    return hashlib.sha256(data).hexdigest()


def read_bytes(root: Path, relative: str, limit: int = LIMIT) -> bytes:
    """Return what a regular file beneath `root` holds.

    Raises:
        ToolError: `bad_input` for what is no path, `not_found`, `limit` for more than `limit` bytes, `refused` for a
            symbolic link anywhere on the way, for what is not a regular file, and without permission.
    """
    *folders, name = components(relative)
    with open_folder(root, folders) as folder, open_file(folder, name, relative) as file:
        return read_open(file, relative, limit)


def list_names(root: Path, relative_dir: str) -> list[str]:
    """Return the names in a folder beneath `root`, sorted; `""` is `root` itself.

    Names that are not UTF-8 are left out: no tool could open them.

    Raises:
        ToolError: As `read_bytes`.
    """
    with open_folder(root, components(relative_dir) if relative_dir else ()) as folder, os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if not _SURROGATE.search(entry.name))


@contextmanager
def open_folder(root: Path, folders: Sequence[str], *, for_change: bool = False) -> Generator[int]:
    """Open a folder beneath `root`, as a descriptor, for as long as the context lasts.

    Raises:
        ToolError: There is no such folder, or something on the way is not one, such as a symbolic link; with
            `for_change` also if it belongs to another repository that lies inside this one.
    """
    try:
        folder = os.open(root, _FOLDER)
    except (FileNotFoundError, NotADirectoryError) as error:
        message = f"The repository's folder {str(root)!r} is gone."
        raise ToolError("not_found", message, "Restore it, or name another repository.") from error
    try:
        for depth, name in enumerate(folders, 1):
            relative = "/".join(folders[:depth])
            inner = _open(name, _FOLDER, folder, relative)
            os.close(folder)
            folder = inner
            if for_change and kind_of(folder, ".git"):
                message = f"{relative!r} is a repository of its own."
                raise ToolError("refused", message, "Work in it by naming it as the repository.")
        yield folder
    finally:
        os.close(folder)


@contextmanager
def open_file(folder: int, name: str, relative: str) -> Generator[int]:
    """Open the regular file `name` of an open folder for reading; `relative` is what an error calls it.

    Raises:
        ToolError: As `read_bytes`.
    """
    if (kind := kind_of(folder, name)) not in ("", "a file"):
        raise _not_a_file(relative, kind)  # before opening it, which a device may take as a command
    file = _open(name, _FILE, folder, relative)
    try:
        if not stat.S_ISREG(mode := os.fstat(file).st_mode):
            raise _not_a_file(relative, _KINDS[stat.S_IFMT(mode)])
        yield file
    finally:
        os.close(file)


def read_open(file: int, relative: str, limit: int) -> bytes:
    """Read an open file to its end.

    Raises:
        ToolError: It has more than `limit` bytes.
    """
    data = bytearray()
    while len(data) <= limit and (chunk := os.read(file, limit + 1 - len(data))):
        data += chunk
    if len(data) > limit:
        size = max(os.fstat(file).st_size, len(data))
        raise ToolError("limit", f"{relative!r} has {size} bytes, more than {limit}.", "Choose a smaller file.")
    return bytes(data)


def kind_of(folder: int, name: str) -> str:
    """Say what `name` is in an open folder, such as `a file`; nothing if there is none."""
    try:
        return _KINDS[stat.S_IFMT(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)]
    except FileNotFoundError:
        return ""


@contextmanager
def explaining(relative: str) -> Generator[None]:
    """Turn the errors of the file system that a person can do something about into what an agent sees."""
    try:
        yield
    except OSError as error:
        said = f"{relative!r}: {os.strerror(error.errno or 0)}."
        match error.errno:
            case errno.ENOENT:
                problem = ToolError("not_found", f"There is no {relative!r} in the repository.", "List the files.")
            case errno.EACCES | errno.EPERM | errno.EROFS:
                problem = ToolError("refused", said, "Change the permissions by hand.")
            case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
                problem = ToolError("limit", said, "Make room on the disk.")
            case errno.EISDIR | errno.ENOTDIR | errno.ENOTEMPTY | errno.EEXIST | errno.ELOOP:
                problem = ToolError("conflict", said, "Another program changes it; let it finish, then try again.")
            case _:
                raise
        raise problem from error


def _open(name: str, flags: int, folder: int, relative: str) -> int:
    with explaining(relative):
        try:
            return os.open(name, flags, dir_fd=folder)
        except OSError as error:
            if error.errno not in (errno.ENOTDIR, errno.ELOOP, errno.ENXIO):
                raise
            kind = kind_of(folder, name)
            if kind == "a file":
                raise ToolError("not_found", f"{relative!r} is a file, not a folder.", "List the files.") from error
            raise _not_a_file(relative, kind or "not there any more") from error


def _not_a_file(relative: str, kind: str) -> ToolError:
    return ToolError("refused", f"{relative!r} is {kind}, which no file tool opens.", "Name a regular file instead.")
