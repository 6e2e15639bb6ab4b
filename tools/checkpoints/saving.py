"""Save: hold the whole work tree as a commit in its vault. Only what changed since the last time is read."""

import json
import os
import secrets
import shutil
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from time import time
from typing import Any

from anyio.to_thread import run_sync
from pydantic import BaseModel, ConfigDict

from tools.checkpoints.contents import Contents
from tools.checkpoints.files import State, TooLarge
from tools.checkpoints.ignoring import consult
from tools.checkpoints.stream import Stream, open_stream
from tools.checkpoints.together import together
from tools.checkpoints.vault import FRESH_S, NOTHING, Vault, writing
from tools.errors import ToolError
from tools.giterrors import failure, printable
from tools.paths import is_git_name
from tools.workspace import Repository, Workspace

MOST_FILES = 200_000
MOST_BYTES = 4 << 30
"""What a save reads at once; more is refused before anything is written."""
SPARE_BYTES = 64 << 20
LITTLE = 256 << 10
"""Bytes of a save that are kept as they are: to compress them would take longer than all the rest."""
MANY, MUCH = 500, 8 << 20
"""After so many changed paths or bytes the index is given their times, for it would read them again otherwise."""


class Tree(BaseModel):
    """One saved work tree."""

    model_config = ConfigDict(frozen=True)

    commit: str
    left_out: list[str] = []
    """What is not held: repositories inside this one, names that are git's own, files over 100 MB."""


async def save(
    workspace: Workspace, repository: Repository, vault: Vault, label: str, also: Iterable[str] = ()
) -> Tree:
    """Hold the work tree as it is now, and the paths in `also` even if they are ignored. The vault must be open.

    Raises:
        ToolError: `limit` (too much to hold), `refused` (a file may not be read), `busy` (a file keeps changing).
    """
    _require_project(repository)
    with writing(vault):
        tracked = await consult(workspace, repository, vault)
        changed, left_out = _sorted_out(await _listed(vault))
        paths = list(dict.fromkeys((*changed, *tracked, *also)))
        await run_sync(_require_room, repository, vault, paths)
        with open_stream(vault) as stream:
            states, too_large = await run_sync(_read, vault, paths, stream)
            return await _record(vault, label, states, stream, [*left_out, *too_large])


async def overlaid(vault: Vault, base: str, states: Mapping[str, State], contents: Contents | None = None) -> str:
    """Return a commit that is `base` with other states of some paths; nothing is saved by that.

    What the vault does not have of them is in `contents`.
    """
    with open_stream(vault) as stream:
        if contents:
            await run_sync(stream.add, contents)
        stream.commit(b"overlaid", f"from {base}\n".encode(), states)
        return (await _import(vault, stream))[0]


async def record(vault: Vault, label: str, states: Mapping[str, State]) -> Tree:
    """Commit states that are known, with contents the vault has, on top of what was saved last."""
    with open_stream(vault) as stream:
        return await _record(vault, label, states, stream, ())


async def _record(
    vault: Vault, label: str, states: Mapping[str, State], stream: Stream, left_out: Iterable[str]
) -> Tree:
    """Commit the states and give the index their times, side by side.

    No commit has a parent, so that old ones can be dropped: each begins with the tree of the last.
    """
    current, told = vault.current(), sorted(map(printable, left_out))
    if not states and current["base"] is not None and not current.get("another"):
        return Tree(commit=current["base"], left_out=told)
    index = f"index.{secrets.token_hex(8)}"
    facts = {"label": label, "left_out": told, "signs": current.get("signs", [])}
    onto = f'M 040000 {current["tree"]} ""\n'.encode() if current["tree"] else b""
    big = len(states) > MANY or stream.file.tell() > MUCH
    start, refused, made = stream.file.tell(), set[str](), list[tuple[str, str]]()

    async def commit() -> None:
        stream.commit(json.dumps(facts).encode(), onto, states)
        made.append(await _import(vault, stream))

    async def give_times() -> None:
        refused.update(await _update_index(vault, current["index"], index, states, refresh=big))

    await together(commit, give_times)
    if refused:
        states = {path: state for path, state in states.items() if path not in refused}
        told = sorted({*told, *map(printable, refused)})
        facts["left_out"] = told
        stream.file.seek(start)
        stream.file.truncate()
        await commit()
    commit_id, tree = made[-1]
    changed = {"base": commit_id, "tree": tree, "index": index, "former": _former(current, time()), "another": False}
    vault.keep(vault.pointer, {**current, **changed})
    (vault.git_dir / current["index"]).unlink(missing_ok=True)
    return Tree(commit=commit_id, left_out=told)


