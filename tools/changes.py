"""A planned change of one file: exactly what, from which state to which; done at most once, and undone (R5, R6)."""

from collections.abc import Sequence

from anyio.to_thread import run_sync
from pydantic import BaseModel, ConfigDict

from tools.beneath import digest, read_bytes
from tools.edits import REDACTED, Replaced, Span, line_ranges, splice
from tools.errors import CutOff, ToolError
from tools.locks import alone
from tools.swap import discard_leftover, remove_bytes, replace_bytes
from tools.workspace import Repository, Workspace

__all__ = ["REDACTED", "Changed", "FileChange", "Replaced", "Span", "apply_change", "probe_change"]

SPANS_CHARS = 8000
"""Of the replacements that a result repeats. An agent sees no result over 16 KiB, and so could not take it back."""


class FileChange(BaseModel):
    """The plan of every file write. The new content is one of `spans`, `content` and `restored`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    repo: str
    path: str
    before: str | None
    """sha256 of the content it applies to; `None`: the file does not exist."""
    after: str | None
    """sha256 of the content it leads to; `None`: the file is removed."""
    spans: tuple[Span, ...] = ()
    content: str | None = None
    """All of the new text."""
    restored: str | None = None
    """Digest of the new content in the blob store."""
    folders: tuple[str, ...] = ()
    """Folders made for a new file, outermost first; removed with it if they are empty then."""


class Changed(BaseModel):
    """A change that was made: what it takes to show it, to judge it and to undo it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    repo: str
    path: str
    before: str | None
    after: str | None
    spans: tuple[Replaced, ...] = ()
    """Empty when the file was written as a whole, or when they are too long for a log that is read at every step."""
    kept: str | None = None
    """Digest of the old content in the blob store."""
    lines: str = ""
    """The lines that changed, as they are counted now: `12-14, 30`."""
    folders: tuple[str, ...] = ()


async def apply_change(workspace: Workspace, change: FileChange) -> Changed:
    """Make the change, if the file is still as planned; nothing, if it has been made already.

    Raises:
        ToolError: `conflict` if the file is neither, or as `tools.swap.replace_bytes`.
    """
    repository = workspace.writable(change.repo)
    current = await run_sync(read_or_none, repository, change.path)
    found = None if current is None else digest(current)
    if found != change.after:
        if found != change.before:
            message = f"{change.path!r} is not what it was when the change was planned."
            raise ToolError("conflict", message, "Read it again and plan anew.")
        data = _new_content(workspace, change, current)
        if current is not None:
            workspace.blobs.put(current)
        await _swap(workspace, repository, change, data)
    return _changed(workspace, change)


async def probe_change(workspace: Workspace, change: FileChange) -> Changed | None:
    """Tell by the file's digest whether the change was made, and tidy up after an attempt that was cut off.

    Raises:
        CutOff: The file is neither as before nor as after the change.
        ToolError: `busy`; the attempt stands still right at the change.
    """
    repository = workspace.writable(change.repo)
    async with alone(workspace, f"{repository.root}/{change.path}"):
        current = await run_sync(read_or_none, repository, change.path)
    await run_sync(discard_leftover, repository.root, change.path, workspace.effect)
    found = None if current is None else digest(current)
    if found == change.after:
        return _changed(workspace, change)
    if found == change.before:
        return None
    state = "is gone" if found is None else f"has other content (sha256 {found[:12]}) than before and after the change"
    raise CutOff(f"{change.path!r} in {change.repo!r} {state}.")


def read_or_none(repository: Repository, path: str) -> bytes | None:
    """Return a file's bytes, `None` if there is no such file.

    Raises:
        ToolError: As `tools.beneath.read_bytes`, but for `not_found`.
    """
    try:
        return read_bytes(repository.root, path)
    except ToolError as error:
        if error.problem.kind == "not_found":
            return None
        raise


def decode_text(data: bytes, path: str) -> str:
    """Return the text of a file, line ends and byte order mark included.

    Raises:
        ToolError: It is not text in UTF-8.
    """
    if (place := data.find(0)) >= 0:
        raise ToolError("bad_input", f"{path!r} is binary: byte {place} is NUL.", "Name a text file.")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        message = f"{path!r} is not UTF-8: byte {error.start} is 0x{data[error.start]:02x}."
        raise ToolError("bad_input", message, "Save the file as UTF-8.") from error


def _new_content(workspace: Workspace, change: FileChange, current: bytes | None) -> bytes | None:
    """Work out the content the plan leads to, and check it by its digest."""
    data: bytes | None = None
    if change.content is not None:
        data = change.content.encode()
    elif change.restored is not None:
        data = workspace.blobs.get(change.restored)
    elif current is not None and change.spans:
        data = splice(decode_text(current, change.path), change.spans).encode()
    if change.after != (None if data is None else digest(data)):
        message = f"The plan for {change.path!r} does not lead to the content it promises."
        raise ToolError("conflict", message, "Plan the change anew.")
    return data


async def _swap(workspace: Workspace, repository: Repository, change: FileChange, data: bytes | None) -> None:
    root, path, mark, folders = repository.root, change.path, workspace.effect, change.folders
    lock = alone(workspace, f"{root}/{path}")
    if data is None:
        assert change.before is not None
        await remove_bytes(root, path, change.before, alone=lock, mark=mark, folders=folders)
    else:
        await replace_bytes(root, path, data, change.before, alone=lock, mark=mark, folders=folders)


def _changed(workspace: Workspace, change: FileChange) -> Changed:
    kept = change.before if change.before and workspace.blobs.get(change.before) is not None else None
    return Changed(
        repo=change.repo,
        path=change.path,
        before=change.before,
        after=change.after,
        spans=_compact(change.spans),
        kept=kept,
        lines=line_ranges(change.spans, after=True) if change.spans else _all_lines(change.content),
        folders=change.folders,
    )


def _compact(spans: Sequence[Span]) -> tuple[Replaced, ...]:
    made = tuple(Replaced(line=span.line, rung=span.rung, old=span.old, new=span.new) for span in spans)
    return made if sum(len(one.model_dump_json()) for one in made) <= SPANS_CHARS else ()


def _all_lines(content: str | None) -> str:
    last = len((content or "").removesuffix("\n").split("\n"))
    return "" if not content else f"1-{last}" if last > 1 else "1"
