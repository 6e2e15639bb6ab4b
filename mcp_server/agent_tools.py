"""One tool per agent: launch it, wait a moment, answer with its thread."""

from typing import Any

from mcp_types import ToolAnnotations
from pydantic import BaseModel

from agents.runtime.definition import Agent
from mcp_server.arguments import of_agent
from mcp_server.asking import Ctx, begin, client_name, meta, settle
from mcp_server.compose import Runtime
from mcp_server.launching import Place, wish
from mcp_server.toolbox import Answer, Entry
from state.problem import ProblemError

LONGEST_KEY = 200


def entries(runtime: Runtime) -> list[Entry]:
    """Return the agents' part of the table."""
    return [entry(agent) for agent in runtime.engine.offered if agent.elsewhere is None]


def entry(agent: Agent[Any, Any]) -> Entry:
    """Return the tool that launches the agent."""

    async def act(runtime: Runtime, ctx: Ctx, args: BaseModel) -> Answer:
        return await _launch(runtime, agent, ctx, args)

    return Entry(
        name=agent.name,
        title=agent.title,
        description=agent.description,
        arguments=of_agent(agent),
        output=agent.output,
        act=act,
        annotations=ToolAnnotations(
            read_only_hint=False,
            destructive_hint=agent.mode == "write",
            idempotent_hint=False,
            open_world_hint=True,  # a repository's own tests run with the person's rights, network included
        ),
    )


async def _launch(runtime: Runtime, agent: Agent[Any, Any], ctx: Ctx, args: BaseModel) -> Answer:
    call = begin(runtime, ctx)
    place = Place(**args.model_dump(include={"repo", "session", "isolation"}))
    task = args.model_dump(mode="json", include=set(agent.input.model_fields), exclude_unset=True)
    client, key = client_name(ctx), _idempotency_key(ctx)
    meant = await wish(runtime, agent, task, place, source="mcp", client=client, idempotency_key=key)
    return await settle(call, await runtime.engine.launch(meant))


def _idempotency_key(ctx: Ctx) -> str:
    match meta(ctx).get("idempotency_key"):
        case None:
            return ""
        case str() as key if 0 < len(key) <= LONGEST_KEY:
            return key
        case other:
            hint = f"Give a text of at most {LONGEST_KEY} characters."
            raise ProblemError("bad_input", f"_meta.idempotency_key is {str(other)[:80]!r}.", hint)
