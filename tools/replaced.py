"""Put an agent's replacements into a commit's own text, where the person's uncommitted lines cannot get in."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, Field

from tools.errors import ToolError
from tools.gitnames import relative_path
from tools.gitrun import git
from tools.gitstatus import filtered_paths
from tools.ladder import Match, find
from tools.workspace import Repository, Workspace

FILE_LIMIT = 5_000_000
NEW_FILE = "100644"
_FILES = (NEW_FILE, "100755")


class Replacement(BaseModel):
    old: str
    """Empty in the only edit of a file that is not in HEAD yet: `new` is all of it."""
    new: str


class CommitFile(BaseModel):
    path: str
    edits: Annotated[list[Replacement], Field(min_length=1, max_length=200)]


async def replaced_contents(
    workspace: Workspace, repository: Repository, commit: str, files: Sequence[CommitFile]
) -> dict[str, tuple[str, bytes]]:
    """Return path -> (mode, new content) for files of a commit.

    Raises:
        ToolError: A path is not that of a plain file, or an edit does not find exactly one place in the commit's text.
    """
    paths = [relative_path(file.path) for file in files]
    if len(set(paths)) < len(paths):
        raise ToolError("bad_input", "One file is named twice.", "Put all edits of a file into one entry.")
    if filtered := await filtered_paths(workspace, repository, [path.encode() for path in paths]):
        name, driver = next(iter(filtered.items()))
        message = f"{name.decode()!r} passes through the content filter {driver!r}, which is not run."
        raise ToolError("refused", message, "Commit this file by hand.")
    changed: dict[str, tuple[str, bytes]] = {}
    for file in files:
        mode, before = await committed_file(workspace, repository, commit, file.path)
        after = _new_text(file) if before is None else replaced(file, before)
        changed[file.path] = (mode, after)
    return changed


async def committed_file(
    workspace: Workspace, repository: Repository, commit: str, path: str
) -> tuple[str, bytes | None]:
    """Return a file's mode and content, `None` if there is none of that name."""
    entry = await git(workspace, repository, "ls-tree", "-z", "--full-tree", commit, "--", path)
    if not entry:
        return NEW_FILE, None
    mode, _, blob = entry.partition(b"\t")[0].decode().split()
    if mode not in _FILES:
        raise ToolError("refused", f"{path!r} is not a plain file in HEAD.", "Leave it out.")
    return mode, await git(workspace, repository, "cat-file", "blob", blob, limit=FILE_LIMIT)


def _new_text(file: CommitFile) -> bytes:
    match file.edits:
        case [Replacement(old="", new=text)]:
            return text.encode()
        case _:
            raise ToolError("refused", f"{file.path!r} is not in HEAD, so none of it can be replaced there.", "Add it.")


def replaced(file: CommitFile, before: bytes) -> bytes:
    """Put every new text where its old one stands in `before`; all places are found first, then all are filled."""
    try:
        text = before.decode()
    except UnicodeDecodeError as error:
        raise ToolError("refused", f"{file.path!r} is not UTF-8 in HEAD.", "Commit this file by hand.") from error
    found = sorted(((_place(file.path, text, edit), edit.new) for edit in file.edits), key=lambda each: each[0].start)
    pieces: list[str] = []
    end = 0
    for place, new in found:
        if place.start < end:
            raise ToolError("bad_input", f"Two edits of {file.path!r} overlap.", "Make one edit of them.")
        pieces += [text[end : place.start], place.replacement(new)]
        end = place.end
    return "".join([*pieces, text[end:]]).encode()


def _place(path: str, text: str, edit: Replacement) -> Match:
    if edit.old == edit.new:
        raise ToolError("bad_input", f"An edit of {path!r} changes nothing.", "Leave it out.")
    match find(text, edit.old, new=edit.new):
        case [place]:
            return place
        case places:
            count = f"{len(places)} times" if places else "nowhere"
            message = f"The text to replace in {path!r} stands {count} in HEAD: the edit touches uncommitted lines."
            raise ToolError("refused", message, "Commit the file's other changes first, or commit by hand.")
