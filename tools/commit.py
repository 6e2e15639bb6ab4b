"""Commit exactly an agent's replacements on a new branch, with HEAD, index, work tree and the person's hunks untouched.

The new contents are HEAD's with the replacements in them, never the work tree's. The commit is built from a private
index with fixed dates, so that it has the same id whenever it is built. The plan knows that id from having built it
beside the repository, so whoever finds the effect cut off only has to look where the branch points.
"""

import os
import unicodedata
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from pydantic import BaseModel, Field

from tools.base import tool
from tools.errors import CutOff, ToolError
from tools.gitdir import locate
from tools.gitnames import branch_name, resolve
from tools.gitopen import NOBODY
from tools.gitrepo import default_branch
from tools.gitrun import git
from tools.locks import alone
from tools.replaced import CommitFile, Replacement, replaced_contents
from tools.repoconfig import read_config
from tools.workspace import Repository, Workspace

__all__ = ["Commit", "CommitFile", "Replacement", "commit_edits"]

PROTECTED = ("main", "master", "trunk", "develop", "release/*")
MESSAGE_LIMIT = 20_000


class CommitPlan(BaseModel):
    repo: str
    branch: str
    base: str
    """The commit it stands on."""
    commit: str
    """The id it will have."""
    message: str
    files: list[CommitFile]
    at: int
    """Seconds since the epoch: author's and committer's date."""
    name: str
    email: str
    notes: list[str] = []


class Commit(BaseModel):
    branch: str
    commit: str
    files: list[str]
    identity: str
    notes: list[str] = []


async def _apply(workspace: Workspace, plan: CommitPlan) -> Commit:
    """Make the commit and the branch, if there is no branch of that name yet; nothing, if it is already as planned."""
    repository = workspace.writable(plan.repo)
    tip = await _tip(workspace, repository, plan.branch)
    if tip is None:
        commit = await _build(workspace, repository, plan, {})
        if commit != plan.commit:
            raise ToolError("conflict", f"The commit for {plan.branch!r} would not be the planned one.", "Plan again.")
        words = ("update-ref", "--no-deref", "-m", "factor12: commit", f"refs/heads/{plan.branch}", commit)
        async with _alone(workspace, repository, plan.branch):
            await git(workspace, repository, *words, "0" * len(commit))
    elif tip != plan.commit:
        raise _taken(plan.branch)
    return _result(plan)


async def _probe(workspace: Workspace, plan: CommitPlan) -> Commit | None:
    repository = workspace.writable(plan.repo)
    async with _alone(workspace, repository, plan.branch):
        tip = await _tip(workspace, repository, plan.branch)
    if tip is not None and tip != plan.commit:
        raise CutOff(f"Branch {plan.branch!r} of {plan.repo!r} points to {tip[:12]}, not to {plan.commit[:12]}.")
    return None if tip is None else _result(plan)


@tool(risk="write", apply=_apply, probe=_probe, carries="nothing")
async def commit_edits(
    workspace: Workspace,
    branch: str,
    message: str,
    files: Annotated[list[CommitFile], Field(min_length=1, max_length=200)],
    at: Annotated[float, Field(ge=0, le=2**40)],
    repo: str = "",
) -> CommitPlan:
    """Commit the replacements on a new branch that starts at HEAD; nothing is checked out and no hook runs.

    `at` is the commit's date in seconds since the epoch.
    """
    repository = workspace.writable(repo)
    _require_message(message)
    await _require_branch(workspace, repository, branch)
    name, email = await _identity(workspace, repository)
    draft = CommitPlan(
        repo=repository.name,
        branch=branch,
        base=await resolve(workspace, repository, "HEAD"),
        commit="",
        message=message,
        files=files,
        at=int(at),
        name=name,
        email=email,
        notes=await _notes(workspace, repository, name, email),
    )
    with TemporaryDirectory(dir=workspace.scratch) as aside:
        _borrow_objects(Path(aside), repository)
        commit = await _build(workspace, repository, draft, {"GIT_OBJECT_DIRECTORY": aside})
    if await _tip(workspace, repository, branch) not in (None, commit):
        raise _taken(branch)
    return draft.model_copy(update={"commit": commit})


