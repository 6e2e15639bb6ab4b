"""The `factor12` command. A host waits for `serve`, so that is started without the command line's imports."""

import sys
from pathlib import Path

from mcp_server import guard


def main() -> None:
    """Run the command line; its exit code is the process's."""
    if (complaint := guard.complaint()) is not None:
        sys.exit(f"factor12: {complaint}")
    match sys.argv[1:]:
        case ["serve"]:
            _serve(None)
        case ["serve", "--env-file", path]:
            _serve(Path(path))
        case _:
            from mcp_server.cli import main as command_line

            sys.exit(command_line())


def _serve(env_file: Path | None) -> None:
    from mcp_server.stdio import serve_stdio
    from state.problem import ProblemError

    try:
        serve_stdio(env_file)
    except ProblemError as error:
        print(f"factor12: {error}", file=sys.stderr)
        sys.exit(2 if error.problem.kind == "bad_input" else 1)


if __name__ == "__main__":
    main()
