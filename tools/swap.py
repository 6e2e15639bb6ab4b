"""Put a file in the place of another only while that one is what it was when the change was decided (R6).

One change of a path at a time holds its lock. The new content is written beside the old one, flushed, and renamed over
it, so a reader sees all of the old or all of the new, also after a power cut. Mode and, where possible, owner stay. A
hard link is broken, for its other name may be a file outside the repository. An editor, which does
not know the lock, can still save in the microseconds between the last comparison and the rename.
"""

import fcntl
import os
import stat
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
from anyio.to_thread import run_sync

from tools.beneath import LIMIT, digest, explaining, kind_of, open_file, open_folder, read_open
from tools.errors import ToolError
from tools.paths import components

PATIENCE_S = 5.0
"""Seconds to wait for another change of the same file."""
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LOCK = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


async def replace_bytes(
    root: Path,
    relative: str,
    data: bytes,
    expected: str | None,
    *,
    locks: Path,
    mark: str = "",
    folders: Sequence[str] = (),
) -> None:
    """Make `data` the content of a file beneath `root`, whose digest must be `expected`; `None`: must not exist.

    `locks` is a private folder, the same for all processes. `mark` names the effect, so that what a killed attempt left
    is found again by `discard_leftover` or the next attempt. `folders` are made first, outermost first.

    Raises:
        ToolError: `conflict` if the file is not as expected, `busy` if its lock is not free in time, or as
            `tools.beneath.read_bytes`; nothing is changed then.
    """
    async with _locked(root, relative, locks):
        await run_sync(_replace, root, relative, data, expected, mark, folders)


async def remove_bytes(
    root: Path, relative: str, expected: str, *, locks: Path, mark: str = "", folders: Sequence[str] = ()
) -> None:
    """Remove a file whose digest is `expected`, and those of `folders`, innermost last, that are empty then.

    Raises:
        ToolError: As `replace_bytes`.
    """
    async with _locked(root, relative, locks):
        await run_sync(_remove, root, relative, expected, mark, folders)


def discard_leftover(root: Path, relative: str, mark: str) -> None:
    """Remove what an attempt of the effect `mark` left beside the file when it was killed."""
    *parents, name = components(relative)
    with suppress(ToolError), open_folder(root, parents, for_change=True) as folder:
        _discard(folder, _temporary(name, mark))


def missing_folders(root: Path, relative: str) -> tuple[str, ...]:
    """Return the folders that a file needs and that do not exist, outermost first."""
    *parents, _ = components(relative)
    for depth in range(len(parents)):
        with open_folder(root, parents[:depth]) as folder:
            if not kind_of(folder, parents[depth]):
                return tuple("/".join(parents[: n + 1]) for n in range(depth, len(parents)))
    return ()


@asynccontextmanager
async def _locked(root: Path, relative: str, locks: Path) -> AsyncGenerator[None]:
    lock = _open_lock(locks, f"{root}/{relative}")
    try:
        deadline = anyio.current_time() + PATIENCE_S
        while not _acquire(lock):
            if anyio.current_time() > deadline:
                raise ToolError("busy", f"{relative!r} is being changed by another process.", "Try again.")
            await anyio.sleep(0.02)
        yield
    finally:
        os.close(lock)


def _open_lock(locks: Path, name: str) -> int:
    locks.mkdir(parents=True, exist_ok=True, mode=0o700)
    return os.open(locks / f"{digest(name.encode())[:32]}.lock", _LOCK, 0o600)


def _acquire(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _replace(root: Path, relative: str, data: bytes, expected: str | None, mark: str, folders: Sequence[str]) -> None:
    _make(root, folders)
    *parents, name = components(relative)
    temporary = _temporary(name, mark)
    with open_folder(root, parents, for_change=True) as folder, explaining(relative):
        _discard(folder, temporary)
        before = _require(folder, name, relative, expected)
        try:
            _write(folder, temporary, data, before)
            _require_untouched(folder, name, relative, before)
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        finally:
            _discard(folder, temporary)
        os.fsync(folder)


def _remove(root: Path, relative: str, expected: str, mark: str, folders: Sequence[str]) -> None:
    *parents, name = components(relative)
    with open_folder(root, parents, for_change=True) as folder, explaining(relative):
        _discard(folder, _temporary(name, mark))
        _require_untouched(folder, name, relative, _require(folder, name, relative, expected))
        os.unlink(name, dir_fd=folder)
        os.fsync(folder)
    for path in reversed(folders):
        *above, last = components(path)
        with suppress(OSError), open_folder(root, above, for_change=True) as folder:
            os.rmdir(last, dir_fd=folder)


def _make(root: Path, folders: Sequence[str]) -> None:
    for path in folders:
        *above, last = components(path)
        with open_folder(root, above, for_change=True) as folder, explaining(path), suppress(FileExistsError):
            os.mkdir(last, dir_fd=folder)
            os.fsync(folder)


def _require(folder: int, name: str, relative: str, expected: str | None) -> os.stat_result | None:
    """Return the state of the file, `None` if there is none, once its content is as expected."""
    state, found = None, None
    if kind_of(folder, name):
        with open_file(folder, name, relative) as file:
            state = os.fstat(file)
            found = digest(read_open(file, relative, LIMIT))
    if found != expected:
        raise _changed(relative)
    return state


def _require_untouched(folder: int, name: str, relative: str, before: os.stat_result | None) -> None:
    """Look once more, for writing and flushing takes long enough for a person to save the file."""
    try:
        now = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        now = None
    if _version(now) != _version(before):
        raise _changed(relative)


def _version(state: os.stat_result | None) -> tuple[int, ...] | None:
    if state is None:
        return None
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns


def _changed(relative: str) -> ToolError:
    return ToolError("conflict", f"{relative!r} is not what it was when the change was planned.", "Read it again.")


def _write(folder: int, name: str, data: bytes, like: os.stat_result | None) -> None:
    """Write a new file and flush it to the disk; with the mode and, if that is allowed, the owner of another."""
    file = os.open(name, _NEW, 0o666 if like is None else 0o600, dir_fd=folder)
    try:
        if like is not None:
            with suppress(PermissionError):
                os.fchown(file, like.st_uid, like.st_gid)
            os.fchmod(file, stat.S_IMODE(like.st_mode))
        left = memoryview(data)
        while left:
            left = left[os.write(file, left) :]
        os.fsync(file)
    finally:
        os.close(file)


def _temporary(name: str, mark: str) -> str:
    """Return the one name that this effect's attempts to write this file use."""
    return f".factor12-{digest(f'{mark}/{name}'.encode())[:16]}.tmp"


def _discard(folder: int, temporary: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(temporary, dir_fd=folder)
