"""MCP prompts: what a person picks from a menu, rendered into words that make the host's model call our tools."""

from typing import Any

from mcp.server.mcpserver.prompts.base import Prompt, PromptArgument
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS

from agents.runtime.definition import Agent
from mcp_server.asking import Ctx
from mcp_server.compose import Runtime
from mcp_server.envelope import status_of
from mcp_server.reading import reader
from mcp_server.schemas import Schema
from prompts import filled
from state.problem import ProblemError
from state.store import Search

UNFINISHED = ("waiting", "interrupted", "running")
MOST_THREADS = 10


def shown(agent: Agent[Any, Any]) -> Schema:
    """Return what a client reads of an agent's prompt; JSON-ready."""
    arguments = [
        {"name": name, "description": field.description, "required": field.is_required()}
        for name, field in agent.input.model_fields.items()
    ]
    repo = {"name": "repo", "description": "Repository, by name or path", "required": False}
    known = {"name": agent.name, "title": agent.title, "description": agent.description}
    return {**known, "arguments": [*arguments, repo]}


def prompt(runtime: Runtime, fields: Schema) -> Prompt:
    """Return the SDK's prompt, which renders a template with what the person filled in."""

    def ask(**given: str) -> str:
        task = {name: value for name, value in given.items() if value}
        return _worded(runtime, "call_agent", agent=fields["name"], description=fields["description"], task=task)

    return Prompt(
        name=fields["name"],
        title=fields["title"],
        description=fields["description"],
        arguments=[PromptArgument.model_validate(argument) for argument in fields["arguments"]],
        fn=ask,
        context_kwarg=None,
    )


def resume_work(runtime: Runtime) -> Prompt:
    """Return the prompt that goes on with what was begun: it names the threads, so that nobody has to look for them."""

    async def ask(ctx: Ctx, thread_id: str = "", repo: str = "", session: str = "") -> str:
        seen = reader(runtime, ctx.request_context.request)
        try:
            threads = [_one(seen, thread_id)] if thread_id else _unfinished(seen, repo, session)
        except ProblemError as error:
            raise MCPError(INVALID_PARAMS, str(error)) from error
        return seen.outward.text(_worded(runtime, "resume_work", repo=repo, threads=threads))

    return Prompt(
        name="resume_work",
        title="Resume work",
        description="Go on with threads that wait, were interrupted or still run.",
        arguments=[
            PromptArgument(name="thread_id", description="One thread; default: all that are unfinished"),
            PromptArgument(name="repo", description="Only threads in this repository, by name or path"),
            PromptArgument(name="session", description="Only threads of this session"),
        ],
        fn=ask,
        context_kwarg="ctx",
    )


def _worded(runtime: Runtime, name: str, **variables: Any) -> str:
    """Return what a host is told, in our words or in those of the user."""
    try:
        return filled(runtime.wordings.first(name), variables).text
    except ProblemError as error:
        raise MCPError(INVALID_PARAMS, str(error)) from error


def _one(runtime: Runtime, wanted: str) -> dict[str, Any]:
    thread = runtime.find(wanted)
    repo = thread.workspace[0].name if thread.workspace else ""
    asks = thread.question.key if thread.question else ""
    status = status_of(runtime, thread)
    return {
        "thread_id": thread.id,
        "agent": thread.agent,
        "repo": repo,
        "issue": "",
        "status": status,
        "question": asks,
    }


def _unfinished(runtime: Runtime, repo: str, session: str) -> list[dict[str, Any]]:
    """Return what is not at its end, what moved last first."""
    where = str(runtime.repositories.resolve(repo)) if "/" in repo else repo
    known: dict[str, Any] = {"repo": where or None, "session": runtime.session(session) if session else None}
    searches = [Search(**known, status=status, limit=MOST_THREADS) for status in UNFINISHED]
    found = [row for search in searches for row in runtime.store.list(search, runtime.principal)]
    latest = sorted(found, key=lambda row: row.updated_at, reverse=True)
    if repo and not latest:
        runtime.repositories.resolve(repo)  # there may be none of that name
    return [row.model_dump() for row in latest[:MOST_THREADS]]
