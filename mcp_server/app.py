"""The MCP server over a composed process: tools, prompts, resources, completions, and who hears of changes."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache, partial
from urllib.parse import quote

from mcp.server.caching import CacheableMethod, CacheHint
from mcp_types import CallToolResult, CompleteRequestParams, Icon

from mcp_server.changes import Changes
from mcp_server.completing import Completions
from mcp_server.compose import Runtime
from mcp_server.custom_shelf import Shelf
from mcp_server.envelope import refusal
from mcp_server.listing import Listing, listing
from mcp_server.narrowing import offered
from mcp_server.prompts import prompt, resume_work
from mcp_server.prompts import shown as shown_prompt
from mcp_server.replies import reply
from mcp_server.resources import add_resources
from mcp_server.schemas import Schema
from mcp_server.sdk import Server, without_rich
from mcp_server.sealing import sealed_by
from mcp_server.task_notices import listening
from mcp_server.tasks import Tasks
from mcp_server.toolbox import Entry, shown, tools
from mcp_server.version import program_version
from state.problem import Problem

INSTRUCTIONS: tuple[tuple[str, str], ...] = (
    ("", "Runs small software agents over the git repositories beside this one."),
    ("repo_switch", "Name a repository with `repo`, or switch with `repo_switch`."),
    ("", "Every result carries a thread_id and, as `next`, the next sensible call."),
    (
        "thread_answer",
        "A thread that waits is answered with `thread_answer`, unless the question is for a person: then show it to the"
        " person.",
    ),
)
"""Each sentence with the tool that it is about, which may not be offered."""
HOUR_MS = 3_600_000
LISTS = CacheHint(ttl_ms=HOUR_MS, scope="public")
"""What a server lists holds nothing of anybody's, and stays the same for as long as it runs."""
CHANGING = CacheHint(ttl_ms=0, scope="public")
"""Agents of a person's own repositories come and go: who listens is told, and who does not asks again."""
CACHE_HINTS: Mapping[CacheableMethod, CacheHint] = {
    "server/discover": LISTS,
    "tools/list": CHANGING,
    "prompts/list": CHANGING,
    "resources/list": LISTS,
    "resources/templates/list": LISTS,
}
ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path d="M0 0h8v8H0z" fill="#236"/>'
    '<path d="M2 2v4M4 6V2h2v2H4v2h2" stroke="#fff" fill="none"/></svg>'
)


def build_server(runtime: Runtime) -> Server:
    """Build the server. No agent's code is imported for it, once the list of tools has been made.

    Raises:
        ProblemError: The settings name a tool that there is not, or the key beside the store cannot be used.
    """

    @cache
    def entries() -> dict[str, Entry]:
        return {entry.name: entry for entry in table(runtime)}

    listed = listing(runtime, partial(_made, runtime))
    left = offered(runtime.settings, listed["tools"])
    names = [tool["name"] for tool in left]
    absent = {tool["name"] for tool in listed["tools"]}.difference(names)

    changes, shelf = Changes(runtime), Shelf(runtime)
    with without_rich():
        server = Server(
            name="factor12",
            title="factor12",
            version=program_version(),
            instructions=" ".join(sentence for about, sentence in INSTRUCTIONS if not about or about in names),
            icons=[Icon(src=f"data:image/svg+xml,{quote(ICON, safe='=:/')}", mime_type="image/svg+xml")],
            tools=tools(runtime, left, lambda name: entries()[name], absent),
            changing=("tools", "prompts"),
            log_level=runtime.settings.log_level,
            request_state_security=sealed_by(runtime.settings.database),
            subscriptions=changes.bus,
            cache_hints=CACHE_HINTS,
            extensions=[Tasks(runtime, absent)],
            middleware=[listening(runtime, absent)],
        )
    server.stranger = _stranger(runtime, names)
    changes.serve_on(server)
    server.serve("completion/complete", CompleteRequestParams, Completions(runtime, left))
    _add_prompts(server, runtime, listed["prompts"], names)
    add_resources(server, runtime, lambda: shelf.agents(names))
    shelf.serve_on(server, changes, absent)
    return server


def _made(runtime: Runtime) -> Listing:
    listed = [shown(entry, toolset) for toolset, entries in toolsets(runtime).items() for entry in entries]
    ours = [agent for agent in runtime.engine.offered if agent.elsewhere is None]
    return {"tools": listed, "prompts": [*map(shown_prompt, ours)]}


def _stranger(runtime: Runtime, names: Sequence[str]) -> Callable[[str], Awaitable[CallToolResult]]:
    async def answer(name: str) -> CallToolResult:
        message, hint = f"There is no tool {name[:80]!r}.", f"There are: {', '.join(names)}."
        none = Problem(kind="not_found", message=message, hint=hint)
        is_narrowed = runtime.custom.agent(name) is not None
        return reply(runtime, refusal(none if is_narrowed else runtime.custom.missing(name) or none))

    return answer


def _add_prompts(server: Server, runtime: Runtime, listed: Sequence[Schema], names: Sequence[str]) -> None:
    """Offer the prompts whose tools are offered."""
    for fields in listed:
        if fields["name"] in names:
            server.add_prompt(prompt(runtime, fields))
    if "thread_resume" in names:
        server.add_prompt(resume_work(runtime))


def toolsets(runtime: Runtime) -> dict[str, list[Entry]]:
    """Return every tool by its toolset, in the order they are listed."""
    from mcp_server import (  # as late as the agents they launch
        agent_tools,
        checkpoint_tools,
        repo_tools,
        service_tools,
        thread_tools,
    )

    return {
        "agents": agent_tools.entries(runtime),
        "threads": thread_tools.entries(runtime),
        "checkpoints": checkpoint_tools.entries(),
        "repositories": repo_tools.entries(),
        "service": service_tools.entries(),
    }


def table(runtime: Runtime) -> list[Entry]:
    """Return every tool, in the order they are listed."""
    return [entry for entries in toolsets(runtime).values() for entry in entries]
