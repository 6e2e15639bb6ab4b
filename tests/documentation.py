"""The tables of the documents that say what the code says: `python -m tests.documentation` writes them anew."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import typer.main
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from mcp_server.app import table
from mcp_server.catalogue import OFFERED
from mcp_server.cli import app
from mcp_server.cli_run import example
from mcp_server.compose import compose
from mcp_server.hosts import HOSTS, Printed, Started, snippet
from mcp_server.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
ORDER = (
    "serve",
    "run",
    "agents",
    "info",
    "new",
    "check",
    "prompts",
    "threads",
    "replay",
    "checkpoints",
    "replay",
    "answer",
    "repo",
    "token",
    "install",
    "uninstall",
    "doctor",
    "gc",
)
KINDS: Mapping[object, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true, false",
    Path: "path",
    SecretStr: "key",
}


def settings() -> str:
    """Every variable, what it accepts and its default."""
    rows = [
        (f"`{field.alias}`", _accepts(field), _default(field), field.description or "")
        for field in Settings.model_fields.values()
    ]
    return _table(("variable", "accepts", "default", "what it does"), rows)


def commands() -> str:
    """Every command, what it does and an example."""
    rows = [(f"`{name}`", _first_line(command.help), f"`{example_of(command)}`") for name, command in walk_commands()]
    return _table(("command", "what it does", "example"), rows)


def agents() -> str:
    """Every agent, what it does, what it takes and how a shell runs it."""
    rows = [
        (f"`{a.name}`", a.description, ", ".join(f"`{name}`" for name in a.input.model_fields), f"`{example(a)}`")
        for a in OFFERED
    ]
    return _table(("agent", "what it does", "takes", "from a shell"), rows)


def tools() -> str:
    """Every tool of the server but the agents' own, what it does and what it takes."""
    with TemporaryDirectory() as folder:
        runtime = compose(Settings(FACTOR12_STATE_DIR=Path(folder)), Path(folder))
        entries = [entry for entry in table(runtime) if entry.name not in runtime.engine.agents]
        runtime.database.close()
    rows = [
        (f"`{entry.name}`", entry.description, ", ".join(f"`{name}`" for name in entry.arguments.model_fields))
        for entry in entries
    ]
    return _table(("tool", "what it does", "takes"), rows)


def options() -> str:
    """Every command with all it takes."""
    return "\n\n".join(f"### `{name}`\n\n{command.help}\n\n{_takes(command)}" for name, command in walk_commands())


def pasted(host: Printed) -> str:
    """What a person pastes into a host's file, with paths that stand for theirs."""
    command = "/absolute/path/to/factor12/.venv/bin/factor12"
    return snippet(
        host, "factor12", Started(command, env={"SISTER_REPO_BASE_PATH": "/absolute/path/to/your/repositories"})
    )


def block(host: Printed) -> str:
    return f"\n```{'toml' if host == 'codex' else 'json'}\n{pasted(host)}```\n"


EXAMPLE = "claude_desktop_config.example.json"
TABLES: Mapping[str, tuple[tuple[str, Callable[[], str]], ...]] = {
    "README.md": (("agents", agents), ("tools", tools), ("commands", commands)),
    "docs/configuration.md": (("settings", settings),),
    "docs/cli.md": (("options", options),),
    "docs/hosts.md": tuple((host, partial(block, host)) for host in HOSTS),
}


def walk_commands() -> Iterator[tuple[str, Any]]:
    """Yield every command that does something, with the words that call it."""
    found = dict(_walk("factor12", typer.main.get_command(app)))
    yield from sorted(found.items(), key=lambda entry: ORDER.index(entry[0].split()[1]))


def example_of(command: Any) -> str:
    return str(command.epilog or "").removeprefix("Example: ")


def renewed(document: str) -> str:
    """Return the document with its tables as the code has them now."""
    text = (ROOT / document).read_text(encoding="utf-8")
    for name, written in TABLES[document]:
        begin, end = f"<!-- table: {name} -->", f"<!-- end: {name} -->"
        assert begin in text and end in text, f"{document} has no place for the table {name!r}"
        text = re.sub(
            f"{begin}.*?{end}", lambda _, b=begin, e=end, w=written: f"{b}\n{w()}\n{e}", text, flags=re.DOTALL
        )
    return text


def _walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    below: Mapping[str, Any] = getattr(command, "commands", {})
    for word, inner in below.items():
        yield from _walk(f"{name} {word}", inner)
    if not below:
        yield name, command


def _takes(command: Any) -> str:
    """List what a command takes: arguments first, as its help says."""
    rows = list[tuple[str, str]]()
    for parameter in command.params:
        names = parameter.metavar if parameter.param_type_name == "argument" else " / ".join(_spellings(parameter))
        if names and not getattr(parameter, "hidden", False):
            rows.append((f"`{names}`", parameter.help or ""))
    return _table(("takes", ""), rows) if rows else "Takes nothing."


def _spellings(parameter: Any) -> list[str]:
    return [*parameter.opts, *parameter.secondary_opts]


def _first_line(text: str | None) -> str:
    return " ".join((text or "").split("\n\n")[0].split())


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    cells = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells)


def _accepts(field: FieldInfo) -> str:
    bounds = {name: getattr(part, name) for part in field.metadata for name in ("ge", "le") if hasattr(part, name)}
    limits = [f"{word} {bounds[name]:g}" for name, word in (("ge", "from"), ("le", "to")) if name in bounds]
    return " ".join([_kind(field.annotation), *limits])


def _kind(annotation: Any) -> str:
    arguments = [argument for argument in get_args(annotation) if argument is not NoneType]
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{option}`" for option in arguments)
    if get_origin(annotation) is tuple:
        return "paths, joined by `:`" if arguments[0] is Path else "words, joined by `,`"
    return KINDS[annotation] if annotation in KINDS else _kind(arguments[0])


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "the platform's state folder"
    match field.default:
        case bool() as default:
            return f"`{str(default).lower()}`"
        case None | "" | () | SecretStr():
            return ""
        case (*parts,):
            return f"`{','.join(map(str, parts))}`"
        case default:
            return f"`{default}`"


def main() -> None:
    for document in TABLES:
        (ROOT / PurePath(document)).write_text(renewed(document), encoding="utf-8")
    (ROOT / EXAMPLE).write_text(pasted("claude-desktop"), encoding="utf-8")


if __name__ == "__main__":
    main()
