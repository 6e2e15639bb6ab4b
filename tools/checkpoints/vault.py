"""The private store of one work tree's checkpoints: a bare git directory of our own, and an index that stays fast.

`GIT_DIR` is ours and `GIT_WORK_TREE` is theirs, so git reads none of the repository's configuration, hooks or objects.
Refs in the repository itself would leak by `push --mirror`, and objects borrowed from it can be poisoned or collected.
"""

import json
import os
import re
import shutil
from collections.abc import AsyncGenerator, Container, Generator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from anyio.to_thread import run_sync

from tools import gitchild
from tools.errors import ToolError
from tools.giterrors import failure, printable
from tools.gitopen import path_outside, program
from tools.locks import alone
from tools.workspace import Repository, Workspace

REFS = "refs/factor12"
COMMIT = re.compile("[0-9a-f]{64}")
MIB = 1 << 20
FRESH_S = 3600.0
"""How old what no log names must be before it is dropped: a change that takes long names it only when it is over."""
NOTHING = "0" * 64
"""How git writes that there is no object, with sha256."""
_ATTRIBUTES = b"* -text !eol !crlf -ident -filter !working-tree-encoding !diff -merge\n"
"""In `info/attributes` it outranks every `.gitattributes` of the work tree: bytes are kept as they are."""
_CONFIG = {
    "core.autocrlf": "false",
    "core.safecrlf": "false",
    "core.bare": "false",
    "core.compression": "1",
    "core.fsmonitor": "false",
    "core.ignoreCase": "false",
    "core.logAllRefUpdates": "false",
    "core.precomposeUnicode": "false",
    "core.packedGitLimit": "64m",
    "core.packedGitWindowSize": "16m",
    "core.protectHFS": "false",
    "core.protectNTFS": "false",
    "core.quotePath": "false",
    "core.splitIndex": "false",
    "core.untrackedCache": "keep",
    "fastimport.unpackLimit": "1",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "protocol.allow": "never",
}
_ENVIRONMENT = {
    "LC_ALL": "C",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_TERMINAL_PROMPT": "0",
}


@dataclass(frozen=True, slots=True)
class Vault:
    """Where one work tree's checkpoints are."""

    root: Path
    """The work tree."""
    home: Path
    """The private folder."""
    program: str
    """git."""
    lock: int | None = None
    """The lock on it, while it is open."""

    @property
    def git_dir(self) -> Path:
        return self.home / "git"

    @property
    def journal(self) -> Path:
        """What a restore is about to do; there only while one is under way, or was cut off."""
        return journal_in(self.home)

    @property
    def pointer(self) -> Path:
        """Which commit the index belongs to: they move together, or a change taken back would be recorded wrongly."""
        return self.home / "current.json"

    def current(self) -> dict[str, Any]:
        return json.loads(self.pointer.read_bytes())

    async def git(
        self,
        *args: str,
        stdin: bytes | BinaryIO | None = None,
        stdout: BinaryIO | None = None,
        env: Mapping[str, str] = {},
        ok: Container[int] = (0,),
        timeout_s: float = 600,
    ) -> bytes:
        """Run git on the private store with the work tree, and return what it printed.

        Raises:
            ToolError: git ended with a code that is not in `ok`, or took too long.
        """
        ended = await self.run(*args, stdin=stdin, stdout=stdout, env=env, timeout_s=timeout_s)
        if ended.returncode not in ok:
            raise failure(args[0], f"the checkpoints of {self.root.name}", ended.stderr)
        return ended.stdout

    async def run(
        self,
        *args: str,
        stdin: bytes | BinaryIO | None = None,
        stdout: BinaryIO | None = None,
        env: Mapping[str, str] = {},
        timeout_s: float = 600,
    ) -> gitchild.Ended:
        """Run git and return how it ended; what it prints goes into the file, if one is given.

        Raises:
            ToolError: It took too long, or printed too much.
        """
        own = {
            "HOME": str(self.home),
            "PATH": os.defpath,
            "GIT_CONFIG_GLOBAL": str(self.home / "empty"),
            "GIT_DIR": str(self.git_dir),
            "GIT_WORK_TREE": str(self.root),
        }
        ended = await gitchild.run(
            [self.program, "-c", "core.fsmonitor=false", *args],
            cwd=self.root,
            env={**_ENVIRONMENT, **own, **env},
            scratch=self.home,
            stdin=stdin,
            stdout=stdout,
            limit=256 * MIB,
            timeout_s=timeout_s,
            held=() if self.lock is None else (self.lock,),
        )
        if ended.timed_out or ended.cut:
            much = "took too long" if ended.timed_out else "printed too much"
            raise ToolError("limit", f"git {args[0]} for a checkpoint of {self.root.name!r} {much}.", "Try again.")
        return ended

    def keep(self, path: Path, content: Any) -> None:
        """Write one of the JSON files whole, and durably."""
        new = path.with_suffix(".new")
        with new.open("w", encoding="utf-8") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        flush_folder(self.home)


