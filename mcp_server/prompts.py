"""One MCP prompt per agent: what a person picks from a menu, rendered into words that make the host's model call it."""

from typing import Any

from mcp.server.mcpserver.prompts.base import Prompt, PromptArgument

from agents.runtime.definition import Agent
from mcp_server.compose import Runtime
from prompts import render


def prompts(runtime: Runtime) -> list[Prompt]:
    return [_prompt(agent) for agent in runtime.engine.agents.values()]


def _prompt(agent: Agent[Any, Any]) -> Prompt:
    def ask(**given: str) -> str:
        task = {name: value for name, value in given.items() if value}
        return render("call_agent", agent=agent.name, description=agent.description, task=task)

    arguments = [
        PromptArgument(name=name, description=field.description, required=field.is_required())
        for name, field in agent.input.model_fields.items()
    ]
    repo = PromptArgument(name="repo", description="Repository, by name or path", required=False)
    return Prompt(
        name=agent.name,
        title=agent.title,
        description=agent.description,
        arguments=[*arguments, repo],
        fn=ask,
        context_kwarg=None,
    )
