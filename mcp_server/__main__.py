"""The `factor12` command. A host waits for `serve`, so that is started without the command line's imports."""

import gc
import os
import sys
from pathlib import Path
from typing import Any

from mcp_server import guard

_VALUED = {"--env-file": "env_file", "--toolsets": "toolsets", "--tools": "tools"}


def main() -> None:
    """Run the command line; its exit code is the process's."""
    gc.disable()  # what is imported stays: to look among it for what may go takes a tenth of the start
    if (complaint := guard.complaint()) is not None:
        sys.exit(f"factor12: {complaint}")
    match sys.argv[1:]:
        case ["serve", *words] if (given := _read(words)) is not None:
            _serve(given)
        case _:
            _open_streams()
            from mcp_server.cli import main as command_line

            sys.exit(command_line())


def _open_streams() -> None:
    """Have closed streams lead nowhere: Python has none for them, and the next file that is opened would be theirs."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))


def _read(words: list[str]) -> dict[str, Any] | None:
    """Return what `serve` is given, if it is what hosts write; `None` is for the command line to make sense of."""
    given, rest = dict[str, Any](), [part for word in words for part in _parts(word)]
    while rest:
        match rest:
            case ["--read-only", *rest]:
                given["read_only"] = True
            case [option, value, *rest] if option in _VALUED and not value.startswith("-"):
                given[_VALUED[option]] = value
            case _:
                return None
    return given


def _parts(word: str) -> list[str]:
    """Return an option and its value, where both are one word."""
    option, equals, value = word.partition("=")
    return [option, value] if equals and option in _VALUED else [word]


def _serve(given: dict[str, Any]) -> None:
    from mcp_server.stdio import serve_stdio
    from state.problem import ProblemError

    named = given.pop("env_file", None)
    try:
        serve_stdio(Path(named) if named is not None else None, **given)
    except ProblemError as error:
        print(f"factor12: {error}", file=sys.stderr)
        sys.exit(2 if error.problem.kind == "bad_input" else 1)


if __name__ == "__main__":
    main()
