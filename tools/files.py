"""Read, list, write and edit files: every write is planned, compared with what is there, and can be undone."""

from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Annotated, Literal, TypeAlias

from anyio.to_thread import run_sync
from pydantic import BaseModel, Field

from tools.base import tool
from tools.beneath import digest as digest_of
from tools.beneath import read_bytes
from tools.changes import Changed, FileChange, apply_change, decode_text, probe_change, read_or_none
from tools.edits import SHOWN, Edit, plan_edits, require_text, reverse, splice
from tools.errors import ToolError
from tools.gitrun import git
from tools.paths import components
from tools.swap import missing_folders
from tools.triggers import needs_person
from tools.workspace import Repository, Workspace

__all__ = ["Edit", "FileList", "FileText", "edit_file", "list_files", "read_file", "undo_edit", "write_file"]

PAGE_CHARS = 100_000
MOST_FILES = 1000
WRITE_LIMIT = 1_000_000
FOLDERS_CHARS = 4000
"""Of the paths of the folders that one new file needs: the change names them, and must fit what an agent sees."""
Newline: TypeAlias = Literal["lf", "crlf", "mixed", "none"]
Digest: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class FileText(BaseModel):
    """A page of a file."""

    path: str
    text: str
    """Whole lines, as they are; a line longer than a page is cut."""
    start: int
    """The first line of the page, from 1."""
    total: int
    """Lines of the file."""
    next: int | None
    """Where the next page starts, if there is one."""
    digest: str
    """sha256 of the file; give it to a write, which then happens only if the file is still the same."""
    newline: Newline


class FileList(BaseModel):
    paths: list[str]
    total: int
    """How many there are; `paths` has the first of them."""


@tool("read", carries="files")
async def read_file(
    workspace: Workspace,
    path: str,
    repo: str = "",
    start: Annotated[int, Field(ge=1)] = 1,
    lines: Annotated[int, Field(ge=1, le=2000)] = 400,
) -> FileText:
    """Read `lines` lines of a text file, beginning with line `start`."""
    return await run_sync(_read, workspace.repository(repo), path, start, lines)


@tool("read", carries="files")
async def list_files(workspace: Workspace, repo: str = "", under: str = "", pattern: str = "") -> FileList:
    """List tracked files and new ones that are not ignored; in the folder `under`, with a glob for name or path."""
    repository = workspace.repository(repo)
    where = ("--", under) if under and components(under) else ()
    listed = await git(workspace, repository, "ls-files", "-z", "--cached", "--others", "--exclude-standard", *where)
    gone = await git(workspace, repository, "ls-files", "-z", "--deleted", *where)
    files = {name.decode(errors="backslashreplace") for name in {*listed.split(b"\0")} - {*gone.split(b"\0"), b""}}
    paths = sorted(path for path in files if not pattern or _fits(path, pattern))
    return FileList(paths=paths[:MOST_FILES], total=len(paths))


def _gate(workspace: Workspace, change: FileChange) -> str | None:
    return needs_person(change.path)


@tool("write", apply=apply_change, probe=probe_change, gate=_gate, carries="nothing")
async def write_file(
    workspace: Workspace,
    path: str,
    content: Annotated[str, Field(max_length=WRITE_LIMIT)],
    repo: str = "",
    digest: Digest | None = None,
) -> FileChange:
    """Write a whole file: a new one, or, with the `digest` of what it replaces, an existing one."""
    return await run_sync(_plan_write, workspace.writable(repo), path, content, digest)


@tool("write", apply=apply_change, probe=probe_change, gate=_gate, carries="nothing")
async def edit_file(
    workspace: Workspace,
    path: str,
    edits: Annotated[list[Edit], Field(min_length=1, max_length=200)],
    repo: str = "",
    digest: Digest | None = None,
) -> FileChange:
    """Replace snippets in a file, all or none. Each must stand once; line ends and a shifted indentation are adapted.

    With `digest`, only if the file still is what was read.
    """
    return await run_sync(_plan_edit, workspace.writable(repo), path, edits, digest)


