"""The command line: every command, and how a failure reaches the person (R15)."""

import gc
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import typer
from typer.core import TyperGroup

from mcp_server.cli_process import LOCAL_NAME, Given
from mcp_server.envelope import refusal
from mcp_server.settings import TOOLSETS
from mcp_server.terminal import complain, print_json, sentence
from mcp_server.version import program_version
from state.problem import Kind, Problem, ProblemError

USAGE: frozenset[Kind] = frozenset({"bad_input", "not_found", "ambiguous"})
"""What the person can put right on the command line: exit code 2. Everything else is 1."""
EnvFile = Annotated[Path | None, typer.Option("--env-file", help="Read variables from this file too.")]

AGENTS, THREADS, SETUP = "Agents", "Threads", "Server and upkeep"


class Command(NamedTuple):
    """Where a command is, or a group of them, and how help shows it."""

    panel: str
    module: str
    name: str = "app"
    example: str | None = None


COMMANDS: Mapping[str, Command] = {
    "run": Command(AGENTS, "cli_run"),
    "agents": Command(AGENTS, "cli_agents", "list_agents", "Example: factor12 agents"),
    "new": Command(AGENTS, "cli_custom"),
    "check": Command(AGENTS, "cli_custom", "check", "Example: factor12 check ../shop"),
    "info": Command(AGENTS, "cli_agents", "info", "Example: factor12 info issue_fixer"),
    "prompts": Command(AGENTS, "cli_prompts"),
    "threads": Command(THREADS, "cli_threads"),
    "replay": Command(THREADS, "cli_replay", "replay", "Example: factor12 replay latest"),
    "checkpoints": Command(THREADS, "cli_checkpoints"),
    "answer": Command(THREADS, "cli_answer", "answer", "Example: factor12 answer latest"),
    "repo": Command(SETUP, "cli_repo"),
    "token": Command(SETUP, "cli_token"),
    "install": Command(SETUP, "cli_install", "install", "Example: factor12 install claude-desktop"),
    "uninstall": Command(SETUP, "cli_install", "uninstall", "Example: factor12 uninstall cursor"),
    "doctor": Command(SETUP, "cli_upkeep", "doctor", "Example: factor12 doctor"),
    "gc": Command(SETUP, "cli_upkeep", "gc", "Example: factor12 gc --older-than 30d --dry-run"),
}


class Later(Mapping[str, Any]):
    """All commands by name, each imported when it is asked for: a person waits, and few need what the others do."""

    def __init__(self, ready: Mapping[str, Any]) -> None:
        self._ready = ready

    def __getitem__(self, name: str) -> Any:
        if name in self._ready:
            return self._ready[name]
        meant, alone = COMMANDS[name], typer.Typer()
        found = getattr(import_module(f"mcp_server.{meant.module}"), meant.name)
        if isinstance(found, typer.Typer):
            alone.add_typer(found, name=name, rich_help_panel=meant.panel)
        else:
            alone.command(name, rich_help_panel=meant.panel, epilog=meant.example)(found)
        return typer.main.get_group(alone).commands[name]

    def __iter__(self) -> Iterator[str]:
        yield from (*COMMANDS, *self._ready)

    def __len__(self) -> int:
        return len(COMMANDS) + len(self._ready)


class Commands(TyperGroup):
    """The program's own group."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        vars(self)["commands"] = Later(self.commands)


app = typer.Typer(name="factor12", cls=Commands, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def root(
    ctx: typer.Context,
    env_file: EnvFile = None,
    principal: Annotated[
        str, typer.Option("--principal", help="Act for one who comes over HTTP; `factor12 token list` names them.")
    ] = "",
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    """Small, focused software agents over your git repositories, for MCP hosts and for you."""
    ctx.obj = Given(env_file, "" if principal == LOCAL_NAME else principal)
    if version:
        print(f"factor12 {program_version()}")
    elif ctx.invoked_subcommand is None:
        ctx.get_help()


@app.command("serve", rich_help_panel=SETUP, epilog="Example: factor12 serve")
def serve(
    ctx: typer.Context,
    transport: Annotated[
        Literal["stdio", "http", "sse"],
        typer.Option("--transport", help="How hosts speak to it. http has /mcp, /sse and /health; sse is older."),
    ] = "stdio",
    host: Annotated[str, typer.Option("--host", help="Where to listen. Default: API_HOST, 127.0.0.1.")] = "",
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535, help="Default: API_PORT, 8000.")] = None,
    toolsets: Annotated[
        str | None, typer.Option("--toolsets", help=f"Offer only tools of these, of {', '.join(TOOLSETS)}.")
    ] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Offer only tools that change nothing.")] = False,
    tools: Annotated[str | None, typer.Option("--tools", help="Offer only these tools, joined by `,`.")] = None,
    env_file: EnvFile = None,
) -> None:
    """Serve MCP to a host until it closes the connection. Hosts start this themselves; see `docs/hosts.md`."""
    narrowed: dict[str, Any] = {"toolsets": toolsets, "read_only": read_only or None, "tools": tools}
    given = {name: value for name, value in narrowed.items() if value is not None}
    if transport == "stdio":
        from mcp_server.stdio import serve_stdio

        return serve_stdio(env_file or ctx.obj.env_file, **given)
    from mcp_server.http import serve_http

    return serve_http(env_file or ctx.obj.env_file, transport, host, port, **given)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code. What went wrong is one line on stderr, never a traceback."""
    gc.enable()  # the start was made without it
    given = sys.argv[1:] if arguments is None else list(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = app(given, prog_name="factor12", standalone_mode=False)
    except ProblemError as error:
        return _complain(error.problem, as_json="--json" in given)
    except typer.TyperException as error:
        if not (message := error.format_message().replace("Value error, ", "")):
            return 2  # a group without a command has printed its help
        usage = Problem(kind="bad_input", message=sentence(message), hint="Add --help to see how it is used.")
        return _complain(usage, as_json="--json" in given)
    return code if isinstance(code, int) else 0


def _complain(problem: Problem, *, as_json: bool) -> int:
    if as_json:
        print_json(refusal(problem))
    complain(problem)
    return 2 if problem.kind in USAGE else 1
