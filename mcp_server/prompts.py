"""One MCP prompt per agent: what a person picks from a menu, rendered into words that make the host's model call it."""

from typing import Any

from mcp.server.mcpserver.prompts.base import Prompt, PromptArgument

from agents.runtime.definition import Agent
from mcp_server.schemas import Schema
from prompts import render


def shown(agent: Agent[Any, Any]) -> Schema:
    """Return what a client reads of an agent's prompt; JSON-ready."""
    arguments = [
        {"name": name, "description": field.description, "required": field.is_required()}
        for name, field in agent.input.model_fields.items()
    ]
    repo = {"name": "repo", "description": "Repository, by name or path", "required": False}
    known = {"name": agent.name, "title": agent.title, "description": agent.description}
    return {**known, "arguments": [*arguments, repo]}


def prompt(fields: Schema) -> Prompt:
    """Return the SDK's prompt, which renders our template with what the person filled in."""

    def ask(**given: str) -> str:
        task = {name: value for name, value in given.items() if value}
        return render("call_agent", agent=fields["name"], description=fields["description"], task=task)

    return Prompt(
        name=fields["name"],
        title=fields["title"],
        description=fields["description"],
        arguments=[PromptArgument.model_validate(argument) for argument in fields["arguments"]],
        fn=ask,
        context_kwarg=None,
    )
