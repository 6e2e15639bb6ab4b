"""`factor12 run AGENT`: one command per agent, whose options are the fields of the agent's task."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from shlex import quote
from typing import Annotated, Any, TypeAlias

import typer
from typer.core import TyperGroup

from agents.runtime.definition import Agent
from mcp_server import loop
from mcp_server.catalogue import OFFERED
from mcp_server.cli_follow import attend
from mcp_server.cli_process import Json, Repo, Session, WaitS, composed, driving, repository
from mcp_server.cli_task import Words, read_words, task_fields
from mcp_server.compose import Runtime
from mcp_server.enabling import BETWEEN
from mcp_server.launching import Place, wish
from mcp_server.repositories import Isolation
from state.problem import ProblemError

CLIENT = "factor12 run"

Key: TypeAlias = Annotated[
    str, typer.Option("--idempotency-key", help="The same key and task find the thread they opened before.")
]
Apart: TypeAlias = Annotated[
    Isolation,
    typer.Option(
        "--isolation", help="worktree: work in a work tree of its own; `factor12 threads apply` takes it over."
    ),
]


class Agents(TyperGroup):
    """The commands of the agents, by the agents' names."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the agent's command; that of an agent of a person's own repository is made when it is called.

        Raises:
            ProblemError: `not_found`, with the nearest agent.
        """
        if BETWEEN in cmd_name:
            agent = custom_named(composed(ctx), cmd_name)
            alone = typer.Typer()
            alone.command(agent.name, help=agent.description, epilog=f"Example: {example(agent)}")(launcher(agent))
            return typer.main.get_command(alone)
        return super().get_command(ctx, agent_named(cmd_name).name)


app = typer.Typer(cls=Agents, help="Run an agent over a repository and follow it to its result.", no_args_is_help=True)


def launcher(agent: Agent[Any, Any]) -> Callable[..., int]:
    """Return the agent's command: a function whose parameters are the task's fields and where to work."""
    fields = task_fields(agent)

    def run(
        ctx: typer.Context,
        words: Words = None,
        repo: Repo = "",
        session: Session = "",
        wait: WaitS = None,
        as_json: Json = False,
        idempotency_key: Key = "",
        isolation: Apart = "in_place",
        **options: Any,
    ) -> int:
        given = {name: value for name, value in options.items() if value is not None}
        task = {**given, **read_words(agent.name, fields, words or ())}

        async def launch() -> int:
            async with driving(ctx) as runtime:
                await runtime.custom.learn()
                place = Place(repository(repo), session, isolation)
                wanted = wish(runtime, agent, task, place, source="cli", client=CLIENT, idempotency_key=idempotency_key)
                thread = await runtime.engine.launch(await wanted)
                return await attend(runtime, thread.id, seconds=wait, as_json=as_json)

        return loop.run(launch)

    _offer(run, fields, without=() if agent.mode == "write" else ("isolation",))
    return run


def agent_named(name: str) -> Agent[Any, Any]:
    """Return the agent of that name.

    Raises:
        ProblemError: `not_found`, with the nearest one.
    """
    for agent in OFFERED:
        if agent.name == name:
            return agent
    names = [agent.name for agent in OFFERED]
    near = get_close_matches(name, names, 1)
    hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(names)}."
    raise ProblemError("not_found", f"There is no agent {name!r}.", hint)


def custom_named(runtime: Runtime, name: str) -> Agent[Any, Any]:
    """Return the agent of a person's own repository.

    Raises:
        ProblemError: There is none; where it is known, why.
    """
    loop.run(runtime.custom.learn)
    return runtime.engine.agent(name)


def example(agent: Agent[Any, Any]) -> str:
    """Return a command line that runs the agent."""
    for name, schema in task_fields(agent).items():
        value = next(iter(schema.get("examples", ())), name.upper())
        return f"factor12 run {agent.name} --{name.replace('_', '-')} {quote(str(value))}"
    return f"factor12 run {agent.name}"


def _offer(run: Callable[..., int], fields: Mapping[str, Mapping[str, Any]], without: Sequence[str]) -> None:
    """Give the function the signature that typer reads: its own parameters, and one option per field."""
    own = inspect.signature(run)
    offered = (one for one in own.parameters.values() if one.kind is not one.VAR_KEYWORD and one.name not in without)
    first, words, *where = offered
    parameters = [first, words, *_options(fields), *where]
    annotations = {parameter.name: parameter.annotation for parameter in parameters}
    vars(run)["__signature__"] = own.replace(parameters=parameters)
    run.__annotations__ = {**annotations, "return": int}


def _options(fields: Mapping[str, Mapping[str, Any]]) -> Iterator[inspect.Parameter]:
    for name, schema in fields.items():
        flag = f"--{name.replace('_', '-')}"
        told = str(schema.get("description", ""))
        match schema.get("type"):
            case "boolean":
                kind: Any = Annotated[bool | None, typer.Option(f"{flag}/--no-{flag[2:]}", help=told)]
            case "array":
                kind = Annotated[list[str] | None, typer.Option(flag, help=f"{told} (repeatable)")]
            case _:
                kind = Annotated[str | None, typer.Option(flag, help=told)]
        yield inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=kind)


for _agent in OFFERED:
    app.command(_agent.name, help=_agent.description, epilog=f"Example: {example(_agent)}")(launcher(_agent))
