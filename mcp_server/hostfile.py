"""A host's configuration file: read as it is, put in place whole, and never without a copy of what it was.

Hosts write these files too. A write goes through only while the file is still what was read; in the microseconds
between that comparison and the rename a host can still save, and its copy of the file wins or ours does, never a mix.
"""

import os
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from state.problem import ProblemError

LARGEST = 16 * 1024 * 1024
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class HostFile:
    """What was read."""

    path: Path
    """As the host knows it; a link is followed, and stays."""
    target: Path
    data: bytes | None
    """`None`: there is no file yet."""

    @property
    def text(self) -> str:
        try:
            return (self.data or b"").decode()
        except UnicodeDecodeError as error:
            line = (self.data or b"").count(b"\n", 0, error.start) + 1
            raise ProblemError(
                "refused", f"{str(self.path)!r} is not UTF-8, line {line}.", "Save it as UTF-8."
            ) from error


def read(path: Path) -> HostFile:
    """Read a host's file; it need not exist.

    Raises:
        ProblemError: `refused`, `limit`; it is nothing that may be written.
    """
    try:
        target = Path(os.path.realpath(path, strict=path.is_symlink()))
        if not target.exists():
            return HostFile(path, target, None)
        found = target.stat()
        if not stat.S_ISREG(found.st_mode):
            raise ProblemError("refused", f"{str(path)!r} is not a file.", "Name the file with --file.")
        if found.st_size > LARGEST:
            size = f"{found.st_size / 1e6:.0f} MB"
            raise ProblemError("limit", f"{str(path)!r} is {size} large.", "Add the entry with the host's own means.")
        return HostFile(path, target, target.read_bytes())
    except OSError as error:
        raise ProblemError(
            "refused", f"{str(path)!r} cannot be read: {error.strerror}.", "Nothing was done."
        ) from error


def write(file: HostFile, text: str) -> Path | None:
    """Put the text in the file's place and return where the old content is kept.

    Raises:
        ProblemError: `refused`; it may not be written. `conflict`; somebody changed it since it was read.
    """
    try:
        if file.data is None:
            file.target.parent.mkdir(parents=True, exist_ok=True)
            found = None
        else:
            found = file.target.stat()
            if not found.st_mode & 0o222:
                hint = "What made it read-only has the say; put the entry there."
                raise ProblemError("refused", f"{str(file.path)!r} is read-only.", hint)
        return _replace(file, text.encode(), found)
    except OSError as error:
        message = f"{str(file.path)!r} cannot be written: {error.strerror}."
        raise ProblemError("refused", message, "Nothing was changed.") from error


def _replace(file: HostFile, data: bytes, found: os.stat_result | None) -> Path | None:
    new = file.target.with_name(f".{file.target.name}.{secrets.token_hex(4)}")
    backup = None
    try:
        _create(new, data, found)
        if file.data is not None and found is not None:
            backup = _keep(file.path, file.data, found)
        if read(file.path) != file:
            raise FileExistsError
        if file.data is None:
            os.link(new, file.target)  # fails where a file has come to be meanwhile
        else:
            new.replace(file.target)
        _flush(file.target.parent)
    except FileExistsError:
        if backup is not None:
            backup.unlink()
        message = f"{str(file.path)!r} was changed by somebody else just now."
        raise ProblemError("conflict", message, "Nothing was changed. Run the command again.") from None
    finally:
        new.unlink(missing_ok=True)
    return backup


def _create(path: Path, data: bytes, like: os.stat_result | None) -> None:
    """Write a new file, private until it has the mode and, where possible, the owner of the one it is like."""
    descriptor = os.open(path, _NEW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        if like is not None:
            for change in (
                lambda: os.fchown(descriptor, like.st_uid, like.st_gid),
                lambda: os.fchmod(descriptor, stat.S_IMODE(like.st_mode)),
            ):
                with suppress(OSError):  # it is not ours to give, or the file system knows neither
                    change()
        os.fsync(descriptor)


def _keep(path: Path, data: bytes, like: os.stat_result) -> Path:
    """Copy the old content beside the file, under the first name that is free."""
    number = 1
    while True:
        backup = path.with_name(f"{path.name}.factor12-backup{f'-{number}' if number > 1 else ''}")
        try:
            _create(backup, data, like)
        except FileExistsError:
            number += 1
        else:
            return backup


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
