"""The process a command works in, and what the words on its command line mean there."""

import shlex
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, NamedTuple, ParamSpec, TypeAlias, TypeVar

import typer

from agents.runtime.patience import patiently
from mcp_server.callers import Caller
from mcp_server.compose import Runtime, compose, running
from mcp_server.home import here
from mcp_server.logs import configure
from mcp_server.loop import run
from mcp_server.outward import Outward
from mcp_server.settings import Settings, load
from mcp_server.terminal import conceal
from state.problem import ProblemError
from state.store import Search, UnknownThread
from state.thread import Thread

P = ParamSpec("P")
R = TypeVar("R")
RECENT = 1000
"""Threads among which a shortened id is looked for."""
SHORTEST = 4
LOCAL_NAME = "local"
"""What this machine's own user is called where a principal must be named."""

Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Repo: TypeAlias = Annotated[
    str, typer.Option("--repo", help="Name or path. Default: the session's current one, else the one you are in.")
]
Session: TypeAlias = Annotated[str, typer.Option("--session", help="Default: the default session.")]
ThreadId: TypeAlias = Annotated[str, typer.Argument(metavar="THREAD", help="Id, the beginning of one, or `latest`.")]
WaitS: TypeAlias = Annotated[
    float | None,
    typer.Option("--wait", min=0, metavar="SECONDS", help="Leave after this long; the thread stays. Default: stay."),
]


class Given(NamedTuple):
    """What stands before the command."""

    env_file: Path | None = None
    principal: str = ""


def settings_of(ctx: typer.Context) -> Settings:
    """Read the settings, with the file that `--env-file` named; no key in it is shown from then on."""
    settings = load(ctx.obj.env_file)
    conceal(settings.secrets)
    return settings


def caller_of(ctx: typer.Context) -> Caller:
    """Return whom the person acts for: who owns the file may do so for everybody in it."""
    return Caller(ctx.obj.principal)


def composed(ctx: typer.Context) -> Runtime:
    """Return a process that looks and signals, and drives nothing."""
    settings = settings_of(ctx).model_copy(update={"auto_resume_s": 0.0})
    return compose(settings, here(), caller=caller_of(ctx))


def driving(ctx: typer.Context) -> AbstractAsyncContextManager[Runtime]:
    """Return a process that drives what it is told to, and takes up nothing that others left behind (R21)."""
    settings = settings_of(ctx)
    configure(settings, Outward(more=settings.secrets))
    return running(settings, here(), sweeping=False, caller=caller_of(ctx))


def insisting(call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Call the store, and again while another process writes to it.

    Raises:
        Locked: It stayed locked.
    """

    async def work() -> R:
        return await patiently(call, *args, **kwargs)

    return run(work)


def repository(given: str) -> str:
    """Return a path that is written relative to the current folder in full, and a repository's name as it is."""
    is_path = given.startswith((".", "/", "~")) or given.endswith("/")
    return str(Path(given).expanduser().resolve()) if is_path else given


def find_thread(runtime: Runtime, wanted: str) -> Thread:
    """Return the thread of that id, of an id that begins so, or `latest`.

    Raises:
        UnknownThread: There is none.
        ProblemError: `ambiguous`; several ids begin so. `not_found`, with the nearest one.
    """
    try:
        return runtime.find(wanted)
    except UnknownThread:
        recent = [row.thread_id for row in runtime.store.list(Search(limit=RECENT), runtime.principal)]
        alike = [known for known in recent if len(wanted) >= SHORTEST and known.startswith(wanted)]
        if len(alike) == 1:
            return runtime.find(alike[0])
        if alike:
            raise ProblemError(
                "ambiguous", f"{len(alike)} threads begin with {wanted!r}.", f"They are: {', '.join(alike[:5])}."
            ) from None
        _refer(runtime, wanted)
        if near := get_close_matches(wanted, recent, 1, cutoff=0.8):
            raise ProblemError("not_found", f"There is no thread {wanted!r}.", f"Did you mean {near[0]}?") from None
        hint = "`factor12 threads list` shows the threads there are."
        if not recent:
            hint = "There is none yet; `factor12 run AGENT` starts one."
        raise ProblemError("not_found", f"There is no thread {wanted!r}.", hint) from None


def _refer(runtime: Runtime, wanted: str) -> None:
    """Say whose thread it is when it is somebody else's.

    Raises:
        ProblemError: `not_found`.
    """
    with suppress(UnknownThread):
        owner = runtime.store.load(wanted).principal or LOCAL_NAME
        hint = f"Act for them: factor12 --principal {shlex.quote(owner)} …"
        raise ProblemError("not_found", f"Thread {wanted!r} belongs to {owner!r}.", hint) from None
