"""The MCP server over a composed process: the table of tools, one prompt per agent, threads as resources."""

import os
from pathlib import Path

from mcp.server.mcpserver import MCPServer, RequestStateSecurity

from mcp_server import agent_tools, repo_tools, service_tools, thread_tools
from mcp_server.compose import Runtime
from mcp_server.prompts import prompts
from mcp_server.resources import add_resources
from mcp_server.service_tools import program_version
from mcp_server.toolbox import tools

INSTRUCTIONS = (
    "Runs small software agents over the git repositories beside this one. Name a repository with `repo`, or switch "
    "with `repo_switch`. Every result carries a thread_id and the next sensible call. A thread that waits is answered "
    "with `thread_answer`, unless the question is for a person."
)
STATE_LIFETIME_S = 86_400.0


def build_server(runtime: Runtime) -> MCPServer:
    """Build the server; nothing is read or driven before a client asks."""
    table = [
        *agent_tools.entries(runtime),
        *thread_tools.entries(runtime),
        *repo_tools.entries(),
        *service_tools.entries(),
    ]
    server = MCPServer(
        name="factor12",
        title="factor12",
        version=program_version(),
        instructions=INSTRUCTIONS,
        tools=tools(runtime, table),
        log_level=runtime.settings.log_level,
        request_state_security=RequestStateSecurity(keys=[_key(runtime.settings.state_dir)], ttl=STATE_LIFETIME_S),
    )
    for prompt in prompts(runtime):
        server.add_prompt(prompt)
    add_resources(server, runtime)
    return server


def _key(folder: Path) -> bytes:
    """Return the key that seals `requestState`, kept beside the store so that a retry may reach another process."""
    path = folder / "request-state.key"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(handle, "wb") as file:
        file.write(key := os.urandom(32))
    return key
