"""`factor12 repo …`: which repositories there are, which one a session works in, and whose programs may run."""

import secrets
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from time import time
from typing import Annotated, TypeAlias

import typer
from rich.table import Table
from rich.text import Text

from mcp_server.cli_process import Json, Session, composed, insisting, repository
from mcp_server.compose import Runtime
from mcp_server.envelope import without_nulls
from mcp_server.loop import run
from mcp_server.survey import describe, surveyed
from mcp_server.terminal import complain, controlling_terminal, out, print_json, safe
from state import sessions
from state.grants import grant, revoke
from state.problem import ProblemError

Folder: TypeAlias = Annotated[Path, typer.Argument(metavar="PATH", help="The top of a repository.")]

PLACE = ("session", "repo", "root", "branch", "dirty_total", "operation", "instructions", "runner")

app = typer.Typer(help="The repositories that agents may work in.", no_args_is_help=True)


@app.command("list", epilog="Example: factor12 repo list")
def list_repositories(ctx: typer.Context, as_json: Json = False) -> None:
    """List the repositories that may be used from here: those beside this one, and those in the allowed folders."""
    rows = run(partial(surveyed, composed(ctx)))
    if as_json:
        return print_json(without_nulls(rows))
    if not rows:
        return out().print("No repositories here. SISTER_REPO_BASE_PATH names the folder that holds them.")
    table = Table("REPOSITORY", "BRANCH", "UNCOMMITTED", "TESTS", "TRUSTED", "PATH", box=None, pad_edge=False)
    for row in rows:
        told = row.get("branch") or row.get("refused") or ("" if "head" not in row else "(detached)")
        cells = (row["repo"], told, row.get("dirty", ""), row.get("runner") or "")
        trusted = Text("yes", "green") if row["trusted"] else "no"
        table.add_row(*(safe(str(cell)) for cell in cells), trusted, safe(row["root"]))
    out().print(table)


@app.command("switch", epilog="Example: factor12 repo switch ../shop")
def switch(
    ctx: typer.Context,
    repo: Annotated[str, typer.Argument(metavar="REPO", help="Name or path.")],
    session: Annotated[str, typer.Option("--session", help="Default: a new one, which is printed.")] = "",
    as_json: Json = False,
) -> None:
    """Make a repository the one that a session means when a call names none."""
    runtime = composed(ctx)
    name = runtime.session(session) if session else f"s-{secrets.token_hex(4)}"
    root = runtime.repositories.resolve(repository(repo))
    insisting(sessions.push, runtime.database, runtime.principal, name, str(root))
    run(partial(_print_place, runtime, name, root, as_json=as_json))


@app.command("current", epilog="Example: factor12 repo current --session 9c1d22aa")
def current(ctx: typer.Context, session: Session = "", as_json: Json = False) -> None:
    """Show the repository that a call without one means."""
    runtime = composed(ctx)
    name = runtime.session(session)
    root = runtime.repositories.meant("", name, runtime.principal)
    run(partial(_print_place, runtime, name, root, as_json=as_json))


@app.command("restore", epilog="Example: factor12 repo restore --session 9c1d22aa")
def restore(ctx: typer.Context, session: Session = "", as_json: Json = False) -> None:
    """Go back to the repository before the session's last switch."""
    runtime = composed(ctx)
    name = runtime.session(session)
    if sessions.current(runtime.database, runtime.principal, name) is None:
        raise ProblemError("conflict", f"Session {name!r} has switched nowhere.", "`factor12 repo switch` does.")
    insisting(sessions.pop, runtime.database, runtime.principal, name)
    root = runtime.repositories.meant("", name, runtime.principal)
    run(partial(_print_place, runtime, name, root, as_json=as_json))


@app.command("trust", epilog="Example: factor12 repo trust ../shop")
def trust(
    ctx: typer.Context,
    path: Folder,
    agents: Annotated[
        bool, typer.Option("--agents", help="Also run its agents, agents/*.py and their prompts/, as they are now.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Trust a repository: without a sandbox its tests need no approval, and its factor12.toml, as it is now, counts.

    With --agents its agents are offered as well, with the words of its prompts/. A file of these that changes later
    does not count until it is trusted anew.
    """
    from mcp_server.custom_files import as_it_is, found
    from tools.repoconfig import config_digest

    root = _work_tree(path)
    files = as_it_is(root) if agents else {}
    if agents and not any(found(root, root.name)):
        message = f"{str(root)!r} has no agents: no file of agents/ imports mcp_server.plugin."
        raise ProblemError("not_found", message, "`factor12 new agent NAME` writes one.")
    runtime = composed(ctx)
    if not yes:
        run(partial(_confirm, root, [*files], boxed=agents and runtime.sandbox.standing().name != "none"))
    insisting(sessions.trust, runtime.database, root, time(), config_digest(root))
    if agents:
        insisting(grant, runtime.database, root, files, time())
        run(runtime.custom.learn)
        _print_agents(runtime, root)
    out().print(f"Trusted: {safe(str(root))}. To take it back: factor12 repo distrust {safe(str(path))}")


@app.command("distrust", epilog="Example: factor12 repo distrust ../shop")
def distrust(ctx: typer.Context, path: Folder) -> None:
    """Take back the trust in a repository: its programs need an approval again."""
    root = path.expanduser().resolve()
    database = composed(ctx).database
    insisting(revoke, database, root)
    if not insisting(sessions.distrust, database, root):
        raise ProblemError("not_found", f"{str(root)!r} is not trusted.", "`factor12 repo list` shows what is.")
    out().print(f"No longer trusted: {safe(str(root))}")


def _print_agents(runtime: Runtime, root: Path) -> None:
    """Say what is offered now, and what is not."""
    for name in runtime.custom.named():
        if (home := runtime.custom.home_of(name)) is not None and home.root == root:
            out().print(f"Offered: {name}")
    for one in runtime.custom.broken:
        if one.repo == runtime.repositories.name_of(root):
            complain(one.problem)


async def _confirm(root: Path, agents: Sequence[str], *, boxed: bool) -> None:
    with controlling_terminal("Add --yes in a script of your own.") as screen:
        screen.show(f"\nWithout a sandbox, tests of {safe(str(root))} will run with your rights, NOT SANDBOXED.\n")
        screen.show("What its factor12.toml asks for now counts: time limits, writable caches, branches, agents.\n")
        if agents:
            how = "a box" if boxed else "a process of their own, with your rights"
            screen.show(f"Its agents decide in {how}, as they are now: {safe(', '.join(agents))}.\n")
        try:
            answer = await screen.read("Trust it? Type yes: ")
        except EOFError:
            answer = ""
    if answer.casefold() not in ("y", "yes"):
        raise ProblemError("refused", "Nothing was changed.", "Trust a repository whose tests you would run yourself.")


def _work_tree(path: Path) -> Path:
    root = path.expanduser().resolve()
    if not (root / ".git").exists():
        raise ProblemError("not_found", f"{str(root)!r} is not the top of a repository.", "Give the folder with .git.")
    return root


async def _print_place(runtime: Runtime, session: str, root: Path, *, as_json: bool) -> None:
    described = {"session": session, **await describe(runtime, root)}
    if as_json:
        return print_json(described)
    table = Table(box=None, show_header=False, pad_edge=False)
    for name in (*PLACE, "trusted", "notice"):
        if name in described:
            value = described[name]
            told = ("yes" if value else "no") if isinstance(value, bool) else safe(str(value))
            table.add_row("uncommitted files" if name == "dirty_total" else name, told)
    out().print(table)
