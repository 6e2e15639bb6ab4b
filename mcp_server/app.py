"""The MCP server over a composed process: the table of tools, one prompt per agent, threads as resources."""

from mcp_types import CallToolResult

from mcp_server import agent_tools, repo_tools, service_tools, thread_tools
from mcp_server.compose import Runtime
from mcp_server.envelope import refusal
from mcp_server.prompts import prompts
from mcp_server.resources import add_resources
from mcp_server.sdk import Server, without_rich
from mcp_server.sealing import sealed_by
from mcp_server.service_tools import program_version
from mcp_server.toolbox import Entry, reply, tools
from state.problem import Problem

INSTRUCTIONS = (
    "Runs small software agents over the git repositories beside this one. Name a repository with `repo`, or switch "
    "with `repo_switch`. Every result carries a thread_id and, as `next`, the next sensible call. A thread that waits "
    "is answered with `thread_answer`, unless the question is for a person: then show it to the person."
)


def build_server(runtime: Runtime) -> Server:
    """Build the server; nothing is driven, and of the store only the key is touched, before a client asks.

    Raises:
        StoreError: The key beside the store cannot be used.
    """
    entries = table(runtime)
    with without_rich():
        server = Server(
            name="factor12",
            title="factor12",
            version=program_version(),
            instructions=INSTRUCTIONS,
            tools=tools(runtime, entries),
            log_level=runtime.settings.log_level,
            request_state_security=sealed_by(runtime.settings.database),
        )
    known = ", ".join(entry.name for entry in entries)

    async def stranger(name: str) -> CallToolResult:
        problem = Problem(kind="not_found", message=f"There is no tool {name[:80]!r}.", hint=f"There are: {known}.")
        return reply(runtime, refusal(problem))

    server.stranger = stranger
    for prompt in prompts(runtime):
        server.add_prompt(prompt)
    add_resources(server, runtime)
    return server


def table(runtime: Runtime) -> list[Entry]:
    """Return every tool, in the order they are listed."""
    return [
        *agent_tools.entries(runtime),
        *thread_tools.entries(runtime),
        *repo_tools.entries(),
        *service_tools.entries(),
    ]
