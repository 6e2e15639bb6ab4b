"""The `factor12` command. Hosts wait for `serve`, so it does without the command line's imports."""

import sys


def main() -> None:
    """Run the command line; its exit code is the process's."""
    from mcp_server.guard import check_platform
    from state.problem import ProblemError

    arguments = sys.argv[1:]
    try:
        check_platform()
        if arguments == ["serve"]:
            from mcp_server.stdio import serve_stdio

            serve_stdio()
            sys.exit(0)
    except ProblemError as error:
        print(f"factor12: {error}", file=sys.stderr)
        sys.exit(2 if error.problem.kind == "bad_input" else 1)
    from mcp_server.cli import main as command_line

    sys.exit(command_line())


if __name__ == "__main__":
    main()
