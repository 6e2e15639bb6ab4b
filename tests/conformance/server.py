"""`factor12 serve --transport http` with what the official suite calls: `python -m tests.conformance.server`."""

from functools import partial
from pathlib import Path
from typing import Any

import anyio

from mcp_server.app import build_server
from mcp_server.compose import Runtime
from mcp_server.http import serve
from mcp_server.logs import configure
from mcp_server.outward import Outward
from mcp_server.sdk import Server
from mcp_server.settings import load
from tests.conformance import contents, hooks, jobs, questions
from tests.conformance.two_forms import TwoForms

RETRY_MS = 500


def equipped(runtime: Runtime) -> Server:
    """Build the server as it always is, and give it what the suite calls; all on the way there stays ours."""
    server = build_server(runtime)
    for tool in (*contents.TOOLS, *questions.TOOLS, *hooks.TOOLS, jobs.greet):
        server.add_tool(tool)
    for prompt in (*contents.PROMPTS, *questions.PROMPTS):
        server.add_prompt(prompt)
    contents.add_resources(server)
    hooks.add_completions(server)
    server.middleware.append(hooks.answered)
    server.middleware.append(TwoForms())
    resumable: Any = partial(server.streamable_http_app, event_store=hooks.Kept(), retry_interval=RETRY_MS)
    server.streamable_http_app = resumable
    return server


def main() -> None:
    """Serve on any free port, and say on which."""
    settings = load().model_copy(update={"api_port": 0})
    configure(settings, Outward())
    anyio.run(serve, settings, Path.cwd(), "http", jobs.AGENTS, jobs.TOOLS, equipped)


if __name__ == "__main__":
    main()
