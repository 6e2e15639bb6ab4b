"""`factor12 prompts …`: what models are told, by whose words, and whether they say what they should."""

import json
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeAlias, cast

import typer
from rich.table import Table
from rich.text import Text

from mcp_server.cli_process import Json, composed, repository
from mcp_server.compose import Runtime
from mcp_server.loop import run
from mcp_server.prompt_history import SHORT, History
from mcp_server.prompt_tests import Tested, tested
from mcp_server.terminal import err, out, print_json, print_patch, safe
from mcp_server.wordings import Wording
from prompts import BadTemplate, estimate, filled, names, ours
from state.problem import ProblemError
from tools.workspace import Repository

Name: TypeAlias = Annotated[str, typer.Argument(metavar="PROMPT", help="As `factor12 prompts list` lists it.")]
Repo: TypeAlias = Annotated[
    str, typer.Option("--repo", help="Whose words count. Default: the repository you are in, if any.")
]
NOT_TRUSTED = "its prompts do not count: it is not trusted"

app = typer.Typer(help="The words that models are shown.", no_args_is_help=True)


@app.command("list", epilog="Example: factor12 prompts list")
def list_prompts(ctx: typer.Context, repo: Repo = "", as_json: Json = False) -> None:
    """List the prompts, and whose words each has here: the repository's, yours or factor12's."""
    runtime = composed(ctx)
    here = _meant(runtime, repo)
    rows = [_row(name, [*runtime.wordings.every(name, here)]) for name in runtime.wordings.known(here)]
    if as_json:
        return print_json(rows)
    table = Table("PROMPT", "VERSION", "FROM", "BEFORE", "", box=None, pad_edge=False)
    for row in rows:
        told = Text(safe(row["problem"]), "red") if "problem" in row else safe(row["description"])
        table.add_row(row["name"], row["version"], row["from"], ", ".join(row["before"]), told)
    out().print(table)
    _note_ignored(runtime, here)


@app.command("show", epilog="Example: factor12 prompts show system")
def show(ctx: typer.Context, name: Name, repo: Repo = "", as_json: Json = False) -> None:
    """Show a prompt as it is used: what it takes, its words, and the file they are in."""
    runtime = composed(ctx)
    here = _meant(runtime, repo)
    found = _found(runtime, name, here)
    template = found.usable()
    header = template.header.model_dump()
    if as_json:
        source = {"digest": template.digest, "from": found.origin, "file": found.where}
        return print_json({**header, **source, "body": template.body})
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_row("version", f"{template.header.version} ({template.digest[:SHORT]})")
    table.add_row("from", f"{found.origin}: {safe(found.where)}")
    for variable, kind in template.header.variables.items():
        table.add_row("takes", Text.assemble(variable, " ", (kind, "cyan")))
    console = out()
    console.print(Text(name, "bold"), Text(template.header.description, "dim"))
    console.print(table)
    console.print(f"\n{safe(template.body)}", end="")
    _note_ignored(runtime, here, name)


