"""What a repository's history says of a text: commits whose message has it, and commits that added or removed it."""

import re
from collections.abc import Iterator, Sequence

from pydantic import BaseModel

from tools.gitrun import git
from tools.passages import LONGEST_LINE, SHORT, Passage
from tools.terms import Term
from tools.workspace import Repository, Workspace

NEWEST = 2000
"""Commits that are looked through."""
MOST = 5
"""Commits per search."""
PATCH_LIMIT = 300_000
SECONDS = 15
LONGEST_SUBJECT = 160
_FORM = "--format=%x00%H%x00%P%x00%aI%x00%s%x00"
_COMMIT = re.compile(rb"[0-9a-f]{40}|[0-9a-f]{64}")
_HUNK = re.compile(rb"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


class Mention(BaseModel):
    """A commit that has to do with a text."""

    commit: str
    date: str
    subject: str
    why: str
    passages: list[Passage] = []
    """Lines it added, at the commit, and lines it removed, at its parent."""


async def mentions(workspace: Workspace, repository: Repository, commit: str, terms: Sequence[Term]) -> list[Mention]:
    """Look through the newest commits for changes of the number of each quoted text, path or name, then for messages.

    Raises:
        ToolError: It took too long.
    """
    since = await _boundary(workspace, repository, commit)
    found: dict[str, Mention] = {}
    for term in [term for term in terms if term.kind in ("name", "quoted")][:3]:
        for mention in await _changes(workspace, repository, [commit, *since], term):
            found.setdefault(mention.commit, mention)
    if texts := [term.text for term in terms if term.kind != "path"]:
        for mention in await _messages(workspace, repository, [commit, *since], texts):
            found.setdefault(mention.commit, mention)
    return list(found.values())


async def _boundary(workspace: Workspace, repository: Repository, commit: str) -> list[str]:
    """Return what leaves out all but the newest commits."""
    words = ("rev-list", "--max-count=1", f"--skip={NEWEST}", commit)
    oldest = (await git(workspace, repository, *words, timeout_s=SECONDS)).decode().strip()
    return [f"^{oldest}"] if oldest else []


async def _changes(workspace: Workspace, repository: Repository, commits: Sequence[str], term: Term) -> list[Mention]:
    """Return the commits that changed how often the text stands in a file."""
    words = ("log", _FORM, f"-S{term.text}", f"--max-count={MOST}", "--patch", "--unified=0", "--no-color")
    plain = ("--no-renames", "--src-prefix=a/", "--dst-prefix=b/", "--encoding=UTF-8")
    output = await git(
        workspace, repository, *words, *plain, *commits, "--", cut=True, limit=PATCH_LIMIT, timeout_s=SECONDS
    )
    return [
        _mention(header, f"changed {term.text}", list(_touched(header, patch, term.text.encode())))
        for header, patch in _records(output)
    ]


async def _messages(
    workspace: Workspace, repository: Repository, commits: Sequence[str], texts: Sequence[str]
) -> list[Mention]:
    """Return the commits whose messages have most of the texts."""
    words = ("log", _FORM, "--fixed-strings", "--regexp-ignore-case", "--max-count=100", "--encoding=UTF-8")
    grep = [f"--grep={text}" for text in texts]
    output = await git(
        workspace, repository, *words, *grep, *commits, "--", cut=True, limit=PATCH_LIMIT, timeout_s=SECONDS
    )
    headers = [header for header, _ in _records(output)]
    said = [(sum(text.casefold() in header[3].casefold() for text in texts), header) for header in headers]
    best = sorted(said, key=lambda one: -one[0])[:MOST]
    return [_mention(header, "its message has the words") for _, header in best]


def _records(output: bytes) -> Iterator[tuple[list[str], bytes]]:
    """Split the log into commits: commit, parents, date and subject, and the patch behind them."""
    fields = output.split(b"\0")
    for at in range(1, len(fields) - 4, 5):
        if _COMMIT.fullmatch(fields[at]) is None:
            return  # a patch held the separator
        yield [field.decode(errors="replace") for field in fields[at : at + 4]], fields[at + 4]


def _mention(header: list[str], why: str, passages: Sequence[Passage] = ()) -> Mention:
    commit, _, date, subject = header
    shown = {"date": date[:10], "subject": subject[:LONGEST_SUBJECT], "why": why[:LONGEST_SUBJECT]}
    return Mention(commit=commit[:SHORT], **shown, passages=list(passages)[:4])


def _touched(header: list[str], patch: bytes, text: bytes) -> Iterator[Passage]:
    """Yield each changed line that has the text: an added one at the commit, a removed one at its parent."""
    commit, parents, *_ = header
    parent = parents.partition(" ")[0]
    old_path, new_path, old, new = "", "", 0, 0
    for line in patch.split(b"\n"):
        if (hunk := _HUNK.match(line)) is not None:
            old, new = int(hunk[1]), int(hunk[2])
        elif line.startswith((b"--- ", b"+++ ")) and not old + new:
            old_path, new_path = (_path(line), new_path) if line[:1] == b"-" else (old_path, _path(line))
        elif line.startswith(b"diff --git "):
            old_path, new_path, old, new = "", "", 0, 0
        elif line[:1] == b"+":
            if text in line and new_path:
                yield _line(new_path, commit, new, line, "added")
            new += 1
        elif line[:1] == b"-":
            if text in line and old_path and parent:
                yield _line(old_path, parent, old, line, f"removed by {commit[:SHORT]}")
            old += 1


def _line(path: str, commit: str, number: int, line: bytes, why: str) -> Passage:
    text = line[1:].decode(errors="replace")[:LONGEST_LINE].rstrip()
    return Passage(path=path, commit=commit[:SHORT], start=number, lines=[text], why=why)


def _path(line: bytes) -> str:
    """Return the path of a header line; nothing for one that git had to quote, and for none."""
    name = line[4:].rstrip(b"\t")
    return name[2:].decode(errors="replace") if name[:2] in (b"a/", b"b/") else ""
