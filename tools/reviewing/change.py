"""Read a change for review: what is compared, its parts kept by digest, and what of it is not reviewed, by name."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated

from anyio.to_thread import run_sync
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tools.base import tool
from tools.beneath import read_bytes
from tools.errors import ToolError
from tools.gitrun import MIB, git
from tools.gitstatus import read_status
from tools.linters import lintable
from tools.reviewing.parts import Part, parts
from tools.reviewing.patch import FileDiff
from tools.reviewing.sorting import HARMLESS, importance, why_not
from tools.reviewing.sources import Kind, Source, Wanted, names, read_source
from tools.reviewing.symbols import symbols
from tools.tampering import is_test_file
from tools.workspace import Repository, Workspace

__all__ = ["Change", "LeftOut", "Snapshot", "read_change", "read_parts"]

MOST_NAMED = 40
MOST_COMMITS = 12
MOST_RUN = 100
"""Files that a linter or the tests are pointed at."""
TEXT_BYTES = 16 * MIB
FILE_BYTES = MIB


class LeftOut(BaseModel):
    """A file of the change that is not reviewed."""

    model_config = ConfigDict(frozen=True)

    file: str
    why: str


class Snapshot(BaseModel):
    """A change as it was when it was read; kept by its digest, so that later calls speak of the same."""

    kind: Kind
    head: str
    subject: str
    parts: list[Part]
    renamed: dict[str, str]
    """Old name → new name."""
    files: list[str]


class Change(BaseModel):
    """What is to be reviewed."""

    compared: str
    kind: Kind
    subject: str = ""
    base: str = ""
    head: str = ""
    snapshot: str
    """Digest, for `read_parts` and `recall_reviews`."""
    files: int
    names: list[str] = []
    """The first of the files, each with how it changed."""
    commits: list[str] = []
    """Subjects, the newest first."""
    left_out: list[LeftOut] = []
    """The first of them."""
    left_total: int = 0
    unseen: int = 0
    """Of them, those in which something may hide."""
    not_run: str = ""
    """Why nothing of the repository may run for this review."""
    lint: list[str] = []
    tests: list[str] = []


@tool("read", carries="diff", timeout=120)
async def read_change(
    workspace: Workspace,
    base: str = "",
    head: str = "",
    staged: bool = False,
    patch: str = "",
    paths: Sequence[str] = (),
    repo: str = "",
) -> Change:
    """Read what a review is about: branches, what is staged, the work tree, or a patch file of the repository.

    `base` and `head` are compared from where they parted. Without any of them it is all that the default branch does
    not have, uncommitted work and new files included.
    """
    repository = workspace.repository(repo)
    wanted = Wanted(base=base, head=head, staged=staged, patch=patch, paths=tuple(paths))
    source = await read_source(workspace, repository, wanted)
    source.files.sort(key=lambda file: (importance(file.path), file.path))
    texts = await file_texts(workspace, repository, source.kind, source.head, [file.path for file in source.files])
    kept, left = _sorted_out(source, texts)
    change = Change(
        compared=source.compared,
        kind=source.kind,
        subject=source.subject,
        base=source.base,
        head=source.head,
        snapshot=workspace.blobs.put(_snapshot(source, kept)),
        files=len(source.files) + len(source.left),
        names=[_named(file) for file in source.files[:MOST_NAMED]],
        commits=await _commits(workspace, repository, source),
        left_out=left[:MOST_NAMED],
        left_total=len(left),
        unseen=sum(one.why not in HARMLESS for one in left),
    )
    return await _with_programs(workspace, repository, source, change)


def _snapshot(source: Source, kept: list[Part]) -> bytes:
    snapshot = Snapshot(
        kind=source.kind,
        head=source.head,
        subject=source.subject,
        parts=kept,
        renamed={file.old_path: file.path for file in source.files if file.old_path},
        files=[file.path for file in source.files] + list(source.left),
    )
    return snapshot.model_dump_json().encode()


async def _with_programs(workspace: Workspace, repository: Repository, source: Source, change: Change) -> Change:
    """Add what the repository's linter and tests can be pointed at, or why they cannot."""
    if not_run := await _why_not_run(workspace, repository, source):
        return change.model_copy(update={"not_run": not_run})
    there = _there(repository, source.files)
    lint = await run_sync(lintable, repository.root, there)
    tests = [path for path in there if is_test_file(path)]
    return change.model_copy(update={"lint": lint[:MOST_RUN], "tests": tests[:MOST_RUN]})


@tool("read", carries="diff")
async def read_parts(
    workspace: Workspace, snapshot: str, numbers: Annotated[list[int], Field(max_length=200)]
) -> list[Part]:
    """Return parts of a change that `read_change` read."""
    known = opened(workspace, snapshot).parts
    if not all(0 <= number < len(known) for number in numbers):
        raise ToolError("bad_input", f"The change has {len(known)} parts.", "Name parts that it has, from 0.")
    return [known[number] for number in numbers]


