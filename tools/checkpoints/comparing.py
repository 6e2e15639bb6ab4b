"""What differs between saved trees, and which of it a restore may touch: three-way, path by path."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from anyio.to_thread import run_sync

from tools.checkpoints.files import State
from tools.checkpoints.vault import Vault, commit_id
from tools.errors import ToolError
from tools.giterrors import printable
from tools.paths import is_git_name

Change: TypeAlias = tuple[State, State]
"""Before and after."""
ABSENT = "000000"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a restore does, in the order of the paths."""

    changes: dict[str, Change] = field(default_factory=dict[str, Change])
    kept: list[str] = field(default_factory=list[str])
    """Changed since by somebody else, or ignored in the tree that is restored: stays as it is."""
    clashes: list[str] = field(default_factory=list[str])
    """Changed since by somebody else, and different in the tree that is restored."""
    over: dict[str, Change] = field(default_factory=dict[str, Change])
    """What a restore does besides when a person lets it write over the clashes."""

    def overwriting(self) -> "Plan":
        """Return the plan without clashes: what is theirs goes where it clashes, and what lies in the way of that."""
        return Plan(self.changes | self.over, [path for path in self.kept if path not in self.over])


async def changes(vault: Vault, before: str, after: str) -> dict[str, Change]:
    """Return path -> states for what differs between two commits.

    Raises:
        ToolError: `refused`; one of them holds a path that none may have.
    """
    words = ("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", commit_id(before), commit_id(after))
    parts = (await vault.git(*words)).split(b"\0")
    found: dict[str, Change] = {}
    for line, path in zip(parts[0:-1:2], parts[1::2], strict=True):
        old_mode, new_mode, old, new, _ = line[1:].decode().split(" ")
        found[checked(os.fsdecode(path))] = _state(old_mode, old), _state(new_mode, new)
    return found


def checked(path: str) -> str:
    """Return a path that a save may have written down (SECURITY row 27).

    Raises:
        ToolError: `refused`; it leads out of the work tree or into git's own folder.
    """
    if any(part in ("", ".", "..") or is_git_name(part) for part in path.split("/")):
        message = f"The checkpoint holds the path {printable(path)!r}, which no checkpoint does."
        raise ToolError("refused", message, "Somebody changed the vault: nothing of it is used.")
    return path


async def plan(vault: Vault, wanted: str, differing: Mapping[str, Change], theirs: Mapping[str, Change]) -> Plan:
    """Decide what brings the work tree to the commit `wanted`, from which it differs so.

    `theirs` is what somebody else did since the last state that the thread itself knows. If they only changed what the
    restore leaves alone, it is kept; otherwise it clashes.
    """
    folders = {folder for path, (_, state) in theirs.items() if state for folder in _above(path)}
    made = {path for path, (_, state) in theirs.items() if state}
    planned = Plan()
    for path, (old, new) in sorted(differing.items()):
        if path in theirs:
            (planned.kept if theirs[path][0] == new else planned.clashes).append(path)
        elif new and (path in folders or any(folder in made for folder in _above(path))):
            planned.clashes.append(path)
        else:
            planned.changes[path] = old, new
    placed = {path for path in planned.clashes if differing[path][1]}
    above = {folder for path in placed for folder in _above(path)}
    in_the_way = [path for path in planned.kept if path in above or not placed.isdisjoint(_above(path))]
    planned.over.update((path, differing[path]) for path in (*planned.clashes, *in_the_way))
    for part in (planned.changes, planned.over):
        for path in await _ignored(vault, wanted, [path for path, (_, new) in part.items() if new is None]):
            del part[path]
            if part is planned.changes:
                planned.kept.append(path)
    return planned


async def after(vault: Vault, before: str, later: str) -> Mapping[str, State]:
    """Return what became of the paths that differ between two commits."""
    return {path: new for path, (_, new) in (await changes(vault, before, later)).items()}


async def _ignored(vault: Vault, commit: str, paths: list[str]) -> Iterable[str]:
    """Return those of the paths that the tree's own rules ignored: not held by it, and so not its to delete."""
    if not paths:
        return []
    rules = await _rules(vault, commit)
    with TemporaryDirectory(dir=vault.home) as folder:
        await run_sync(_lay_out, Path(folder), rules)
        asked = b"".join(b"./" + os.fsencode(path) + b"\0" for path in paths)
        words = ("check-ignore", "--no-index", "-z", "--stdin")
        env = {"GIT_WORK_TREE": folder, "GIT_LITERAL_PATHSPECS": "0"}
        found = await vault.git("-C", folder, *words, stdin=asked, env=env, ok=(0, 1))
    return [os.fsdecode(path[2:]) for path in found.split(b"\0")[:-1]]


async def _rules(vault: Vault, commit: str) -> dict[str, bytes]:
    """Return path -> content of the tree's `.gitignore` files."""
    found: dict[str, bytes] = {}
    for entry in (await vault.git("ls-tree", "-r", "-z", commit)).split(b"\0")[:-1]:
        facts, _, path = entry.partition(b"\t")
        if path.rpartition(b"/")[2] == b".gitignore" and facts.startswith(b"100"):
            found[os.fsdecode(path)] = await vault.git("cat-file", "blob", facts.split()[2].decode())
    return found


def _lay_out(folder: Path, contents: Mapping[str, bytes]) -> None:
    for path, content in contents.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def _state(mode: str, blob: str) -> State:
    return None if mode == ABSENT else (mode, blob)


def _above(path: str) -> list[str]:
    return [path[:place] for place, char in enumerate(path) if char == "/"]
