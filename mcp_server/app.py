"""The MCP server over a composed process: the table of tools, one prompt per agent, threads as resources."""

from functools import cache

from mcp_types import CallToolResult

from mcp_server.compose import Runtime
from mcp_server.envelope import refusal
from mcp_server.listing import Listing, listing
from mcp_server.prompts import prompt
from mcp_server.prompts import shown as shown_prompt
from mcp_server.resources import add_resources
from mcp_server.sdk import Server, without_rich
from mcp_server.sealing import sealed_by
from mcp_server.toolbox import Entry, reply, shown, tools
from mcp_server.version import program_version
from state.problem import Problem

INSTRUCTIONS = (
    "Runs small software agents over the git repositories beside this one. Name a repository with `repo`, or switch "
    "with `repo_switch`. Every result carries a thread_id and, as `next`, the next sensible call. A thread that waits "
    "is answered with `thread_answer`, unless the question is for a person: then show it to the person."
)


def build_server(runtime: Runtime) -> Server:
    """Build the server. No agent's code is imported for it, once the list of tools has been made.

    Raises:
        StoreError: The key beside the store cannot be used.
    """

    @cache
    def entries() -> dict[str, Entry]:
        return {entry.name: entry for entry in table(runtime)}

    def make() -> Listing:
        prompts = [*map(shown_prompt, runtime.engine.offered)]
        return {"tools": [*map(shown, entries().values())], "prompts": prompts}

    async def stranger(name: str) -> CallToolResult:
        message, hint = f"There is no tool {name[:80]!r}.", f"There are: {', '.join(entries())}."
        return reply(runtime, refusal(Problem(kind="not_found", message=message, hint=hint)))

    listed = listing(runtime, make)
    with without_rich():
        server = Server(
            name="factor12",
            title="factor12",
            version=program_version(),
            instructions=INSTRUCTIONS,
            tools=tools(runtime, listed["tools"], lambda name: entries()[name]),
            log_level=runtime.settings.log_level,
            request_state_security=sealed_by(runtime.settings.database),
        )
    server.stranger = stranger
    for fields in listed["prompts"]:
        server.add_prompt(prompt(fields))
    add_resources(server, runtime)
    return server


def table(runtime: Runtime) -> list[Entry]:
    """Return every tool, in the order they are listed."""
    from mcp_server import (  # as late as the agents they launch
        agent_tools,
        checkpoint_tools,
        repo_tools,
        service_tools,
        thread_tools,
    )

    return [
        *agent_tools.entries(runtime),
        *thread_tools.entries(runtime),
        *checkpoint_tools.entries(),
        *repo_tools.entries(),
        *service_tools.entries(),
    ]
