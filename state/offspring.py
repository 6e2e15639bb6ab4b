"""The two events of threads that a thread starts. They stand in the log of the parent."""

from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

from state.problem import Problem
from state.steps import Join, Outcome

Json: TypeAlias = Any
Trees: TypeAlias = dict[str, tuple[str, str]]
"""Repository → its work tree before and after, as commits of its checkpoints. Only those that differ."""


class ChildRef(BaseModel):
    """A thread that was started by another."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    key: str
    thread: str
    agent: str
    lent: tuple[str, ...] = ()
    """Keys of the work trees that its parent hands down to it until it has ended (R20)."""


class Spawned(BaseModel):
    """Children were started, in the same transaction; the thread rests until they have ended."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)

    kind: Literal["spawned"] = "spawned"
    key: str
    hash: str
    children: tuple[ChildRef, ...]
    join: Join = "all"


class ChildEnded(BaseModel):
    """What a child came to, written in the same transaction as its own end."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)

    kind: Literal["child_ended"] = "child_ended"
    key: str
    """Of the `Spawned`."""
    thread: str
    status: Literal["completed", "failed", "cancelled"]
    outcome: Outcome | None = None
    output: Json = None
    """Cut when it is long: the child's own log has all of it."""
    problem: Problem | None = None
    moves: tuple[Trees, ...] = ()
    """What it made of the work trees, which a restore of its parent takes back, too."""
