"""Hold a change against what earlier reviews of the same repository found, and say what is left to look at."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import anyio.lowlevel
from pydantic import BaseModel, Field

from state.earlier import Earlier
from state.events import Launched
from state.problem import ProblemError
from state.thread import Thread
from tools.base import tool
from tools.errors import ToolError
from tools.findings import Finding as Lint
from tools.gitdir import locate
from tools.gitrun import git
from tools.reviewing.change import Snapshot, file_texts, opened
from tools.reviewing.findings import Finding, Place, found_at, merged
from tools.reviewing.memory import Memory, dismissal, remembered
from tools.reviewing.parts import Part
from tools.reviewing.signs import signs
from tools.reviewing.standing import Now
from tools.workspace import Repository, Workspace

__all__ = ["Recalled", "recall_reviews"]

MOST_RUNS = 40
"""Earlier reviews that are remembered, the latest."""
PACK_BYTES = 11_000
"""Of what a model is shown at once."""
MOST_PACKS = 8
"""Looks of a model in one review: the next review goes on where this one stops."""
TOLD_BYTES = 9_000
"""Of findings in the result."""
MOST_MARKS = 150
_COMMIT = re.compile(r"[0-9a-f]{40,64}")


class Recalled(BaseModel):
    """What is known of a change before a model looks at it."""

    runs: int = 0
    """Earlier reviews of this repository."""
    findings: list[Finding] = []
    """Those of rules, and the known ones that stand in the change or were fixed by it; cut."""
    omitted: int = 0
    """How many more there are."""
    still: list[str] = []
    """Fingerprints that were told before."""
    dismissed: dict[str, str] = {}
    """Fingerprint → why."""
    packs: list[list[int]] = []
    """Parts to look at, by number, as many together as a model is shown at once."""
    parts: int = 0
    reused: int = 0
    """Parts that an earlier review looked at as they are."""
    beyond: int = 0
    """Parts for which there was no room."""
    beyond_files: list[str] = []
    """Where the first of them are."""


@tool("read", carries="diff", timeout=120)
async def recall_reviews(
    workspace: Workspace,
    snapshot: str,
    lint: Annotated[tuple[Lint, ...], Field(max_length=100)] = (),
    linted: bool = False,
    dismiss: Sequence[str] = (),
    reopen: Sequence[str] = (),
    repo: str = "",
) -> Recalled:
    """Say what of a change was reviewed before, what of the findings stands, is fixed or was dismissed, what is left.

    `lint` is what the linter said, `linted` whether that is all. Only reviews of this repository for the same principal
    are remembered: all its work trees, and also after it was moved.
    """
    change, repository = opened(workspace, snapshot), workspace.repository(repo)
    memory = remembered(await _earlier(workspace, repository))
    certain, _ = merged([*signs(change.parts), *_placed(change.parts, lint)])
    _apply(memory, dismiss, reopen)
    known = {one.finding.file for one in memory.known.values()}
    paths = sorted({*(part.file for part in change.parts), *(change.renamed.get(file, file) for file in known)})
    texts = await file_texts(workspace, repository, change.kind, change.head, paths)
    now = Now(change, texts, certain, linted=linted)
    settled = [found for one in memory.known.values() if (found := now.became(one)) is not None]
    certain = [_with_state(one, memory) for one in certain]
    return _fit(change, memory, [*certain, *settled])


def _apply(memory: Memory, dismiss: Sequence[str], reopen: Sequence[str]) -> None:
    """Do what the person asks for."""
    wishes: list[tuple[str, str | None]] = [dismissal(text) for text in dismiss]
    wishes += [(dismissal(text)[0], None) for text in reopen]
    for mark, reason in wishes:
        if not memory.dismiss(mark, reason):
            raise ToolError(
                "not_found",
                f"No earlier review of this repository has a finding {mark!r}.",
                "Review first, then dismiss by the fingerprint that a finding shows.",
            )


def _with_state(finding: Finding, memory: Memory) -> Finding:
    if (known := memory.known.get(finding.fingerprint)) is None or (known.gone and known.dismissed is None):
        return finding
    if known.dismissed is not None:
        return finding.model_copy(update={"state": "dismissed", "reason": known.dismissed})
    return finding.model_copy(update={"state": "still"})


def _placed(parts: Sequence[Part], lint: Sequence[Lint]) -> Iterable[Finding]:
    """Yield what a linter says of lines that the change adds."""
    added = {(part.file, line.new): Place(part, line) for part in parts for line in part.numbered() if line.mark == "+"}
    for one in lint:
        if (place := added.get((one.file, one.line))) is not None:
            told = f"{one.code}: {one.message}" if one.code else one.message
            yield found_at(place, "minor", "lint", told, rule=one.code or "lint")


def _fit(change: Snapshot, memory: Memory, findings: Sequence[Finding]) -> Recalled:
    """Return as much as a log line holds: the gravest of what stands first."""
    listed, _ = merged(findings)
    order = {"new": 0, "still": 1, "fixed": 2, "dismissed": 3}
    listed.sort(key=lambda one: order[one.state])
    told: list[Finding] = []
    size = 0
    for one in listed:
        size += len(one.model_dump_json())
        if size > TOLD_BYTES:
            break
        told.append(one)
    left = [number for number, part in enumerate(change.parts) if part.digest not in memory.reviewed]
    packs = _packed(change.parts, left)
    beyond = [number for pack in packs[MOST_PACKS:] for number in pack]
    files = dict.fromkeys(change.parts[number].file for number in beyond)
    return Recalled(
        runs=memory.runs,
        findings=told,
        omitted=len(listed) - len(told),
        still=[one.fingerprint for one in listed if one.state == "still"][:MOST_MARKS],
        dismissed={one.fingerprint: one.reason[:40] for one in listed if one.state == "dismissed"},
        packs=packs[:MOST_PACKS],
        parts=len(change.parts),
        reused=len(change.parts) - len(left),
        beyond=len(beyond),
        beyond_files=[file[:120] for file in files][:10],
    )


def _packed(parts: Sequence[Part], numbers: Sequence[int]) -> list[list[int]]:
    packs: list[list[int]] = []
    room = 0
    for number in numbers:
        size = len(parts[number].model_dump_json().encode("utf-8", "replace"))
        if size > room:
            packs.append([])
            room = PACK_BYTES
        packs[-1].append(number)
        room -= size
    return packs


async def _earlier(workspace: Workspace, repository: Repository) -> list[Thread]:
    """Return the earlier reviews of this repository that can be read."""
    if (earlier := workspace.earlier) is None:
        return []
    found: list[Thread] = []
    for public in await _of_here(workspace, repository, earlier):
        await anyio.lowlevel.checkpoint()
        try:
            found.append(earlier.thread(public))
        except ProblemError:  # it is damaged, or was forgotten meanwhile: the others are remembered all the same
            continue
        if len(found) >= MOST_RUNS:
            break
    return found


async def _of_here(workspace: Workspace, repository: Repository, earlier: Earlier) -> list[str]:
    """Return the threads whose repository shares this one's git folder, or had one that is gone and was this one's."""
    common = str(locate(repository.root, trusted=repository.trusted).common)
    places = [(public, _place(launched), launched) for public, launched in earlier.launches()]
    gone = {public: launched.workspace[0].head or "" for public, place, launched in places if _is_gone(place)}
    heads = sorted({head for head in gone.values() if _COMMIT.fullmatch(head)})
    here = await _commits_here(workspace, repository, heads)
    return [public for public, place, _ in places if place == common or gone.get(public) in here]


def _place(launched: Launched) -> str:
    """Return the git folder that the thread's repository had, empty if nothing tells."""
    if not launched.workspace:
        return ""
    ref = launched.workspace[0]
    if not ref.source:
        return ref.key.rpartition(":")[0]
    try:
        return str(locate(Path(ref.source)).common)
    except ToolError:
        return ""


def _is_gone(place: str) -> bool:
    return bool(place) and not Path(place).exists()


async def _commits_here(workspace: Workspace, repository: Repository, commits: Sequence[str]) -> set[str]:
    if not commits:
        return set()
    asked = "".join(f"{commit}\n" for commit in commits).encode()
    lines = (await git(workspace, repository, "cat-file", "--batch-check", stdin=asked)).decode().splitlines()
    return {line.split(" ", 1)[0] for line in lines if " commit " in line}