@app.command("render", epilog="Example: factor12 prompts render resume_work --var repo=shop --var threads=[]")
def render(
    ctx: typer.Context,
    name: Name,
    given: Annotated[
        list[str] | None,
        typer.Option("--var", metavar="NAME=VALUE", help="A variable; anything but a string is written as JSON."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--vars", metavar="FILE", help="A JSON or YAML file with variables; `-`: stdin.")
    ] = None,
    repo: Repo = "",
    as_json: Json = False,
) -> None:
    """Print a prompt with its variables filled in, as a model would be shown it."""
    runtime = composed(ctx)
    here = _meant(runtime, repo)
    template = _found(runtime, name, here).usable()
    kinds = (ours(name) if name in names() else template).header.variables
    variables = {**_from_file(file), **dict(_variable(one, kinds) for one in given or ())}
    made = filled(template, variables)
    tokens = estimate(made.text)
    if as_json:
        known = {"name": name, "version": made.version, "digest": made.digest}
        return print_json({**known, "tokens": tokens, "text": made.text})
    print(made.text)
    err().print(f"{safe(name)}, version {safe(made.version)} ({made.digest[:SHORT]}): about {tokens} tokens")
    _note_ignored(runtime, here, name)


@app.command("diff", epilog="Example: factor12 prompts diff system --rev HEAD~3")
def diff(
    ctx: typer.Context,
    name: Name,
    rev: Annotated[str, typer.Option("--rev", help="Compare with the file as it was at this commit.")] = "",
    digest: Annotated[str, typer.Option("--digest", help="Compare with the version that has this digest.")] = "",
    thread: Annotated[str, typer.Option("--thread", help="Compare with what this thread was shown.")] = "",
    repo: Repo = "",
    as_json: Json = False,
) -> None:
    """Show how a prompt differs: from factor12's own or, if asked, from what it was."""
    runtime = composed(ctx)
    here = _meant(runtime, repo)
    history = History(runtime, name, here)
    changes = run(partial(history.compared, rev=rev, digest=digest, thread=thread))
    if as_json:
        return print_json([change.told() for change in changes])
    for change in changes:
        err().print(safe(change.line))
        print_patch(change.patch)
    _note_ignored(runtime, here, name)


@app.command("test", epilog="Example: factor12 prompts test --repo ../shop")
def test(
    ctx: typer.Context,
    wanted: Annotated[list[str] | None, typer.Argument(metavar="PROMPT", help="Default: all.")] = None,
    repo: Repo = "",
    as_json: Json = False,
) -> int:
    """Hold prompts against the cases beside them. A trusted repository's and your own are tested too."""
    runtime = composed(ctx)
    here = _meant(runtime, repo)
    known = runtime.wordings.known(here)
    for name in wanted or ():
        if name not in known:
            raise _unknown(runtime, name, here)
    results = [result for name in wanted or known for result in tested([*runtime.wordings.every(name, here)], name)]
    if as_json:
        print_json([result.told() for result in results])
    else:
        _print_results(results)
        _note_ignored(runtime, here, *wanted or ())
    return 1 if any(result.wrong for result in results) else 0


def _print_results(results: list[Tested]) -> None:
    console = out()
    for result in results:
        said, colour = (
            ("fails", "red") if result.wrong else ("holds", "green") if result.case else ("no cases", "yellow")
        )
        console.print(Text(said, colour), safe(f"{result.name} ({result.origin}) {result.case}".rstrip()))
        for line in result.wrong:
            console.print(f"      {safe(line)}")
    failed, held = sum(bool(one.wrong) for one in results), sum(not one.wrong and bool(one.case) for one in results)
    console.print(f"{held} held, {failed} failed")


def _meant(runtime: Runtime, repo: str) -> Repository | None:
    """Return the repository whose prompts count; none is needed."""
    try:
        root = runtime.repositories.meant(repository(repo) if repo else "", runtime.settings.session, runtime.principal)
    except ProblemError:
        if repo:
            raise
        return None
    return runtime.repositories.workspace(root).repository()


def _found(runtime: Runtime, name: str, here: Repository | None) -> Wording:
    found = next(runtime.wordings.every(name, here), None)
    if found is None:
        raise _unknown(runtime, name, here)
    return found


def _unknown(runtime: Runtime, name: str, here: Repository | None) -> ProblemError:
    known = ", ".join(runtime.wordings.known(here))
    hint = _ignored(runtime, here, name) or f"There are: {known}."
    return ProblemError("not_found", f"There is no prompt {name!r}.", hint)


def _note_ignored(runtime: Runtime, here: Repository | None, *wanted: str) -> None:
    """Say on stderr that the repository words one of these, by default any, and is not heard."""
    if note := _ignored(runtime, here, *wanted):
        err().print(safe(note))


def _ignored(runtime: Runtime, here: Repository | None, *wanted: str) -> str:
    found = set(runtime.wordings.ignored(here)) if here is not None else set[str]()
    if here is None or not (found & {*wanted} if wanted else found):
        return ""
    return f"{here.name}: {NOT_TRUSTED}. To trust it: factor12 repo trust {here.root}"


def _row(name: str, found: list[Wording]) -> dict[str, Any]:
    used, *rest = found
    row: dict[str, Any] = {
        "name": name,
        "from": used.origin,
        "file": used.where,
        "before": [one.origin for one in rest],
    }
    if used.template is None:
        return {**row, "version": "", "description": "", "problem": str(used.problem)}
    header = used.template.header
    return {**row, "version": header.version, "digest": used.template.digest, "description": header.description}


def _variable(given: str, kinds: dict[str, Any]) -> tuple[str, Any]:
    name, equals, value = given.partition("=")
    if not equals:
        raise ProblemError("bad_input", f"--var {given!r} has no value.", "Write --var NAME=VALUE.")
    if kinds.get(name, "string") == "string":
        return name, value
    try:
        return name, json.loads(value)
    except ValueError as error:
        raise ProblemError("bad_input", f"--var {name}: {value!r} is not JSON.", f"It takes: {kinds[name]}.") from error


def _from_file(file: Path | None) -> dict[str, Any]:
    """Read variables. JSON is YAML."""
    if file is None:
        return {}
    from prompts.marked import load

    try:
        text = sys.stdin.read() if str(file) == "-" else file.expanduser().read_text(encoding="utf-8")
        said = json.loads(text) if text.lstrip().startswith("{") else load(text, str(file))
    except (OSError, ValueError) as error:
        raise ProblemError("bad_input", f"--vars {str(file)!r}: {error}.", "Give a JSON or YAML file.") from error
    if not isinstance(said, dict):
        raise BadTemplate(str(file), 1, "this is no mapping of names to values.")
    return cast("dict[str, Any]", said)