@tool("write", apply=apply_change, probe=probe_change, gate=_gate, carries="nothing")
async def undo_edit(workspace: Workspace, changed: Changed) -> FileChange:
    """Take a change back: the old file if it is still as the change left it, else exactly the replaced texts."""
    repository = workspace.writable(changed.repo)
    current = await run_sync(read_or_none, repository, changed.path)
    found = None if current is None else digest_of(current)
    plan = FileChange(repo=repository.name, path=changed.path, before=found, after=changed.before)
    if found == changed.before:
        return plan
    kept = changed.before is None or workspace.blobs.get(changed.before) is not None
    if found == changed.after and kept:
        return plan.model_copy(update={"restored": changed.before, "folders": changed.folders})
    if current is None or not changed.spans:
        state = "is gone" if current is None else "was changed since"
        raise ToolError("conflict", f"{changed.path!r} {state}.", "Take the change back by hand.")
    text = decode_text(current, changed.path)
    spans = reverse(text, changed.spans, changed.path)
    return plan.model_copy(update={"spans": spans, "after": digest_of(splice(text, spans).encode())})


def _read(repository: Repository, path: str, start: int, lines: int) -> FileText:
    data = read_bytes(repository.root, path)
    raw = decode_text(data, path).split("\n")
    all_lines = [line + "\n" for line in raw[:-1]] + ([raw[-1]] if raw[-1] else [])
    if start > max(1, len(all_lines)):
        raise ToolError("bad_input", f"{path!r} has {len(all_lines)} lines, not {start}.", "Start at an earlier one.")
    page = all_lines[start - 1 : start - 1 + lines]
    while len(page) > 1 and sum(map(len, page)) > PAGE_CHARS:
        page = page[: len(page) // 2]
    end = start + len(page)
    return FileText(
        path=path,
        text="".join(page)[:PAGE_CHARS],
        start=start,
        total=len(all_lines),
        next=end if end <= len(all_lines) else None,
        digest=digest_of(data),
        newline=_newline(data),
    )


def _newline(data: bytes) -> Newline:
    lines, crlf = data.count(b"\n"), data.count(b"\r\n")
    if not lines:
        return "none"
    return "crlf" if crlf == lines else "mixed" if crlf else "lf"


def _fits(path: str, pattern: str) -> bool:
    return fnmatchcase(path, pattern) or fnmatchcase(PurePosixPath(path).name, pattern)


def _plan_write(repository: Repository, path: str, content: str, digest: str | None) -> FileChange:
    require_text(content, path)
    current = read_or_none(repository, path)
    if current is not None and digest is None:
        raise ToolError("conflict", f"{path!r} exists.", "Edit it, or give the digest of what it has now.")
    _require_digest(path, current, digest)
    new = content.encode()
    if current == new:
        raise ToolError("conflict", f"{path!r} has this content already.", "There is nothing to do.")
    folders = missing_folders(repository.root, path)
    if sum(map(len, folders)) > FOLDERS_CHARS:
        message = f"{path[:SHOWN]!r}… needs {len(folders)} new folders, whose paths are too long."
        raise ToolError("bad_input", message, "Put the file less deep.")
    return FileChange(
        repo=repository.name, path=path, before=digest, after=digest_of(new), content=content, folders=folders
    )


def _plan_edit(repository: Repository, path: str, edits: list[Edit], digest: str | None) -> FileChange:
    current = read_bytes(repository.root, path)
    if digest is not None:
        _require_digest(path, current, digest)
    text = decode_text(current, path)
    spans = plan_edits(text, edits, path)
    after = digest_of(splice(text, spans).encode())
    return FileChange(repo=repository.name, path=path, before=digest_of(current), after=after, spans=spans)


def _require_digest(path: str, current: bytes | None, digest: str | None) -> None:
    if (None if current is None else digest_of(current)) != digest:
        state = "does not exist any more" if current is None else "has changed since it was read"
        raise ToolError("conflict", f"{path!r} {state}.", "Read it again.")
