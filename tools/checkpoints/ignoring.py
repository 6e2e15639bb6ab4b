"""What the person told git to ignore, and what they track all the same: the one thing the repository is asked for."""

import os
from pathlib import Path
from typing import Any

from tools.checkpoints.vault import Vault
from tools.gitdir import GitDir, locate
from tools.gitopen import prepare
from tools.gitrun import git
from tools.workspace import Repository, Workspace

_LIMIT = 1 << 20


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
    vault.keep(vault.pointer, {**current, "consulted": _seen(workspace, place, rules)})
    return [os.fsdecode(path) for path in listed.split(b"\0")[:-1]]


def _seen(workspace: Workspace, place: GitDir, rules: str) -> dict[str, Any]:
    environment = workspace.environment
    home = environment.get("HOME", "")
    personal = [environment.get("GIT_CONFIG_GLOBAL", ""), f"{home}/.gitconfig", rules]
    personal.append(f"{environment.get('XDG_CONFIG_HOME') or f'{home}/.config'}/git/config")
    own = [place.common / "config", place.path / "config.worktree", place.common / "info/exclude", place.path / "index"]
    files = [str(file) for file in (*own, *personal) if str(file)]
    return {"rules": rules, "files": {file: _version(file) for file in files}}


def _version(file: str) -> list[int]:
    try:
        state = Path(file).stat()
    except OSError:
        return []
    return [state.st_ino, state.st_size, state.st_mtime_ns]


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(_LIMIT)
    except OSError:
        return b""
