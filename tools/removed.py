"""Prove that a text which should be removed has been: nothing of it is left to tell, but the last commit has it."""

from anyio.to_thread import run_sync

from tools.changes import decode_text, read_or_none
from tools.errors import ToolError
from tools.gitrun import git
from tools.ladder import BOM, find
from tools.replaced import committed_file
from tools.workspace import Repository, Workspace

MOST_FILES = 50
"""Changed files that are looked through for a text whose file nobody named."""
_LINES = 3
"""What must stand together on either side of the gap; more if these are blank."""
_END = "\0"
"""A line at both ends of a text, which no text has inside."""


async def was_removed(workspace: Workspace, repository: Repository, old: str, file: str | None = None) -> bool:
    """Tell whether HEAD has `old` in one place where the work tree has what stood around it and nothing between."""
    try:
        paths = [file] if file else await _changed(workspace, repository)
        gaps = [path for path in paths if await _has_gap(workspace, repository, path, old)]
    except ToolError:  # no commit, or no text
        return False
    return len(gaps) == 1


def is_gap(was: str, now: str, old: str) -> bool:
    """Tell whether the surroundings of the one place of `old` in `was` have closed over it in `now`. Pure."""
    was, now = _bounded(was), _bounded(now)
    match find(was, old):
        case [place]:
            head, tail = was[: place.start].split("\n"), was[place.end :].split("\n")
            before, after = "\n".join(_near(head[::-1])[::-1]), "\n".join(_near(tail))
            closed = before + place.replacement("") + after
            return now.count(closed) == 1 and closed not in was
        case _:
            return False


def _bounded(text: str) -> str:
    lines = text.removeprefix(BOM).replace("\r\n", "\n").removesuffix("\n").split("\n")
    return "\n".join([_END, *(lines if text else ()), _END])


def _near(lines: list[str]) -> list[str]:
    """Return the first lines, until some are no longer blank."""
    most = _LINES + 1  # the first is what stands on the line of the gap itself
    while most < len(lines) and not "".join(lines[1:most]).strip():
        most += 1
    return lines[:most]


async def _changed(workspace: Workspace, repository: Repository) -> list[str]:
    listed = await git(workspace, repository, "diff-index", "--name-only", "-z", "--diff-filter=M", "HEAD")
    return [path.decode(errors="surrogateescape") for path in listed.split(b"\0")[:-1]][:MOST_FILES]


async def _has_gap(workspace: Workspace, repository: Repository, path: str, old: str) -> bool:
    now = await run_sync(read_or_none, repository, path)
    _, was = await committed_file(workspace, repository, "HEAD", path)
    if now is None or was is None:
        return False
    return await run_sync(is_gap, decode_text(was, path), decode_text(now, path), old)