def _former(current: Mapping[str, Any], now: float) -> list[list[Any]]:
    """Return what was saved last until lately, and until when: a change may be under way that began with it."""
    former = [entry for entry in current.get("former", []) if entry[1] > now - FRESH_S]
    return [*former, [current["base"], now]] if current["base"] else former


async def _listed(vault: Vault) -> list[str]:
    """Return what differs from the last save, listed without starting a program; a folder is another repository."""
    env = {"GIT_INDEX_FILE": str(vault.git_dir / vault.current()["index"])}
    found = dict[str, bytes]()

    async def ask(*words: str) -> None:
        found[words[0]] = await vault.git("ls-files", "-z", *words, env=env)

    others = partial(ask, "--others", "--exclude-standard")
    await together(others, partial(ask, "--modified", "--deleted"))
    return [os.fsdecode(path) for listed in found.values() for path in listed.split(b"\0")[:-1]]


def _sorted_out(listed: Iterable[str]) -> tuple[list[str], list[str]]:
    paths, left_out = list[str](), list[str]()
    for path in dict.fromkeys(listed):
        own = path.endswith("/") or any(map(is_git_name, path.split("/")))
        (left_out if own else paths).append(path)
    return paths, left_out


def _require_project(repository: Repository) -> None:
    home = Path.home().resolve()
    if home.is_relative_to(repository.root):
        message = f"{str(repository.root)!r} holds a whole home folder."
        raise ToolError("refused", message, "Make a repository of the project's own folder.")


def _require_room(repository: Repository, vault: Vault, paths: Iterable[str]) -> None:
    count = size = 0
    for path in paths:
        count += 1
        try:
            size += os.lstat(repository.root / path).st_size
        except OSError:
            continue
    if count > MOST_FILES or size > MOST_BYTES:
        message = f"A checkpoint of {repository.name!r} would have to read {count} files, {size >> 20} MB."
        raise ToolError("limit", message, "Let git ignore what is made and not written: .gitignore.")
    free = shutil.disk_usage(vault.home).free
    if size * 2 + SPARE_BYTES > free:
        message = f"A checkpoint of {repository.name!r} takes up to {size * 2 >> 20} MB, and {free >> 20} MB are free."
        raise ToolError("limit", message, "Make room on the disk, or: factor12 gc")


def _read(vault: Vault, paths: Iterable[str], stream: Stream) -> tuple[dict[str, State], list[str]]:
    """Read the contents into the stream; return each path's state, and what is too large."""
    states: dict[str, State] = {}
    too_large: list[str] = []
    for path in paths:
        try:
            states[path] = stream.hold(vault.root, path)
        except TooLarge:
            too_large.append(path)
    return states, too_large


async def _update_index(vault: Vault, old: str, new: str, states: Mapping[str, State], *, refresh: bool) -> set[str]:
    """Make the new index from the old one; return the paths it refuses, with no more than a word on stderr."""
    path = vault.git_dir / new
    if (vault.git_dir / old).exists():
        await run_sync(shutil.copyfile, vault.git_dir / old, path)
    env = {"GIT_INDEX_FILE": str(path)}
    gone = b"".join(
        f"0 {NOTHING}\t".encode() + os.fsencode(name) + b"\0" for name, state in states.items() if not state
    )
    there = [(name, state) for name, state in states.items() if state]
    lines = b"".join(f"{state[0]} {state[1]}\t".encode() + os.fsencode(name) + b"\0" for name, state in there)
    ended = await vault.run("update-index", "-z", "--add", "--replace", "--index-info", stdin=gone + lines, env=env)
    if ended.returncode:
        raise failure("update-index", f"the checkpoints of {vault.root.name}", ended.stderr)
    if refresh:
        await vault.run("update-index", "-q", "--refresh", env=env)
    if not ended.stderr:
        return set()
    taken = set((await vault.git("ls-files", "-z", env=env)).split(b"\0"))
    return {name for name, _ in there if os.fsencode(name) not in taken}


async def _import(vault: Vault, stream: Stream) -> tuple[str, str]:
    """Let git read the stream; return the commit and its tree, empty if that is empty."""
    stream.file.write(b"done\n")
    little = stream.file.tell() < LITTLE
    stream.file.seek(0)
    # large contents pass through as they are; elsewhere this would make git compress to compare
    settings = {"core.bigFileThreshold": "512k", "core.compression": "0" if little else "1"}
    env = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings.items()):
        env |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    words = ("fast-import", "--depth=0", "--quiet", "--force", "--done")
    printed = await vault.git(*words, stdin=stream.file, env=env)
    commit, listed = printed.decode().splitlines()
    return commit, listed.split()[2] if listed.startswith("040000 ") else ""
