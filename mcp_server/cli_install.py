"""`factor12 install` and `factor12 uninstall`: one entry in a host's configuration, and nothing else of it touched."""

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypeVar, cast, get_args
from urllib.parse import urlsplit

import typer

from mcp_server import hostfile
from mcp_server.cli_process import settings_of
from mcp_server.home import here
from mcp_server.hostcommand import Machine, program, this_machine
from mcp_server.hostfile import HostFile
from mcp_server.hosts import HOSTS, Listening, Printed, Server, Started, Written, entry, merged, snippet
from mcp_server.jsonc import Unreadable, read
from mcp_server.jsonc_edit import Unmergeable, drop, found, put
from mcp_server.loop import run
from mcp_server.terminal import controlling_terminal, err, out, safe
from state.problem import ProblemError

T = TypeVar("T", str, list[str])
BASE_PATH = "SISTER_REPO_BASE_PATH"
LONGEST_ROW = 400
"""Characters of a line that a person can compare; a file on one line is shown where it changes."""
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

FileOption: TypeAlias = Annotated[
    Path | None, typer.Option("--file", metavar="PATH", help="The host's file. Default: where it keeps yours.")
]
Project: TypeAlias = Annotated[
    Path | None, typer.Option("--project", metavar="DIR", help="Only in this project: the host's file there.")
]
Name: TypeAlias = Annotated[str, typer.Option("--name", help="What the host calls the server.")]
Base: TypeAlias = Annotated[
    Path | None,
    typer.Option("--base-path", metavar="DIR", help="What holds your repositories. Default: beside this one."),
]
Env: TypeAlias = Annotated[
    list[str] | None, typer.Option("--env", metavar="NAME=VALUE", help="A variable for the server; repeatable.")
]
Yes: TypeAlias = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person wants to have in which host."""

    host: Printed
    machine: Machine
    name: str
    base_path: Path | None
    env: Mapping[str, str]
    listening: Listening | None
    default_base: Callable[[], Path]

    def server(self, known: Mapping[str, Any]) -> Server:
        """Return the server for the host, where `known` variables stand: a base path among them stays."""
        if self.listening is not None:
            return self.listening
        env = dict(self.env)
        if self.base_path is not None:
            env = {BASE_PATH: str(self.base_path), **env}
        elif BASE_PATH not in env and BASE_PATH not in known:
            env = {BASE_PATH: str(self.default_base()), **env}
        command = str(program(sys.argv[0], sys.executable))
        return self.machine.reached(self.host, Started(command, env=env))

    def snippet(self) -> str:
        return snippet(self.host, self.name, self.server({}))


def install(
    ctx: typer.Context,
    host: Annotated[Printed, typer.Argument(metavar="HOST", help=f"One of: {', '.join(get_args(Printed))}.")],
    print_only: Annotated[
        bool, typer.Option("--print", help="Only print what belongs into the file; zed, codex and gemini need this.")
    ] = False,
    base_path: Base = None,
    env: Env = None,
    url: Annotated[str, typer.Option("--url", help="Use the server that listens there instead of starting one.")] = "",
    token_variable: Annotated[
        str, typer.Option("--token-variable", metavar="NAME", help="With --url: the host's variable with the token.")
    ] = "",
    name: Name = "factor12",
    file: FileOption = None,
    project: Project = None,
    yes: Yes = False,
) -> None:
    """Tell a host about this server: shows what changes in its configuration, asks, and keeps a backup.

    HOST is claude-desktop, claude-code, cursor or vscode; with --print also zed, codex or gemini. Everything else in
    the file stays as it is, comments too. Run again, it changes only what is said anew.
    """
    machine = this_machine()

    def default_base() -> Path:
        return settings_of(ctx).base_path or _beside(project or here())

    listening = _listening(url, token_variable)
    wanted = Wanted(host, machine, _name(name), _folder(base_path), _variables(env or []), listening, default_base)
    if print_only:
        told = wanted.snippet()
        err().print(f"For {safe(str(_place(machine, host, file, project)))}:")
        return print(told, end="")
    before = _opened(machine, host, file, project)
    after = _with_entry(wanted, before)
    if after == before.text:
        return out().print(f"Nothing to change in {safe(str(before.path))}.")
    _write(before, after, yes=yes)
    out().print(HOSTS[host].then)


def _with_entry(wanted: Wanted, before: HostFile) -> str:
    """Return the file's text with the entry; where there is no safe way, say what to put in by hand."""
    path = (HOSTS[wanted.host].section, wanted.name)
    try:
        old = found(_document(wanted.host, before.text), path)
        if old is not None and not isinstance(old, dict):
            raise Unmergeable(f"its {wanted.name!r} is not an object")
        known = cast("dict[str, Any]", old or {})
        env = known.get("env")
        server = wanted.server(cast("dict[str, Any]", env) if isinstance(env, dict) else {})
        new = merged(known, entry(wanted.host, server))
        return before.text if old == new else put(before.text, path, new)
    except (Unreadable, Unmergeable) as error:
        print(wanted.snippet(), end="")
        hint = "Nothing was changed; put in by hand what is printed here."
        raise ProblemError("refused", f"{str(before.path)!r}: {error}.", hint) from error


