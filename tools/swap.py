"""Put a file in the place of another only while that one is what it was when the change was decided (R6).

The new content is written beside the old one, flushed, and renamed over it, so a reader sees all of the old or all of
the new, also after a power cut. Only the last comparison and the rename hold the path's lock. Mode and, where possible,
owner stay. A hard link is broken, for its other name may be a file outside the repository. An editor, which does not
know the lock, can still save in the microseconds between the last comparison and the rename.
"""

import os
import stat
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path

from anyio.to_thread import run_sync

from tools.beneath import LIMIT, digest, explaining, kind_of, open_file, open_folder, read_open
from tools.errors import ToolError
from tools.paths import components

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


async def replace_bytes(
    root: Path,
    relative: str,
    data: bytes,
    expected: str | None,
    *,
    alone: AbstractAsyncContextManager[int],
    mark: str = "",
    folders: Sequence[str] = (),
) -> None:
    """Make `data` the content of a file beneath `root`, whose digest must be `expected`; `None`: must not exist.

    `alone` holds the path's lock, `tools.locks`. `mark` names the effect, so that what a killed attempt left
    is found again by `discard_leftover` or the next attempt. `folders` are made first, outermost first.

    Raises:
        ToolError: `conflict` if the file is not as expected, or as `alone` and `tools.beneath.read_bytes`; nothing is
            changed then.
        Fenced: As `alone`.
    """
    *parents, name = components(relative)
    temporary = _temporary(name, mark)
    await run_sync(_make, root, folders)
    with open_folder(root, parents, for_change=True) as folder, explaining(relative):
        try:
            before = await run_sync(_write_beside, folder, name, temporary, relative, data, expected)
            async with alone:
                await run_sync(_put, folder, temporary, name, relative, before)
            await run_sync(os.fsync, folder)
        finally:
            _discard(folder, temporary)


async def remove_bytes(
    root: Path,
    relative: str,
    expected: str,
    *,
    alone: AbstractAsyncContextManager[int],
    mark: str = "",
    folders: Sequence[str] = (),
) -> None:
    """Remove a file whose digest is `expected`, and those of `folders`, innermost last, that are empty then.

    Raises:
        ToolError: As `replace_bytes`.
    """
    *parents, name = components(relative)
    with open_folder(root, parents, for_change=True) as folder, explaining(relative):
        _discard(folder, _temporary(name, mark))
        before = await run_sync(_require, folder, name, relative, expected)
        async with alone:
            await run_sync(_take_away, folder, name, relative, before)
        await run_sync(os.fsync, folder)
    await run_sync(_remove_empty, root, folders)


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


def _put(folder: int, temporary: str, name: str, relative: str, before: os.stat_result | None) -> None:
    _require_untouched(folder, name, relative, before)
    os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)


def _take_away(folder: int, name: str, relative: str, before: os.stat_result | None) -> None:
    _require_untouched(folder, name, relative, before)
    os.unlink(name, dir_fd=folder)


def _write_beside(
    folder: int, name: str, temporary: str, relative: str, data: bytes, expected: str | None
) -> os.stat_result | None:
    """Write the new content under another name; return the state of the file it will replace."""
    _discard(folder, temporary)
    before = _require(folder, name, relative, expected)
    _write(folder, temporary, data, before)
    return before


def _make(root: Path, folders: Sequence[str]) -> None:
    for path in folders:
        *above, last = components(path)
        with open_folder(root, above, for_change=True) as folder, explaining(path), suppress(FileExistsError):
            os.mkdir(last, dir_fd=folder)
            os.fsync(folder)


def _remove_empty(root: Path, folders: Sequence[str]) -> None:
    for path in reversed(folders):
        *above, last = components(path)
        with suppress(OSError), open_folder(root, above, for_change=True) as folder:
            os.rmdir(last, dir_fd=folder)


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
