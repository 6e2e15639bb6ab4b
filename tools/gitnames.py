"""Let only names through to git: a revision, a branch or a path can never be read as an option or a pathspec."""

import re
from collections.abc import Iterable

from tools.errors import ToolError
from tools.gitrun import git
from tools.paths import components
from tools.workspace import Repository, Workspace

MOST_PATHS = 200
_NAME = r"\w(?:[\w./+#=-]|@(?!\{))*"
_REVISION = re.compile(rf"(?:{_NAME}|@)(?:~\d*|\^\d*|\^\{{commit\}}|@\{{(?:\d+|u|upstream)\}})*")
_BRANCH = re.compile(_NAME)
_RANGE = re.compile(r"(?P<left>.*?)(?P<dots>\.{2,3})(?P<right>.*)", re.DOTALL)
_LONGEST = 250


async def resolve(workspace: Workspace, repository: Repository, revision: str) -> str:
    """Return the id of the commit that `revision` names.

    Raises:
        ToolError: It has another form than a branch, tag or id with `~N`, `^N` or `@{N}`, or names no commit.
    """
    if len(revision) > _LONGEST or ".." in revision or _REVISION.fullmatch(revision) is None:
        raise ToolError("bad_input", f"{revision[:_LONGEST]!r} is not a revision.", "Use a branch, tag or commit id.")
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if not (found := await git(workspace, repository, *words, ok=(0, 1))):
        raise ToolError(
            "not_found", f"{revision!r} names no commit in {repository.name!r}.", "Use a branch, tag or commit id."
        )
    return found.decode().strip()


async def resolve_range(workspace: Workspace, repository: Repository, revisions: str) -> str:
    """Return one commit id, or `ID..ID`, `ID...ID` for a range; an end that is left out is HEAD.

    Raises:
        ToolError: As `resolve`.
    """
    if (parts := _RANGE.fullmatch(revisions)) is None:
        return await resolve(workspace, repository, revisions)
    left = await resolve(workspace, repository, parts["left"] or "HEAD")
    right = await resolve(workspace, repository, parts["right"] or "HEAD")
    return f"{left}{parts['dots']}{right}"


async def branch_name(workspace: Workspace, repository: Repository, name: str) -> str:
    """Return `name` if a new branch may have it.

    Raises:
        ToolError: It may not.
    """
    if len(name) <= _LONGEST and _BRANCH.fullmatch(name) and name != "HEAD" and not name.startswith("refs/"):
        ref = f"refs/heads/{name}"
        words = ("check-ref-format", "--normalize", ref)
        if (await git(workspace, repository, *words, ok=(0, 1))).decode().strip() == ref:
            return name
    raise ToolError("bad_input", f"{name[:_LONGEST]!r} is not a name for a branch.", "Use one like agent/issue-7.")


def relative_path(path: str) -> str:
    """Return the path of a file or folder as git takes it.

    Raises:
        ToolError: As `tools.paths.components`.
    """
    return "/".join(components(path.removesuffix("/")))


def relative_paths(paths: Iterable[str]) -> list[str]:
    """Return the paths if all are as `relative_path` demands.

    Raises:
        ToolError: One is not, or they are more than `MOST_PATHS`.
    """
    found = [relative_path(path) for path in paths]
    if len(found) > MOST_PATHS:
        raise ToolError("bad_input", f"{len(found)} paths are too many.", f"Name at most {MOST_PATHS}, or a folder.")
    return found
