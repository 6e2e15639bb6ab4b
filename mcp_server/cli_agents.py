"""`factor12 agents` and `factor12 info`: which agents there are, what each takes and returns."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from agents.runtime.definition import Agent
from mcp_server.catalogue import OFFERED
from mcp_server.cli_process import Json, composed
from mcp_server.cli_run import agent_named, custom_named, example
from mcp_server.enabling import BETWEEN
from mcp_server.loop import run
from mcp_server.schemas import lean, schema_of
from mcp_server.terminal import complain, out, print_json


def list_agents(ctx: typer.Context, as_json: Json = False) -> None:
    """List the agents there are, those of your own repositories too."""
    runtime = composed(ctx)
    run(runtime.custom.learn)
    agents = [*OFFERED, *(runtime.engine.agent(name) for name in runtime.custom.named())]
    if as_json:
        return print_json([{"name": agent.name, "description": agent.description} for agent in agents])
    table = Table("AGENT", "", box=None, pad_edge=False)
    for agent in agents:
        table.add_row(agent.name, Text(agent.description))
    out().print(table)
    for one in runtime.custom.broken:
        complain(one.problem)


def info(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="AGENT", help="As `factor12 agents` lists it.")],
    as_json: Json = False,
) -> None:
    """Show what an agent takes, what it returns and how to run it."""
    agent = custom_named(composed(ctx), name) if BETWEEN in name else agent_named(name)
    if as_json:
        return print_json(_described(agent))
    console = out()
    console.print(Text(agent.name, "bold"), Text(agent.title, "dim"))
    console.print(agent.description)
    for title, model in (("Takes", agent.input), ("Returns", agent.output)):
        console.print(Text(f"\n{title}", "bold"))
        console.print(_fields(model.model_json_schema()))
    console.print(Text("\nExample", "bold"))
    console.print(f"  {example(agent)}")


def _described(agent: Agent[Any, Any]) -> dict[str, Any]:
    return {
        "name": agent.name,
        "title": agent.title,
        "description": agent.description,
        "mode": agent.mode,
        "input": schema_of(agent.input),
        "output": schema_of(agent.output),
        "example": example(agent),
    }


def _fields(schema: Mapping[str, Any]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    required = schema.get("required", ())
    for name, field in lean(dict(schema)).get("properties", {}).items():
        needed = "required" if name in required else ""
        table.add_row(f"  {name}", Text(kind_of(field), "cyan"), Text(needed, "yellow"), field.get("description", ""))
    return table


def kind_of(field: Mapping[str, Any]) -> str:
    """Name a field's type as a person would: text, list of text, one of the model's own names."""
    match field:
        case {"enum": options}:
            return " | ".join(str(option) for option in options)
        case {"$ref": reference}:
            return str(reference).rpartition("/")[2]
        case {"anyOf": options}:
            return " | ".join(kind_of(option) for option in options)
        case {"type": "array", "items": item}:
            return f"list of {kind_of(item)}"
        case {"type": kind}:
            return {"string": "text", "boolean": "yes/no", "integer": "number"}.get(kind, str(kind))
        case _:
            return "anything"
