"""Get the diff that is to be reviewed: of branches, the index, the work tree with its new files, or a patch file."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from anyio.to_thread import run_sync
from pydantic import BaseModel, ConfigDict

from tools.beneath import read_bytes
from tools.errors import ToolError
from tools.gitnames import relative_paths, resolve
from tools.gitrepo import default_branch
from tools.gitrun import MIB, git
from tools.gitstatus import Status, filtered_paths, read_status, shown
from tools.reviewing.patch import FileDiff, Hunk, read_patch
from tools.workspace import Repository, Workspace

Kind: TypeAlias = Literal["range", "work_tree", "staged", "patch"]
DIFF_BYTES = 2 * MIB
"""Of a diff, what is read: some forty thousand lines."""
NEW_FILE_BYTES = MIB // 4
MOST_NEW = 300
FORM = (
    *("--no-color", "--full-index", "--unified=6", "--inter-hunk-context=0", "--find-renames", "-l200"),
    *("--diff-algorithm=myers", "--indent-heuristic", "--no-relative", "--src-prefix=a/", "--dst-prefix=b/"),
    *("--submodule=short", "-O/dev/null"),
)
"""A diff that no configuration makes look otherwise."""
_COMMIT = re.compile(r"[0-9a-fA-F]{7,64}")


class Wanted(BaseModel):
    """Which change is meant; of `base` and `head`, `staged`, `patch` at most one."""

    model_config = ConfigDict(frozen=True)

    base: str = ""
    head: str = ""
    staged: bool = False
    patch: str = ""
    paths: tuple[str, ...] = ()


@dataclass(slots=True)
class Source:
    """A diff and where it is from."""

    kind: Kind
    compared: str
    """In words, for a person."""
    subject: str = ""
    """What goes by the same name after a rebase: a branch, a patch file; empty for a bare commit."""
    base: str = ""
    head: str = ""
    """A commit; empty for what is none yet."""
    files: list[FileDiff] = field(default_factory=list[FileDiff])
    left: dict[str, str] = field(default_factory=dict[str, str])
    """File → why it was not read."""


async def read_source(workspace: Workspace, repository: Repository, wanted: Wanted) -> Source:
    """Return the change that is meant: by default all that the default branch does not have, uncommitted work included.

    Raises:
        ToolError: A name is no revision or no path, or there is no such thing.
    """
    if wanted.patch:
        return await run_sync(_from_file, repository, wanted.patch)
    status = await read_status(workspace, repository)
    paths = relative_paths(wanted.paths)
    if wanted.staged:
        source = Source("staged", "what is staged", status.branch, status.head)
        words = ("--cached", source.base or await _nothing(workspace, repository))
        return await _diff(workspace, repository, source, words, paths)
    head = await resolve(workspace, repository, wanted.head) if wanted.head else status.head
    base, name = await _base(workspace, repository, wanted.base, head, status)
    if wanted.head:
        subject = _subject(wanted.head, status)
        source = Source("range", f"{wanted.head} against {name}", subject, base, head)
        return await _diff(workspace, repository, source, (base, head), paths)
    source = Source("work_tree", f"the work tree against {name}", status.branch, base)
    await _diff(workspace, repository, source, (base,), paths)
    await _new_files(workspace, repository, source, paths)
    return source


def _from_file(repository: Repository, path: str) -> Source:
    data = read_bytes(repository.root, path, limit=DIFF_BYTES)
    files = read_patch(data)
    if not files and data.strip():
        raise ToolError("bad_input", f"{path!r} holds no unified diff.", "Make one with: git diff > FILE")
    return Source("patch", f"the patch {path}", f"patch {path}", files=files)


def _subject(head: str, status: Status) -> str:
    """Return the branch that is meant, as far as a name can tell."""
    if head in ("HEAD", "@"):
        return status.branch
    return "" if _COMMIT.fullmatch(head) or re.search(r"[~^@]", head) else head


async def _base(workspace: Workspace, repository: Repository, named: str, head: str, status: Status) -> tuple[str, str]:
    """Return the commit to compare with, which is where the two parted, and what to call it."""
    if not head:
        return await _nothing(workspace, repository), "nothing: there is no commit yet"
    usual = named or await default_branch(workspace, repository, status.branch)
    tried = [named] if named else [f"origin/{usual}", usual] if usual else []
    for name in tried:
        try:
            commit = await resolve(workspace, repository, name)
        except ToolError:
            if named:
                raise
            continue
        met = (await git(workspace, repository, "merge-base", commit, head, ok=(0, 1))).decode().split()
        found = met[0] if met else commit
        return found, name if found == commit else f"{found[:12]}, where it left {name}"
    return head, "HEAD"


async def _nothing(workspace: Workspace, repository: Repository) -> str:
    """Return the id of the tree that holds no file."""
    return (await git(workspace, repository, "hash-object", "-t", "tree", "--stdin", stdin=b"")).decode().strip()


async def _diff(
    workspace: Workspace, repository: Repository, source: Source, commits: Sequence[str], paths: Sequence[str]
) -> Source:
    changed = await names(workspace, repository, "diff", "--name-only", "--no-renames", *commits, "--", *paths)
    if source.kind == "work_tree":
        touched = await names(workspace, repository, "diff", "--name-only", "--no-renames", "--", *paths)
        filtered = await filtered_paths(workspace, repository, touched)
        source.left.update({shown(path): "its content filter is not run" for path in filtered})
        if filtered:
            paths = [os.fsdecode(path) for path in changed if path not in filtered]
            changed = [path for path in changed if path not in filtered]
    if not changed:
        return source
    data = await git(workspace, repository, "diff", *FORM, *commits, "--", *paths, limit=DIFF_BYTES, cut=True)
    source.files = read_patch(data)
    if len(data) >= DIFF_BYTES:
        source.files = source.files[:-1]  # cut off somewhere
        known = {name for file in source.files for name in (file.path, file.old_path)}
        why = f"the change is larger than {DIFF_BYTES // MIB} MiB"
        source.left.update({path: why for path in map(shown, changed) if path not in known})
    return source


async def names(workspace: Workspace, repository: Repository, subcommand: str, *words: str) -> list[bytes]:
    """Return the paths that a git command lists."""
    return (await git(workspace, repository, subcommand, "-z", *words)).split(b"\0")[:-1]


async def _new_files(workspace: Workspace, repository: Repository, source: Source, paths: Sequence[str]) -> None:
    """Add the files that git does not know yet, as far as it does not ignore them."""
    found = await names(workspace, repository, "ls-files", "--others", "--exclude-standard", "--", *paths)
    source.left.update({shown(path): "there are too many new files" for path in found[MOST_NEW:]})
    read = await run_sync(_read_all, repository, [shown(path) for path in found[:MOST_NEW]])
    for path, data in read.items():
        if isinstance(data, str):
            source.left[path] = data
        else:
            source.files.append(_added(path, data))


def _read_all(repository: Repository, paths: Sequence[str]) -> Mapping[str, bytes | str]:
    return {path: _content(repository, path) for path in paths}


def _content(repository: Repository, path: str) -> bytes | str:
    if path.endswith("/"):
        return "it is a repository of its own"
    try:
        return read_bytes(repository.root, path, limit=NEW_FILE_BYTES)
    except ToolError as error:
        return error.problem.message


def _added(path: str, data: bytes) -> FileDiff:
    if b"\0" in data:
        return FileDiff(path, kind="added", binary=True)
    lines = data.decode("utf-8", "replace").removesuffix("\n").split("\n") if data else []
    body = tuple(f"+{line.removesuffix(chr(13))}" for line in lines)
    return FileDiff(path, kind="added", hunks=[Hunk(0, 1, body)] if body else [])
