"""`factor12 serve` over toys: run as a child process by the tests, with the settings in its environment."""

from pathlib import Path

import anyio

from mcp_server.logs import configure
from mcp_server.outward import Outward
from mcp_server.settings import load
from mcp_server.stdio import serve
from tests.mcp_server.door import AGENTS, TOOLS


def main() -> None:
    """Serve the toys as the real command serves its agents."""
    settings = load()
    configure(settings, Outward())
    anyio.run(serve, settings, Path.cwd(), AGENTS, TOOLS)


if __name__ == "__main__":
    main()
