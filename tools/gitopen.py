"""Decide how git is started in a repository that somebody else may have prepared.

The recipe: an environment made from nothing; no configuration but the repository's own and a few settings of the
person; those of its keys that name programs switched off, those that nobody knows refused; no hooks, no network, no
lazy fetches, no locks taken for reading.
"""

import os
import shutil
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tools import gitchild
from tools.errors import ToolError
from tools.gitdir import GitDir, locate
from tools.giterrors import failure, printable
from tools.gitkeys import overrides, refused
from tools.workspace import Repository, Workspace

CONFIG_LIMIT = 1 << 20
CONFIG_TIMEOUT_S = 10.0
NOBODY = {"user.name": "factor12", "user.email": "factor12@localhost"}
"""Who commits where the person has told git no name."""
PERSONAL = r"^(user\.(name|email)|core\.(autocrlf|eol|excludesfile))$"
"""What is taken from the person's own configuration, as git itself merges it with the repository's."""
PERSONAL_FILES = ("HOME", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL")
INHERITED = ("TMPDIR", "TZ")
ENVIRONMENT = {
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_ALLOW_PROTOCOL": "",  # unlike protocol.allow, no key of the repository is more specific
    "GIT_PAGER": "cat",
    "GIT_EDITOR": "false",
    "GIT_ASKPASS": "false",
    "GIT_SSH_COMMAND": "false",
}
SETTINGS = {
    "core.fsmonitor": "false",
    "core.alternateRefsCommand": "true",
    "core.askPass": "",
    "core.editor": "false",
    "core.gitProxy": "",
    "core.fsync": "committed,reference",
    "core.pager": "cat",
    "core.splitIndex": "false",
    "core.sshCommand": "false",
    "core.quotePath": "false",
    "credential.helper": "",
    "i18n.commitEncoding": "UTF-8",
    "commit.gpgSign": "false",
    "tag.gpgSign": "false",
    "log.showSignature": "false",
    "gpg.program": "false",
    "protocol.allow": "never",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "safe.bareRepository": "explicit",
    "submodule.recurse": "false",
    "status.submoduleSummary": "false",
    "diff.external": "true",
    "diff.mnemonicPrefix": "false",
    "diff.noprefix": "false",
    "diff.submodule": "short",
}


@dataclass(frozen=True, slots=True)
class Invocation:
    """How git is started: what comes before the subcommand, and the whole environment."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    git_dir: Path
    excludes: str = ""
    """The person's own file of what to ignore everywhere."""


async def prepare(workspace: Workspace, repository: Repository) -> Invocation:
    """Return how to start git there so that no program it names runs.

    Naming the git directory also means that git does not ask who owns it: the person has registered it.

    Raises:
        ToolError: git is not installed, or the repository is not one that may be opened.
    """
    place = locate(repository.root, trusted=repository.trusted)
    env = _environment(workspace, repository)
    bare = Invocation(
        (
            *(program(env["PATH"]), "--git-dir", str(place.path), "--work-tree", str(repository.root)),
            *("--no-pager", "--literal-pathspecs", "--no-optional-locks"),
        ),
        env,
        place.path,
    )
    programs = overrides(await _keys(workspace, repository, place, bare))
    personal = await _personal(workspace, repository, bare)
    own = [place.common / "info" / name for name in ("exclude", "attributes")]
    own += [repository.root / name for name in (".gitignore", ".gitattributes")]
    _refuse_pipes(*own, Path(personal.get("core.excludesfile", "")))
    no_hooks = {"core.hooksPath": str(workspace.scratch / "no-hooks")}
    settings = {**programs, **SETTINGS, **no_hooks, **NOBODY, **personal}
    pairs = (word for key, value in settings.items() for word in ("-c", f"{key}={value}"))
    return Invocation((*bare.argv, *pairs), env, place.path, personal.get("core.excludesfile", ""))


def path_outside(workspace: Workspace, *roots: Path) -> str:
    """Return the PATH without the folders from which a repository could bring a program."""
    inside = [*roots, *(root for each in workspace.repositories.values() for root in (each.root, each.source) if root)]
    folders = map(Path, workspace.environment.get("PATH", os.defpath).split(os.pathsep))
    outside = (path for path in folders if path.is_absolute() and not _in(Path(os.path.realpath(path)), inside))
    return os.pathsep.join(map(str, outside))


def _in(folder: Path, roots: Iterable[Path]) -> bool:
    return any(folder.is_relative_to(root) for root in roots)


def program(path: str) -> str:
    """Return where git is.

    Raises:
        ToolError: It is not on the path.
    """
    if (found := shutil.which("git", path=path)) is None:
        raise ToolError("not_found", "git is not on the PATH.", "Install git 2.39 or newer.")
    return found


def _environment(workspace: Workspace, repository: Repository) -> dict[str, str]:
    """Make the environment, in which no program is looked up inside the repository.

    An empty file of ours stands for the person's configuration: never the null device, which `git config --global`
    would replace when run as root.
    """
    empty = workspace.scratch / "gitconfig"
    os.close(os.open(empty, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    return {
        **{name: value for name in INHERITED if (value := workspace.environment.get(name))},
        **ENVIRONMENT,
        "PATH": path_outside(workspace, *filter(None, (repository.root, repository.source))),
        "HOME": str(workspace.scratch),
        "GIT_CONFIG_GLOBAL": str(empty),
        "GIT_GRAFT_FILE": str(empty),
    }


async def _keys(workspace: Workspace, repository: Repository, place: GitDir, bare: Invocation) -> list[str]:
    """Return the names of all keys in the repository's configuration; what it includes, only if it is trusted.

    Raises:
        ToolError: One of them may not be there.
    """
    names: list[str] = []
    for file in (place.common / "config", place.path / "config.worktree"):
        if _is_regular(file):
            words = ("--file", str(file), "--no-includes", "--name-only", "--list")
            names += await _config(workspace, repository, replace(bare, argv=bare.argv[:1]), *words)
    if repository.trusted:
        names += await _config(workspace, repository, bare, "--includes", "--name-only", "--list")
    bad = [name for name in names if "=" in name]  # `-c` would take it for another key
    if bad := bad or ([] if repository.trusted else refused(names)):
        message = f"The git configuration of {repository.name!r} has keys that may start programs: {', '.join(bad)}."
        raise ToolError("refused", printable(message), "Remove them, or if you trust it: factor12 repo trust PATH")
    return names


def _is_regular(file: Path) -> bool:
    try:
        mode = file.stat().st_mode
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(mode):
        raise ToolError("refused", f"{str(file)!r} is not a file.", "Repair the repository.")
    return True


def _refuse_pipes(*files: Path) -> None:
    """Refuse a repository whose rules would keep git waiting for a writer."""
    for file in files:
        if file.is_fifo():
            raise ToolError("refused", f"{str(file)!r} is a pipe, not a file.", "Remove it, and look where it is from.")


async def _personal(workspace: Workspace, repository: Repository, bare: Invocation) -> dict[str, str]:
    """Return the few settings that make git behave as the person is used to, effective for this repository."""
    own = {name: value for name in PERSONAL_FILES if (value := workspace.environment.get(name))}
    env = {name: value for name, value in bare.env.items() if not own or name != "GIT_CONFIG_GLOBAL"}
    reader = replace(bare, env={**env, **own})
    entries = await _config(workspace, repository, reader, "--includes", "--get-regexp", PERSONAL)
    found = {key: value if given else "true" for key, given, value in (entry.partition("\n") for entry in entries)}
    if home := own.get("HOME"):
        folder = own.get("XDG_CONFIG_HOME") or f"{home}/.config"
        ignored = found.get("core.excludesfile") or f"{folder}/git/ignore"
        found["core.excludesfile"] = home + ignored[1:] if ignored.startswith("~/") else ignored
    return found


async def _config(workspace: Workspace, repository: Repository, how: Invocation, *words: str) -> list[str]:
    ended = await gitchild.run(
        [*how.argv, "config", "-z", *words],
        cwd=repository.root,
        env=how.env,
        scratch=workspace.scratch,
        stdin=None,
        limit=CONFIG_LIMIT,
        timeout_s=CONFIG_TIMEOUT_S,
    )
    if ended.timed_out or ended.cut:
        raise ToolError("limit", f"The git configuration of {repository.name!r} takes no end.", "Repair it.")
    if ended.returncode not in (0, 1):  # 1: no such key
        raise failure("config", repository.name, ended.stderr)
    return ended.stdout.decode(errors="surrogateescape").split("\0")[:-1]