def opened(workspace: Workspace, snapshot: str) -> Snapshot:
    """Return the change that is kept under a digest.

    Raises:
        ToolError: There is none.
    """
    try:
        return Snapshot.model_validate_json(workspace.blobs.get(snapshot) or b"")
    except ValidationError as error:
        raise ToolError("not_found", f"There is no change {snapshot[:64]!r}.", "Read it with read_change.") from error


async def file_texts(
    workspace: Workspace, repository: Repository, kind: Kind, head: str, paths: Sequence[str]
) -> Mapping[str, str | None]:
    """Return what files are after the change: `None` if there is none, no entry where nobody can tell.

    Nobody can for a patch file, which shows only pieces.
    """
    match kind:
        case "patch":
            return {}
        case "work_tree":
            return await run_sync(_texts, repository, paths)
        case "staged" | "range":
            return await _blobs(workspace, repository, "" if kind == "staged" else head, paths)


def _texts(repository: Repository, paths: Sequence[str]) -> Mapping[str, str | None]:
    found: dict[str, str | None] = {}
    for path in paths:
        try:
            found[path] = read_bytes(repository.root, path, limit=FILE_BYTES).decode("utf-8", "replace")
        except ToolError as error:
            if error.problem.kind == "not_found":
                found[path] = None
    return found


async def _blobs(
    workspace: Workspace, repository: Repository, tree: str, paths: Sequence[str]
) -> Mapping[str, str | None]:
    asked = [path for path in paths if "\n" not in path]
    stdin = "".join(f"{tree}:{path}\n" for path in asked).encode("utf-8", "replace")
    left = await git(workspace, repository, "cat-file", "--batch", stdin=stdin, limit=TEXT_BYTES, cut=True)
    found: dict[str, str | None] = {}
    for path in asked:
        head, _, rest = left.partition(b"\n")
        if (match := re.fullmatch(rb"[0-9a-f]{40,64} (\w+) (\d+)", head)) is None:
            if head.endswith(b" missing"):
                found[path] = None
            left = rest
            continue
        size = int(match[2])
        if match[1] == b"blob" and len(rest) >= size:
            found[path] = rest[:size].decode("utf-8", "replace")
        left = rest[size + 1 :]
    return found


def _sorted_out(source: Source, texts: Mapping[str, str | None]) -> tuple[list[Part], list[LeftOut]]:
    kept: list[Part] = []
    left = dict(source.left)
    for file in source.files:
        text = texts.get(file.path) or ""
        if why := why_not(file, text):
            left[file.path] = why
        else:
            kept += parts(file, symbols(text.split("\n")) if text else [])
    for part in kept:
        left.pop(part.file, None)  # of a file that became another kind of thing, git tells twice
    return kept, [LeftOut(file=_short(file), why=_short(why)) for file, why in left.items()]


async def _why_not_run(workspace: Workspace, repository: Repository, source: Source) -> str:
    """Say why the repository's linter and tests would not be about this change, or may not run."""
    if source.kind == "patch":
        return "a patch file is not applied"
    if not repository.trusted:
        return f"{repository.name!r} is not trusted (factor12 repo trust PATH)"
    if source.kind == "staged":
        touched = await names(workspace, repository, "diff", "--name-only", "--no-renames")
        return "the work tree differs from what is staged" if touched else ""
    if source.kind == "range":
        status = await read_status(workspace, repository)
        dirty = any(change.state != "untracked" for change in status.changes)
        return "it is not what is checked out" if dirty or status.head != source.head else ""
    return ""


def _there(repository: Repository, files: Sequence[FileDiff]) -> list[str]:
    """Return the changed files that programs can be pointed at."""
    return [
        file.path
        for file in files
        if file.kind != "deleted"
        and not file.binary
        and re.fullmatch(r"[\w.][\w./ +@-]*", file.path)
        and (repository.root / file.path).is_file()
        and not (repository.root / file.path).is_symlink()
    ]


async def _commits(workspace: Workspace, repository: Repository, source: Source) -> list[str]:
    if not source.base or source.kind == "patch":
        return []
    words = ("--no-show-signature", "-z", "--format=%s", f"--max-count={MOST_COMMITS}", "--encoding=UTF-8")
    wanted = f"{source.base}..{source.head or 'HEAD'}"
    listed = await git(workspace, repository, "log", *words, "--end-of-options", wanted, ok=(0, 128))
    return [_short(line.decode("utf-8", "replace")) for line in listed.split(b"\0") if line]


def _named(file: FileDiff) -> str:
    was = f" (was {_short(file.old_path)})" if file.old_path else ""
    return f"{_short(file.path)}{was}: {file.kind}, +{file.added} -{file.removed}"


def _short(text: str) -> str:
    """Return a line of it that is fit to be shown."""
    plain = "".join(char if char.isprintable() else "\ufffd" for char in text)
    return plain if len(plain) <= 120 else f"{plain[:119]}…"
