"""Save: hold the whole work tree as a commit in its vault. Only what changed since the last time is read."""

import json
import os
import secrets
import shutil
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import time
from typing import BinaryIO

from anyio.to_thread import run_sync
from pydantic import BaseModel, ConfigDict

from tools.checkpoints.files import State, TooLarge, look
from tools.checkpoints.ignoring import consult
from tools.checkpoints.vault import NOTHING, REFS, Vault
from tools.errors import ToolError
from tools.giterrors import failure
from tools.paths import is_git_name
from tools.workspace import Repository, Workspace

MOST_FILES = 200_000
MOST_BYTES = 4 << 30
"""What a save reads at once; more is refused before anything is written."""
SPARE_BYTES = 64 << 20
MANY = 500
"""After so many changed paths the index is given their times, for it would read them again otherwise."""


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
    tracked = await consult(workspace, repository, vault)
    changed, left_out = _sorted_out(await _listed(vault))
    paths = list(dict.fromkeys((*changed, *tracked, *also)))
    await run_sync(_require_room, repository, vault, paths)
    with _stream(vault) as stream:
        states, too_large = await run_sync(_read, vault, paths, stream)
        return await _record(vault, label, states, stream, [*left_out, *too_large])


async def overlaid(vault: Vault, base: str, states: Mapping[str, State], contents: Iterable[bytes] = ()) -> str:
    """Return a commit that is `base` with other states of some paths; nothing is saved by that.

    What the vault does not have of them is in `contents`.
    """
    with _stream(vault) as stream:
        for content in contents:
            stream.writelines(_as_blob(content))
        return await _import(vault, "overlaid", states, base, stream, [])


async def record(vault: Vault, label: str, states: Mapping[str, State]) -> Tree:
    """Commit states that are known, with contents the vault has, on top of what was saved last."""
    with _stream(vault) as stream:
        return await _record(vault, label, states, stream, ())


@contextmanager
def _stream(vault: Vault) -> Generator[BinaryIO]:
    """Have a file for what git fast-import reads: contents first, then the commit that names them."""
    path = vault.home / f"stream.{secrets.token_hex(4)}"
    try:
        with path.open("w+b") as stream:
            yield stream
    finally:
        path.unlink(missing_ok=True)


async def _record(
    vault: Vault, label: str, states: Mapping[str, State], stream: BinaryIO, left_out: Iterable[str]
) -> Tree:
    current = vault.current()
    if not states and current["base"] is not None:
        return Tree(commit=current["base"], left_out=sorted(left_out))
    index = f"index.{secrets.token_hex(8)}"
    refused = await _update_index(vault, current["index"], index, states)
    told = sorted({*left_out, *refused})
    held = {path: state for path, state in states.items() if path not in refused}
    commit = await _import(vault, label, held, current["base"], stream, told)
    vault.keep(vault.pointer, {**vault.current(), "base": commit, "index": index})
    (vault.git_dir / current["index"]).unlink(missing_ok=True)
    return Tree(commit=commit, left_out=told)


async def _listed(vault: Vault) -> list[str]:
    """Return what differs from the last save, listed without starting a program; a folder is another repository."""
    words = ("ls-files", "-z", "-t", "-m", "-d", "-o", "--exclude-standard")
    found = await vault.git(*words, env={"GIT_INDEX_FILE": str(vault.git_dir / vault.current()["index"])})
    return [os.fsdecode(entry[2:]) for entry in found.split(b"\0")[:-1]]


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


def _read(vault: Vault, paths: Iterable[str], stream: BinaryIO) -> tuple[dict[str, State], list[str]]:
    """Write the contents to `stream` as blobs for git; return each path's state, and what is too large."""
    states: dict[str, State] = {}
    too_large: list[str] = []
    written = set[str]()
    for path in paths:
        try:
            held = look(vault.root, path)
        except TooLarge:
            too_large.append(path)
            continue
        states[path] = state = held.state if held else None
        if held and state and state[1] not in written:
            written.add(state[1])
            stream.writelines(_as_blob(held.data))
    return states, too_large


def _as_blob(content: bytes) -> tuple[bytes, ...]:
    return b"blob\ndata %d\n" % len(content), content, b"\n"


async def _update_index(vault: Vault, old: str, new: str, states: Mapping[str, State]) -> set[str]:
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
    if len(states) > MANY:
        await vault.run("update-index", "-q", "--refresh", env=env)
    if not ended.stderr:
        return set()
    taken = set((await vault.git("ls-files", "-z", env=env)).split(b"\0"))
    return {name for name, _ in there if os.fsencode(name) not in taken}


async def _import(
    vault: Vault, label: str, states: Mapping[str, State], base: str | None, stream: BinaryIO, left_out: list[str]
) -> str:
    """Write one commit with git fast-import: a pack instead of a file per object."""
    told = json.dumps({"label": label, "left_out": left_out}).encode()
    ref = f"{REFS}/{time():.6f}-{secrets.token_hex(4)}"
    commit = [f"commit {ref}\nmark :1\ncommitter factor12 <factor12@localhost> {int(time())} +0000\n".encode()]
    commit.append(b"data %d\n%s\n" % (len(told), told))
    if base:
        commit.append(f"from {base}\n".encode())
    commit += [b"D %s\n" % _quoted(path) for path, state in states.items() if not state]
    commit += [f"M {state[0]} {state[1]} ".encode() + _quoted(p) + b"\n" for p, state in states.items() if state]
    commit.append(b"get-mark :1\ndone\n")
    stream.writelines(commit)
    stream.seek(0)
    printed = await vault.git("fast-import", "--quiet", "--force", "--done", stdin=stream)
    return printed.split()[-1].decode()


def _quoted(path: str) -> bytes:
    name = os.fsencode(path)
    plain = b"".join(b"\\%03o" % char if char < 32 or char > 126 or char in b'"\\' else bytes([char]) for char in name)
    return b'"%s"' % plain
