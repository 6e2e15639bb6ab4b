"""What the repository itself is asked: what the person told git to ignore, and track all the same; and which it is."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tools.checkpoints.vault import Vault
from tools.gitdir import GitDir, locate
from tools.gitopen import prepare
from tools.gitrun import git
from tools.workspace import Repository, Workspace

_LIMIT = 1 << 20
_BACK = 50
"""How many commits back a sign of a repository is looked for."""


async def consult(workspace: Workspace, repository: Repository, vault: Vault) -> list[str]:
    """Copy the person's rules into the vault; return the paths that are tracked although a rule ignores them.

    Asking costs as much as saving, so it is done again only when one of the files that decide has changed; nothing is
    returned in between, for what was held once is compared from then on.

    Raises:
        ToolError: The repository is not one that may be opened.
    """
    current, place = vault.current(), locate(repository.root, trusted=repository.trusted)
    before: dict[str, Any] = current.get("consulted", {})
    if before and before == _seen(workspace, place, before["rules"]):
        return []
    rules = (await prepare(workspace, repository)).excludes
    parts = [_content(Path(rules)) if rules else b"", _content(place.common / "info" / "exclude")]
    (vault.git_dir / "info" / "exclude").write_bytes(b"\n".join(parts))
    listed = await git(workspace, repository, "ls-files", "-z", "-c", "-i", "--exclude-standard")
    signs = await _signs(workspace, repository, place)
    another = bool(before) and not await is_same(workspace, repository, signs, current["signs"])
    consulted = {"consulted": _seen(workspace, place, rules), "signs": signs}
    vault.keep(vault.pointer, {**current, **consulted, "another": another or current.get("another", False)})
    return [os.fsdecode(path) for path in listed.split(b"\0")[:-1]]


async def is_same(workspace: Workspace, repository: Repository, now: Iterable[str], then: Iterable[str]) -> bool:
    """Tell by its signs of now and then whether a repository is still the one that stood at its place then.

    It is if it has a commit of then, wherever its branches are by now: a copy made anew is the same. Where there was
    no commit, it is if the folder of git is the same one.
    """
    known = set(then)
    if known & set(now):
        return True
    commits = [sign for sign in known if not sign.startswith("folder ")]
    if not commits:
        return False
    asked = "".join(f"{commit}\n" for commit in commits).encode()
    printed = await git(workspace, repository, "cat-file", "--batch-check", stdin=asked)
    return any(line.split()[1:2] == [b"commit"] for line in printed.splitlines())


async def _signs(workspace: Workspace, repository: Repository, place: GitDir) -> list[str]:
    """Return what tells the repository from another one: its newest commit and an older one, or its folder of git.

    The older one outlasts an amended or rebased newest.
    """
    words = ("rev-list", f"--max-count={_BACK}", "HEAD", "--")
    commits = (await git(workspace, repository, *words, ok=(0, 128))).decode().split()
    state = place.common.stat()
    return sorted({commits[0], commits[-1]}) if commits else [f"folder {state.st_dev} {state.st_ino}"]


def _seen(workspace: Workspace, place: GitDir, rules: str) -> dict[str, Any]:
    environment = workspace.environment
    home = environment.get("HOME", "")
    personal = [environment.get("GIT_CONFIG_GLOBAL", ""), f"{home}/.gitconfig", rules]
    personal.append(f"{environment.get('XDG_CONFIG_HOME') or f'{home}/.config'}/git/config")
    names = ("config.worktree", "index", "HEAD")
    own = [place.common / "config", place.common / "info/exclude", *(place.path / name for name in names)]
    files = [str(file) for file in (*own, *personal) if str(file)]
    return {"rules": rules, "files": {file: _version(file) for file in files}}


def _version(file: str) -> list[int]:
    try:
        state = Path(file).stat()
    except OSError:
        return []
    return [state.st_ino, state.st_size, state.st_mtime_ns]


def _content(file: Path) -> bytes:
    """Return the beginning of a regular file; nothing for any other, which might keep its reader waiting."""
    try:
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC), "rb") as opened:
            return opened.read(_LIMIT) if stat.S_ISREG(os.fstat(opened.fileno()).st_mode) else b""
    except OSError:
        return b""
