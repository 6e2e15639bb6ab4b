"""Look at what edits did to the files they were made in, once everything that could change them has run (R13)."""

import os
import re
from pathlib import Path, PurePosixPath
from typing import Annotated

from anyio.to_thread import run_sync
from pydantic import BaseModel, Field

from tools.base import tool
from tools.beneath import digest
from tools.changes import decode_text, read_or_none
from tools.errors import ToolError
from tools.gitrun import git
from tools.runners.detection import makefile, npm_script
from tools.tampering import EditedFile, Review, is_test_file, review
from tools.workspace import Workspace

__all__ = ["Made", "Review", "review_edits"]


class Made(BaseModel):
    """An edit that was made; both contents by their sha256."""

    path: str
    before: str | None
    """`None`: the file is new."""
    after: str
    repo: str = ""


_SCRIPT = re.compile(r".*\.(?:py|[cm]?[jt]s|sh|bash|rb|pl|php|lua)|[^.]+")
_WORD = re.compile(r"[\w./-]+")


@tool("read", carries="nothing")
async def review_edits(
    workspace: Workspace, edits: Annotated[list[Made], Field(min_length=1, max_length=200)]
) -> list[Review]:
    """Say of each edited file whether its tests are what they were, and whether it still is as the edit left it."""
    reviews = await run_sync(lambda: [_reviewed(workspace, made) for made in edits])
    return [await _with_users(workspace, made, review) for made, review in zip(edits, reviews, strict=True)]


async def _with_users(workspace: Workspace, made: Made, found: Review) -> Review:
    """Add the test files that name an edited one, and those that name these: its tests may be a part of theirs."""
    if not (found.tests and is_test_file(made.path)):
        return found
    users, todo = set[str](), [made.path]
    while todo:
        words = [word for path in todo for word in ("-e", PurePosixPath(path).stem)]
        repository = workspace.repository(made.repo)
        try:
            listed = await git(workspace, repository, "grep", "-lzwF", "--untracked", *words, ok=(0, 1))
        except ToolError as error:
            return found.model_copy(update={"doubt": error.problem.message})
        named = {os.fsdecode(path) for path in listed.split(b"\0")[:-1]}
        todo = [path for path in sorted(named - users - {made.path}) if is_test_file(path)]
        users.update(todo)
    return found.model_copy(update={"users": tuple(sorted(users))})


def _is_program(root: Path, path: str) -> bool:
    """Tell whether `package.json` or the Makefile names the script or, as `python -m` does, its module."""
    if not _SCRIPT.fullmatch(PurePosixPath(path).name):
        return False
    module = path.removesuffix(".py").replace("/", ".")
    named = {word.removeprefix("./") for word in _WORD.findall("\n".join((npm_script(root), makefile(root))))}
    return not named.isdisjoint({path, module})


def _reviewed(workspace: Workspace, made: Made) -> Review:
    try:
        repository = workspace.repository(made.repo)
        now = read_or_none(repository, made.path)
        if now is None or digest(now) != made.after:
            doubt = f"{made.path!r} is not as the edit left it: it was changed since, perhaps by a test."
            return Review(path=made.path, doubt=doubt)
        was = b"" if made.before is None else workspace.blobs.get(made.before)
        if was is None:
            return Review(path=made.path, doubt=f"What {made.path!r} was before is not kept, so nobody can compare.")
        old = None if made.before is None else decode_text(was, made.path)
        edited = EditedFile(path=made.path, old=old, new=decode_text(now, made.path))
        return review(edited).model_copy(update={"program": _is_program(repository.root, made.path)})
    except ToolError as error:
        return Review(path=made.path, doubt=error.problem.message)
