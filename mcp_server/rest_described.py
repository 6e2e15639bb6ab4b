"""The OpenAPI, with what only a running server knows: which agents there are, what each takes, where a thread leads."""

from collections.abc import Iterator
from typing import Any, TypeAlias

from agents.runtime.definition import Agent
from mcp_server.rest_launching import one_text

Json: TypeAlias = dict[str, Any]
_AT = "#/components/schemas/"


def described(openapi: Json, agents: list[Agent[Any, Any]]) -> Json:
    """Return the description, completed."""
    components, paths = openapi["components"], openapi["paths"]
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    openapi["security"] = [{}, {"token": []}]  # a server that asks for no token takes calls without one
    schemas: Json = components["schemas"]
    start = schemas.pop("Start")
    starts = [_start(start, agent, schemas) for agent in agents]
    body: Json = {"oneOf": [*starts, {"$ref": f"{_AT}Message"}]}
    paths["/agents/start"]["post"]["requestBody"]["content"]["application/json"]["schema"] = body
    told = [agent.name for agent in agents if one_text(agent)]
    schemas["Message"]["properties"]["agent_type"]["enum"] = told
    schemas["Prompt"]["properties"]["agent"]["enum"] = told
    links = dict(_links(paths, "{thread_id}", {"thread_id": "$response.body#/thread_id"}))
    paths["/agents/start"]["post"]["responses"]["200"]["links"] = links
    of_state = dict(_links(paths, "/agent/state/{id}", {"id": "$response.body#/id"}))
    paths["/agent/launch"]["post"]["responses"]["200"]["links"] = of_state
    return openapi


def _start(start: Json, agent: Agent[Any, Any], schemas: Json) -> Json:
    """Add what launches one agent, its task in full, and return a reference to it."""
    name = f"Start-{agent.name}"
    task = agent.input.model_json_schema(ref_template=f"{_AT}{name}-{{model}}")
    for inner, schema in task.pop("$defs", {}).items():
        schemas[f"{name}-{inner}"] = schema
    fields = {**start["properties"], "agent": {"const": agent.name}, "task": {**task, "additionalProperties": False}}
    if agent.mode == "read":
        del fields["isolation"]
    required = ["agent", "task"] if task.get("required") else ["agent"]
    about = {"title": name, "description": agent.description, "properties": fields, "required": required}
    schemas[name] = {**start, **about}
    return {"$ref": f"{_AT}{name}"}


def _links(paths: Json, within: str, parameters: Json) -> Iterator[tuple[str, Json]]:
    """Yield what can be asked next of what was launched."""
    for path, methods in paths.items():
        if within in path:
            for call in methods.values():
                yield call["operationId"], {"operationId": call["operationId"], "parameters": parameters}
