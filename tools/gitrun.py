"""Run git: every git command of this project goes through the one function here."""

import shutil
from collections.abc import Container, Generator, Mapping
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from tools import gitchild
from tools.errors import ToolError
from tools.giterrors import failure
from tools.gitopen import Invocation, prepare
from tools.workspace import Repository, Workspace

MIB = 1 << 20
_SAFE = """
    cat-file check-attr check-ref-format commit-tree config diff diff-files diff-index diff-tree for-each-ref grep
    hash-object log ls-files ls-tree merge-base read-tree rev-list rev-parse show status symbolic-ref update-index
    update-ref var version worktree write-tree
"""
SAFE = frozenset(_SAFE.split())
"""Subcommands that were tried and start nothing. `add`, `stash` and the like start git inside a nested repository,
whose own filters run then whatever is said here."""
PATCH = ("--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty")
GUARDS = {
    **dict.fromkeys(("diff", "diff-files", "diff-index", "diff-tree", "log", "show"), PATCH),
    "status": ("--ignore-submodules=dirty",),
}
"""Options that keep a subcommand from starting programs, or git in a submodule, whose own configuration rules there."""


async def git(
    workspace: Workspace,
    repository: Repository,
    *args: str,
    stdin: bytes | None = None,
    env: Mapping[str, str] = {},
    ok: Container[int] = (0,),
    limit: int = 16 * MIB,
    cut: bool = False,
    timeout_s: float = 30,
) -> bytes:
    """Run `git *args` in the repository's top folder and return what it printed; no program the repository names runs.

    Paths among `args` are literal; values that are not paths belong behind `--end-of-options`. `env` adds to the
    environment. More than `limit` bytes of output are an error, unless `cut` asks for the beginning. On a timeout or
    when cancelled, git and all it started are killed.

    Raises:
        ToolError: git ended with a code that is not in `ok`, took or printed too much, or may not be run there.
    """
    subcommand, *rest = args
    if subcommand not in SAFE:
        raise ValueError(f"git {subcommand} has not been tried against a hostile repository")
    how = await prepare(workspace, repository)
    with _own_index(workspace, how, subcommand) as own:
        ended = await gitchild.run(
            [*how.argv, subcommand, *GUARDS.get(subcommand, ()), *rest],
            cwd=repository.root,
            env={**how.env, **own, **env},
            scratch=workspace.scratch,
            stdin=stdin,
            limit=limit,
            timeout_s=timeout_s,
            held=workspace.held,
        )
    _require(ended, subcommand, repository.name, ok=ok, cut=cut, limit=limit, timeout_s=timeout_s)
    return ended.stdout


def _require(
    ended: gitchild.Ended, subcommand: str, name: str, *, ok: Container[int], cut: bool, limit: int, timeout_s: float
) -> None:
    if ended.timed_out or (ended.cut and not cut):
        much = f"took more than {timeout_s:g} s" if ended.timed_out else f"printed more than {limit} bytes"
        raise ToolError("limit", f"git {subcommand} in {name!r} {much}.", "Ask for less at once.")
    if not ended.cut and ended.returncode not in ok:
        raise failure(subcommand, name, ended.stderr)


@contextmanager
def _own_index(workspace: Workspace, how: Invocation, subcommand: str) -> Generator[dict[str, str]]:
    """Give `git diff` a copy of the index: it writes the index that it is given, optional locks or not.

    The copy is as old as the original, for git looks closer at files that are younger than the index.
    """
    index = how.git_dir / "index"
    if subcommand != "diff" or not index.is_file():
        yield {}
        return
    with TemporaryDirectory(dir=workspace.scratch) as folder:
        yield {"GIT_INDEX_FILE": shutil.copy2(index, folder)}