async def _build(workspace: Workspace, repository: Repository, plan: CommitPlan, env: Mapping[str, str]) -> str:
    """Write blobs, tree and commit, and return the commit's id."""
    changed = await replaced_contents(workspace, repository, plan.base, plan.files)
    with TemporaryDirectory(dir=workspace.scratch) as folder:
        within = {**env, "GIT_INDEX_FILE": str(Path(folder, "index"))}
        records = b""
        for path, (mode, content) in changed.items():
            words = ("hash-object", "-w", "--no-filters", "--stdin")
            blob = (await git(workspace, repository, *words, stdin=content, env=within)).strip()
            records += b"%s %s\t%s\0" % (mode.encode(), blob, os.fsencode(path))
        await git(workspace, repository, "read-tree", plan.base, env=within)
        await git(workspace, repository, "update-index", "-z", "--index-info", stdin=records, env=within)
        words = ("write-tree", "--missing-ok")  # a partial clone does not have what it need not read
        tree = (await git(workspace, repository, *words, env=within)).decode().strip()
    date = f"@{plan.at} +0000"
    people = {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", plan.name), ("EMAIL", plan.email), ("DATE", date))
    }
    words = ("commit-tree", tree, "-p", plan.base, "-F", "-")
    message = plan.message.rstrip("\n").encode() + b"\n"
    made = (await git(workspace, repository, *words, stdin=message, env={**env, **people})).decode().strip()
    words = ("diff-tree", "-r", "-z", "--no-renames", "--name-only", plan.base, made)
    if set((await git(workspace, repository, *words, env=env)).split(b"\0")[:-1]) != set(map(os.fsencode, changed)):
        raise ToolError("refused", f"git would not put all of {sorted(changed)} into a commit.", "Commit by hand.")
    return made


def _borrow_objects(folder: Path, repository: Repository) -> None:
    """Make `folder` an object store that reads through to the repository's and keeps what is written."""
    place = locate(repository.root, trusted=repository.trusted)
    (folder / "info").mkdir()
    (folder / "info" / "alternates").write_bytes(os.fsencode(place.common / "objects") + b"\n")


async def _tip(workspace: Workspace, repository: Repository, branch: str) -> str | None:
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"refs/heads/{branch}")
    return (await git(workspace, repository, *words, ok=(0, 1))).decode().strip() or None


def _alone(workspace: Workspace, repository: Repository, branch: str) -> AbstractAsyncContextManager[int]:
    return alone(workspace, f"{repository.root} refs/heads/{branch}")


def _taken(branch: str) -> ToolError:
    return ToolError("conflict", f"Branch {branch!r} exists with another content.", "Choose another name.")


def _result(plan: CommitPlan) -> Commit:
    return Commit(
        branch=plan.branch,
        commit=plan.commit,
        files=[file.path for file in plan.files],
        identity=f"{plan.name} <{plan.email}>",
        notes=plan.notes,
    )


def _require_message(message: str) -> None:
    plain = all(char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cs") for char in message)
    if not message.strip() or len(message) > MESSAGE_LIMIT or not plain:
        raise ToolError(
            "bad_input", "The commit message is empty, too long or not plain text.", "Write one line or more."
        )


async def _require_branch(workspace: Workspace, repository: Repository, branch: str) -> None:
    """Refuse a name that is not one, or that belongs to a branch on which people work."""
    name = (await branch_name(workspace, repository, branch)).casefold()
    head = (await git(workspace, repository, "symbolic-ref", "--quiet", "--short", "HEAD", ok=(0, 1))).decode().strip()
    default = await default_branch(workspace, repository, head)
    protected = (*PROTECTED, *read_config(repository).branches.protected)
    if name in {head.casefold(), default.casefold()} or any(fnmatchcase(name, rule.casefold()) for rule in protected):
        raise ToolError("refused", f"Branch {branch!r} is protected.", "Name a new one, such as agent/issue-7.")


async def _identity(workspace: Workspace, repository: Repository) -> tuple[str, str]:
    """Return the name and address that git would commit with."""
    ident = (await git(workspace, repository, "var", "GIT_COMMITTER_IDENT")).decode(errors="replace")
    name, _, rest = ident.rpartition(" <")
    return name, rest.partition(">")[0]


async def _notes(workspace: Workspace, repository: Repository, name: str, email: str) -> list[str]:
    """Say what a person would not expect of this commit."""
    notes: list[str] = []
    configured = await git(workspace, repository, "config", "--local", "--get", "core.hooksPath", ok=(0, 1))
    signs = await git(workspace, repository, "config", "--local", "--bool", "--get", "commit.gpgSign", ok=(0, 1))
    folder = locate(repository.root, trusted=repository.trusted).common / "hooks"
    hooks = sorted(hook.name for hook in folder.glob("*") if hook.suffix != ".sample" and os.access(hook, os.X_OK))
    if configured or hooks:
        notes.append(f"The repository's hooks ({', '.join(hooks) or 'core.hooksPath'}) were not run.")
    if signs.strip() == b"true":
        notes.append(
            "The commit is not signed, as commit.gpgSign asks: git rebase --gpg-sign HEAD~1 on the branch does."
        )
    if {"user.name": name, "user.email": email} == NOBODY:
        notes.append(f"git knows no user.name and user.email here: committed as {name} <{email}>.")
    return notes
