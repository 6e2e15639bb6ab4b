"""One path of a work tree as git would hold it: looked at, put there, taken away; by descriptors, without links."""

import errno
import os
import stat
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack, contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias

from tools.beneath import explaining, open_folder
from tools.errors import ToolError

LARGEST = 100 << 20
"""Bytes of one file that a checkpoint holds."""
CHUNK = 1 << 20
"""Bytes of a file that are in memory at a time."""
LINK, PLAIN, PROGRAM = "120000", "100644", "100755"
TRIES = 5
_ASTRAY = (errno.ELOOP, errno.ENOTDIR, errno.ENXIO)
"""How the system says that something on the way is a link, or no folder."""

State: TypeAlias = tuple[str, str] | None
"""git's mode and object id; `None`: there is nothing at that path."""
Begin: TypeAlias = Callable[[int], Callable[[bytes], object]]
"""Told the size of a content that comes, once for each try, it returns what takes the content in pieces."""


class TooLarge(Exception):
    """The file has more bytes than a checkpoint holds of one."""


def _nowhere(_: int) -> Callable[[bytes], object]:
    return len


def state_of(root: Path, path: str, begin: Begin = _nowhere) -> State:
    """Return mode and object id of what is at `path`, read through `begin`.

    There is nothing where a folder, a pipe or a socket is, and behind a link.

    Raises:
        ToolError: `refused` (it may not be read), `busy` (it keeps changing).
        TooLarge: It has more than `LARGEST` bytes.
    """
    *folders, name = path.split("/")
    try:
        with open_folder(root, folders) as folder, explaining(path):
            return _state(folder, name, path, begin)
    except ToolError as error:
        cause = error.__cause__
        if error.problem.kind == "not_found" or (isinstance(cause, OSError) and cause.errno in _ASTRAY):
            return None
        raise


def state_at(root: Path, path: str) -> State:
    """Return the state of a path; that of a file too large for a checkpoint is one that no checkpoint has.

    Raises:
        ToolError: As `state_of`.
    """
    try:
        return state_of(root, path)
    except TooLarge:
        return "too large", ""


def blob_of(size: int, pieces: Iterable[bytes]) -> str:
    """Return the object id of a content that comes in pieces."""
    found = sha256(b"blob %d\0" % size)
    for piece in pieces:
        found.update(piece)
    return found.hexdigest()


def put(root: Path, path: str, mode: str, content: Iterable[bytes], before: State, temporary: str) -> None:
    """Make the content what is at `path`, folders included; permissions but for `x` stay those of the file before.

    Raises:
        ToolError: It cannot be written, or a folder that is not empty is in the way.
    """
    *folders, name = path.split("/")
    with _folder_for(root, folders) as folder, explaining(path):
        with suppress(FileNotFoundError, NotADirectoryError):
            os.rmdir(name, dir_fd=folder)
        try:
            if mode == LINK:
                os.symlink(b"".join(content), os.fsencode(temporary), dir_fd=folder)
            else:
                _write(folder, temporary, mode, content, _permissions(folder, name, before))
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


@contextmanager
def _folder_for(root: Path, folders: Sequence[str]) -> Generator[int]:
    """Open a folder to put something there, made first if it is missing."""
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(open_folder(root, folders, for_change=True))
        except ToolError:
            make_folders(root, folders)
            folder = stack.enter_context(open_folder(root, folders, for_change=True))
        yield folder


def make_folders(root: Path, folders: Sequence[str]) -> None:
    for depth, name in enumerate(folders):
        with open_folder(root, folders[:depth], for_change=True) as folder, suppress(FileExistsError):
            os.mkdir(name, dir_fd=folder)


def _state(folder: int, name: str, path: str, begin: Begin) -> State:
    for _ in range(TRIES):
        try:
            before = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None
        with _unless_swapped():
            if stat.S_ISLNK(before.st_mode):
                target = os.fsencode(os.readlink(name, dir_fd=folder))
                begin(len(target))(target)
                return LINK, blob_of(len(target), [target])
            if not stat.S_ISREG(before.st_mode):
                return None
            if before.st_size > LARGEST:
                raise TooLarge
            if (blob := _read(folder, name, before, begin)) is not None:
                return (PROGRAM if before.st_mode & 0o100 else PLAIN), blob
    raise ToolError("busy", f"{path!r} keeps changing while it is read.", "Let the program that writes it finish.")


@contextmanager
def _unless_swapped() -> Generator[None]:
    """Go on after an error that says: what was looked at is something else by now."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.EISDIR, errno.EINVAL, *_ASTRAY):
            raise


def _read(folder: int, name: str, before: os.stat_result, begin: Begin) -> str | None:
    """Read a file through `begin` and return its id; nothing if it changed meanwhile."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    found, left = sha256(b"blob %d\0" % before.st_size), before.st_size
    take = begin(left)
    with os.fdopen(os.open(name, flags, dir_fd=folder), "rb", buffering=0) as file:
        while left >= 0 and (piece := file.read(CHUNK)):
            left -= len(piece)
            found.update(piece)
            take(piece)
        after = os.fstat(file.fileno())
    return found.hexdigest() if left == 0 and _version(before) == _version(after) else None


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


def _write(folder: int, temporary: str, mode: str, content: Iterable[bytes], permissions: int | None) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o666 if permissions is None else 0o600, dir_fd=folder)
    with os.fdopen(descriptor, "wb") as file:
        file.writelines(content)
        wanted = stat.S_IMODE(os.fstat(descriptor).st_mode) if permissions is None else permissions
        os.fchmod(descriptor, wanted | (wanted & 0o444) >> 2 if mode == PROGRAM else wanted)
