"""What the tools take: typed, unknown names refused, and forgiving only of what hosts are known to do to arguments."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from agents.runtime.definition import Agent
from mcp_server.asking import LONGEST_WAIT_S
from mcp_server.repositories import Isolation
from state.problem import ProblemError
from tools.base import first_complaint

MOST_ROWS = 100

ArgumentsT = TypeVar("ArgumentsT", bound=BaseModel)


class Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Where(Arguments):
    """What every agent tool takes beside its own task."""

    repo: str = Field(
        default="", description="Name (repo_list) or path; default: the session's current one, else the server's own"
    )
    session: str = Field(default="", description="From repo_switch; default: the default session")


class Apart(Where):
    """What an agent that edits takes beside its own task."""

    isolation: Isolation = Field(
        default="in_place", description="worktree: edit a work tree of its own; the person's checkout is not touched"
    )


class ThreadId(Arguments):
    thread_id: str = Field(default="latest", description="Default: latest")


class Wait(ThreadId):
    wait: float | None = Field(default=None, ge=0, le=LONGEST_WAIT_S, description="Seconds")


class History(ThreadId):
    after: int = Field(default=0, ge=0, description="Only events after this version")


class Answer(Arguments):
    thread_id: str = Field(description="Of the waiting thread, or latest")
    key: str = Field(description="The question's key")
    answer: str | dict[str, Any] = Field(description="One of the options, text, or an object that fits the schema")


class Approve(Arguments):
    thread_id: str = Field(description="Of the waiting thread")
    key: str = Field(description="The question's key")
    approve: bool = Field(default=True, description="false denies")


class Cancel(Arguments):
    thread_id: str = Field(description="Of the thread, or latest")
    reason: str = ""


class Fork(ThreadId):
    checkpoint_id: str = Field(default="", description="Begin with its files; default: with the files as they are")
    version: int | None = Field(default=None, ge=1, description="Default: the last one, or the checkpoint's")
    task: dict[str, Any] = Field(default={}, description="Fields of the agent's task to replace")
    isolation: Isolation = Field(default="worktree", description="in_place: go on in the thread's own work tree")
    model: str = Field(default="", description="Decide anew: by this model of the chain, `host`, or `same`")


class Listing(Arguments):
    session: str | None = None
    repo: str | None = Field(default=None, description="Name or path")
    branch: str | None = None
    issue: str | None = None
    status: Literal["running", "waiting", "completed", "failed", "cancelled", "interrupted"] | None = None
    agent: str | None = None
    limit: int = Field(default=20, ge=1, le=MOST_ROWS)


class Switch(Arguments):
    repo: str = Field(description="Name (repo_list) or path")
    session: str = Field(default="", description="Default: a new one, which is returned")


class Session(Arguments):
    session: str = Field(default="", description="Default: the default session")


class Nothing(Arguments):
    pass


def of_agent(agent: Agent[Any, Any]) -> type[BaseModel]:
    """Return an agent's arguments: its task's fields first, then where to work."""
    return _joined(f"{agent.name}_arguments", Apart if agent.mode == "write" else Where, agent.input)


@lru_cache(maxsize=64)
def _joined(name: str, where: type[Where], task: type[BaseModel]) -> type[BaseModel]:
    return create_model(name, __base__=(where, task))


def read(model: type[ArgumentsT], given: Mapping[str, Any], tool: str) -> ArgumentsT:
    """Return the arguments, typed.

    Nulls count as absent. A text where another type is wanted is tried as JSON, as some hosts send numbers, lists and
    objects that way, and a whole number where a text is wanted is its digits: an issue is called 123. A text that is
    wanted is never touched.

    Raises:
        ProblemError: `bad_input`; names the argument, and the known ones when it is unknown.
    """
    present = {name: value for name, value in given.items() if value is not None}
    try:
        return model.model_validate(present)
    except ValidationError as error:
        try:
            return model.model_validate(_decoded(present, error))
        except ValidationError as still:
            raise _complaint(model, still, tool) from still


def _decoded(given: Mapping[str, Any], error: ValidationError) -> dict[str, Any]:
    wrong = {(str(entry["loc"][0]), entry["type"]) for entry in error.errors() if entry["loc"]}
    decoded = dict(given)
    for name, why in wrong:
        match why, given.get(name):
            case "string_type", int() as number if not isinstance(number, bool):
                decoded[name] = str(number)
            case _, str() as text if why != "string_type":
                decoded[name] = _try_json(text)
            case _:
                pass
    return decoded


def _try_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _complaint(model: type[BaseModel], error: ValidationError, tool: str) -> ProblemError:
    takes = ", ".join(model.model_fields) or "no arguments"
    for entry in error.errors(include_url=False):
        if entry["type"] == "extra_forbidden":
            name = str(entry["loc"][0])
            return ProblemError("bad_input", f"{tool} has no argument {name[:80]!r}.", f"It takes: {takes}.")
    complaint = first_complaint(error).replace("a valid tuple", "a list")
    return ProblemError("bad_input", f"{tool}: {complaint}", f"It takes: {takes}.")