@asynccontextmanager
async def opened(workspace: Workspace, repository: Repository) -> AsyncGenerator[Vault]:
    """Open the work tree's vault for as long as the context lasts, alone, made first if there is none.

    Raises:
        ToolError: `busy` (somebody else is at it), `not_found` (no git), `refused` (the state folder lies inside).
    """
    home = home_of(workspace, repository)
    if home.is_relative_to(repository.root):
        message = f"The state folder {str(workspace.vaults)!r} lies inside {repository.name!r}."
        raise ToolError("refused", message, "Set FACTOR12_STATE_DIR to a folder outside every repository.")
    vault = Vault(repository.root, home, program(path_outside(workspace, repository.root)))
    async with alone_at(workspace, vault.root) as lock:
        vault = replace(vault, lock=lock)
        if vault.pointer.exists():
            await run_sync(sweep, vault)
        else:
            await _make(vault)
        yield vault


def vault_in(workspace: Workspace, home: Path) -> Vault | None:
    """Return the vault in a folder of vaults; nothing if it was never made to the end.

    Raises:
        ToolError: `store`; it is damaged.
    """
    pointer = home / "current.json"
    if not pointer.exists():
        return None
    try:
        root = Path(os.fsdecode(bytes.fromhex(json.loads(pointer.read_bytes())["root"])))
    except (ValueError, KeyError) as error:
        hint = "Without that folder no thread of its repository can be taken back; saving anew makes it again."
        raise ToolError("store", f"{str(pointer)!r} is damaged.", hint) from error
    return Vault(root, home, program(path_outside(workspace, root)))


def alone_at(workspace: Workspace, root: Path) -> AbstractAsyncContextManager[int]:
    """Keep everybody else away from the checkpoints of a work tree."""
    return alone(workspace, f"the checkpoints of {root}")


@contextmanager
def writing(vault: Vault) -> Generator[None]:
    """Say in a line why the vault cannot be written.

    Raises:
        ToolError: `limit`.
    """
    try:
        yield
    except OSError as error:
        message = f"The checkpoints of {vault.root.name!r} cannot be written: {error.strerror}."
        raise ToolError("limit", message, "Make room on the disk, or: factor12 gc") from error


def commit_id(text: str) -> str:
    """Return the id of a commit, which can be no option of git's.

    Raises:
        ToolError: `not_found`; it is not written like one, so no vault has it.
    """
    if COMMIT.fullmatch(text) is None:
        raise ToolError("not_found", f"There is no commit {printable(text, 80)!r}.", "`checkpoint_list` shows them.")
    return text


def journal_in(home: Path) -> Path:
    return home / "restore.json"


def home_of(workspace: Workspace, repository: Repository) -> Path:
    return workspace.vaults / sha256(os.fsencode(repository.root)).hexdigest()[:32]


def flush_folder(folder: Path) -> None:
    """Make renames in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def held(vault: Vault) -> dict[str, float]:
    """Return every commit that the vault holds, with the time it was made. Needs no lock."""
    if not vault.pointer.exists():
        return {}
    listed = (await vault.git("for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", REFS)).decode()
    return {commit: float(name.partition("-")[0]) for commit, name in map(str.split, listed.splitlines())}


async def _make(vault: Vault) -> None:
    """Make the store; the pointer comes last, so that what was cut off is made again."""
    shutil.rmtree(vault.git_dir, ignore_errors=True)
    vault.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    (vault.home / "empty").touch(mode=0o600)
    words = ("init", "-q", "--bare", "--template=", "--object-format=sha256", str(vault.git_dir))
    env = {"HOME": str(vault.home), "PATH": os.defpath, "GIT_CONFIG_NOSYSTEM": "1"}
    ended = await gitchild.run(
        [vault.program, *words], cwd=vault.home, env=env, scratch=vault.home, stdin=None, limit=MIB, timeout_s=30
    )
    if ended.returncode:
        raise failure("init", f"the checkpoints of {vault.root.name}", ended.stderr)
    (vault.git_dir / "info").mkdir(exist_ok=True)
    (vault.git_dir / "info" / "attributes").write_bytes(_ATTRIBUTES)
    no_hooks = {"core.hooksPath": str(vault.home / "no-hooks")}
    with (vault.git_dir / "config").open("a", encoding="utf-8") as file:
        for key, value in {**_CONFIG, **no_hooks}.items():
            section, name = key.split(".")
            file.write(f'[{section}]\n\t{name} = "{value}"\n')
    root = os.fsencode(vault.root).hex()  # a name need not be text, and JSON can hold nothing else
    vault.keep(vault.pointer, {"root": root, "base": None, "tree": "", "index": "index.0"})


def sweep(vault: Vault) -> None:
    """Remove what a save that was killed left behind."""
    kept = vault.current()["index"]
    left = [path for path in vault.git_dir.glob("index.*") if path.name != kept]
    left += vault.git_dir.glob("fast_import_crash*")
    for pattern in ("objects/pack/tmp_*", "objects/pack/.tmp-*", "objects/pack/*.keep", "*.lock", "refs/**/*.lock"):
        left += vault.git_dir.glob(pattern)
    left += [*vault.home.glob("stream.*"), *vault.home.glob("*.new"), *vault.home.glob("tmp*")]
    for path in left:
        with suppress(FileNotFoundError):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
