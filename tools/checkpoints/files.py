"""One path of a work tree as git would hold it: looked at, put there, taken away; by descriptors, without links."""

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, TypeAlias

from tools.beneath import explaining, open_folder
from tools.errors import ToolError

LARGEST = 100 << 20
"""Bytes of one file that a checkpoint holds."""
LINK, PLAIN, PROGRAM = "120000", "100644", "100755"
TRIES = 5

State: TypeAlias = tuple[str, str] | None
"""git's mode and object id; `None`: there is nothing at that path."""


class Held(NamedTuple):
    mode: str
    data: bytes

    @property
    def state(self) -> State:
        return self.mode, blob_id(self.data)


class TooLarge(Exception):
    """The file has more bytes than a checkpoint holds of one."""


def blob_id(data: bytes) -> str:
    return sha256(b"blob %d\0" % len(data) + data).hexdigest()


def look(root: Path, path: str) -> Held | None:
    """Return what is at `path`; nothing for a folder, a pipe or a socket, and for what lies behind a link.

    Raises:
        ToolError: `refused` (it may not be read), `busy` (it keeps changing).
        TooLarge: It has more than `LARGEST` bytes.
    """
    *folders, name = path.split("/")
    try:
        with open_folder(root, folders) as folder, explaining(path):
            return _look(folder, name, path)
    except ToolError as error:
        if error.problem.kind == "not_found" or "symbolic link" in error.problem.message:
            return None
        raise


def state_of(root: Path, path: str) -> State:
    """Return mode and object id of what is at `path`.

    Raises:
        ToolError: As `look`.
    """
    held = look(root, path)
    return held.state if held else None


def put(root: Path, path: str, held: Held, before: State, temporary: str) -> None:
    """Make `held` what is at `path`, folders included; permissions but for `x` stay those of the file before.

    Raises:
        ToolError: It cannot be written, or a folder that is not empty is in the way.
    """
    *folders, name = path.split("/")
    make_folders(root, folders)
    with open_folder(root, folders, for_change=True) as folder, explaining(path):
        with suppress(FileNotFoundError, NotADirectoryError):
            os.rmdir(name, dir_fd=folder)
        try:
            if held.mode == LINK:
                os.symlink(held.data, os.fsencode(temporary), dir_fd=folder)
            else:
                _write(folder, temporary, held, _permissions(folder, name, before))
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=folder)


def take_away(root: Path, path: str) -> None:
    """Remove what is at `path`, and the folders that are empty then.

    Raises:
        ToolError: It may not be removed.
    """
    *folders, name = path.split("/")
    with open_folder(root, folders, for_change=True) as folder, explaining(path):
        os.unlink(name, dir_fd=folder)
    while folders:
        *folders, last = folders
        try:
            with open_folder(root, folders, for_change=True) as folder:
                os.rmdir(last, dir_fd=folder)
        except (OSError, ToolError):
            return


def sweep(root: Path, folder: str, prefix: str) -> None:
    """Remove temporary files that a restore which was killed left in a folder."""
    with suppress(ToolError), open_folder(root, folder.split("/") if folder else ()) as descriptor:
        with os.scandir(descriptor) as entries:
            left = [entry.name for entry in entries if entry.name.startswith(prefix)]
        for name in left:
            os.unlink(name, dir_fd=descriptor)


def make_folders(root: Path, folders: Sequence[str]) -> None:
    for depth, name in enumerate(folders):
        with open_folder(root, folders[:depth], for_change=True) as folder, suppress(FileExistsError):
            os.mkdir(name, dir_fd=folder)


def _look(folder: int, name: str, path: str) -> Held | None:
    for _ in range(TRIES):
        try:
            before = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if stat.S_ISLNK(before.st_mode):
            return Held(LINK, os.fsencode(os.readlink(name, dir_fd=folder)))
        if not stat.S_ISREG(before.st_mode):
            return None
        if before.st_size > LARGEST:
            raise TooLarge
        try:
            data, after = _read(folder, name)
        except FileNotFoundError:
            continue
        if _version(before) == _version(after) and len(data) == before.st_size:
            return Held(PROGRAM if before.st_mode & 0o100 else PLAIN, data)
    raise ToolError("busy", f"{path!r} keeps changing while it is read.", "Let the program that writes it finish.")


def _read(folder: int, name: str) -> tuple[bytes, os.stat_result]:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, dir_fd=folder), "rb") as file:
        return file.read(LARGEST + 1), os.fstat(file.fileno())


def _version(state: os.stat_result) -> tuple[int, ...]:
    return state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns


def _permissions(folder: int, name: str, before: State) -> int | None:
    """Return the permissions of the file that is replaced; nothing for a new one, which gets the usual ones."""
    if before is None or before[0] == LINK:
        return None
    try:
        return stat.S_IMODE(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode) & ~0o7111
    except FileNotFoundError:
        return None


def _write(folder: int, temporary: str, held: Held, permissions: int | None) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o666 if permissions is None else 0o600, dir_fd=folder)
    with os.fdopen(descriptor, "wb") as file:
        file.write(held.data)
        wanted = stat.S_IMODE(os.fstat(descriptor).st_mode) if permissions is None else permissions
        os.fchmod(descriptor, wanted | (wanted & 0o444) >> 2 if held.mode == PROGRAM else wanted)
