"""`factor12 new agent` and `factor12 check`: write an agent of one's own, and try it."""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from mcp_server.cli_process import Json, Repo, composed, repository
from mcp_server.cli_upkeep import MARKS
from mcp_server.custom_new import written
from mcp_server.loop import run
from mcp_server.terminal import out, print_json, safe

app = typer.Typer(help="Write what is needed to begin.", no_args_is_help=True)


@app.command("agent", epilog="Example: factor12 new agent review --repo ../shop")
def new_agent(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Small letters, digits and _.")],
    repo: Repo = "",
) -> None:
    """Write an agent of your own: its file, its prompt and its test. Nothing that is there is overwritten."""
    runtime = composed(ctx)
    root = runtime.repositories.meant(repository(repo), runtime.settings.session, runtime.principal)
    for path in written(root, name):
        out().print(f"Written: {safe(str(path.relative_to(root)))}")
    out().print(f"Next: factor12 check {safe(str(root))}, then factor12 repo trust --agents {safe(str(root))}")


def check(
    ctx: typer.Context,
    path: Annotated[str, typer.Argument(metavar="REPO", help="Name or path.")],
    as_json: Json = False,
) -> int:
    """Try the agents of a repository: imports, schemas, prompts, and that the same log gives the same step twice.

    It runs their code, in a process of its own. Exit code 1 if one of them cannot be used.
    """
    from mcp_server.custom_checking import checked, no_agents

    runtime = composed(ctx)
    root: Path = runtime.repositories.resolve(repository(path))
    results = run(partial(checked, runtime, root))
    if as_json:
        print_json([asdict(one) for one in results])
    elif results:
        table = Table(box=None, show_header=False, pad_edge=False)
        for one in results:
            table.add_row(Text(*MARKS[one.state]), Text(safe(one.file), "bold"), one.what, safe(one.says))
        out().print(table)
    else:
        raise no_agents(root)
    return int(any(one.state == "bad" for one in results))