def uninstall(
    host: Annotated[Written, typer.Argument(metavar="HOST", help=f"One of: {', '.join(get_args(Written))}.")],
    name: Name = "factor12",
    file: FileOption = None,
    project: Project = None,
    yes: Yes = False,
) -> None:
    """Take this server out of a host's configuration: shows what changes, asks, and keeps a backup."""
    before = _opened(this_machine(), host, file, project)
    try:
        _document(host, before.text)
        after = drop(before.text, (HOSTS[host].section, name))
    except (Unreadable, Unmergeable) as error:
        hint = "Nothing was changed; take it out by hand."
        raise ProblemError("refused", f"{str(before.path)!r}: {error}.", hint) from error
    if after == before.text:
        return out().print(f"Nothing to change: {name!r} is not in {safe(str(before.path))}.")
    _write(before, after, yes=yes)


def _opened(machine: Machine, host: Printed, file: Path | None, project: Path | None) -> HostFile:
    if host not in get_args(Written):
        title = HOSTS[host].title
        raise ProblemError("refused", f"The file of {title} is not edited.", "Add --print, and paste what it prints.")
    return hostfile.read(_place(machine, host, file, project))


def _place(machine: Machine, host: Printed, file: Path | None, project: Path | None) -> Path:
    if file is None:
        return machine.file(host, project)
    if project is not None:
        raise ProblemError("bad_input", "--file and --project name two places.", "Give one of them.")
    return file.expanduser().absolute()


def _document(host: Printed, text: str) -> Any:
    """Read the host's file as strictly as the host does."""
    document = read(text)
    if document.loose is not None and not HOSTS[host].comments:
        line = document.line(document.loose)
        raise Unmergeable(f"line {line} has a comment or a trailing comma, which {HOSTS[host].title} does not read")
    return document


def _write(before: HostFile, after: str, *, yes: bool) -> None:
    shown = "\n".join(map(safe, [str(before.path), *_changes(before.text, after)]))
    if yes:
        out().print(shown)
    else:
        run(partial(_confirm, shown))
    backup = hostfile.write(before, after)
    out().print(f"Written: {safe(str(before.path))}.{f' As it was: {safe(str(backup))}.' if backup else ''}")


def _changes(before: str, after: str) -> list[str]:
    """Return what changes and no line of its neighbours: other servers' secrets stand there."""
    start, old, new = _between(before, after)
    line, was, now = _between(before.splitlines(), after.splitlines())
    whole_entry = not (old and new) and "{" in old + new
    if whole_entry or max(map(len, [*was, *now])) > LONGEST_ROW:
        line = before.count("\n", 0, start)
        was, now = (_whole_lines(before, start, part) for part in (old, new))
    rows = [*(f"-{row}" for row in was), *(f"+{row}" for row in now)]
    return ["--- as it is", "+++ as it would be", f"@@ line {line + 1} @@", *rows]


def _whole_lines(text: str, start: int, part: str) -> list[str]:
    """Return the lines of a part that was put in or taken out at `start`, moved back over white space to a line end."""
    while part and part[0] != "\n" and part[-1].isspace() and text[start - 1 : start] == part[-1]:
        start -= 1
        part = text[start] + part[:-1]
    return part.strip("\r\n").splitlines()


def _between(old: T, new: T) -> tuple[int, T, T]:
    """Return where two sequences begin to differ, and what stands there until they are alike to the end."""
    least = min(len(old), len(new))
    start = next((place for place in range(least) if old[place] != new[place]), least)
    rest = least - start
    end = next((place for place in range(rest) if old[-1 - place] != new[-1 - place]), rest)
    return start, old[start : len(old) - end], new[start : len(new) - end]


async def _confirm(shown: str) -> None:
    with controlling_terminal("Add --yes in a script of your own, or --print to see what it would be.") as screen:
        screen.show(f"\n{shown}\n\n")
        try:
            answer = await screen.read("Write this? Type yes: ")
        except EOFError:
            answer = ""
    if answer.casefold() not in ("y", "yes"):
        raise ProblemError("refused", "Nothing was changed.", "With --print it is only shown.")


def _beside(near: Path) -> Path:
    folder = near.resolve()
    top = next((path for path in (folder, *folder.parents) if (path / ".git").exists()), None)
    if top is None:
        raise ProblemError(
            "bad_input", f"{str(folder)!r} is in no repository.", "Name what holds yours: --base-path DIR."
        )
    return top.parent


def _folder(path: Path | None) -> Path | None:
    if path is None:
        return None
    folder = path.expanduser().resolve()
    if not folder.is_dir():
        raise ProblemError("not_found", f"{str(folder)!r} is not a folder.", "Name one with --base-path.")
    return folder


def _name(given: str) -> str:
    if not NAME.fullmatch(given):
        raise ProblemError("bad_input", f"--name {given!r} is no name.", "Use up to 64 of A-Z, a-z, 0-9, - and _.")
    return given


def _variables(given: list[str]) -> dict[str, str]:
    pairs = [each.partition("=") for each in given]
    for each, (name, equals, value) in zip(given, pairs, strict=True):
        if not (equals and VARIABLE.fullmatch(name) and value.isprintable()):
            raise ProblemError("bad_input", f"--env {each!r} is not NAME=VALUE.", "For example: --env LOG_LEVEL=INFO.")
    return {name: value for name, _, value in pairs}


def _listening(url: str, variable: str) -> Listening | None:
    if not url and not variable:
        return None
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        good = False
    if not good or not url.isprintable() or " " in url:
        raise ProblemError(
            "bad_input", f"--url {url!r} is no address.", "For example: --url http://127.0.0.1:8000/mcp."
        )
    if variable and not VARIABLE.fullmatch(variable):
        hint = "Give the name of the variable, never the token."
        raise ProblemError("bad_input", "--token-variable is not the name of a variable.", hint)
    return Listening(url, variable)
