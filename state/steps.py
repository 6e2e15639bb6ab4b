"""What an agent can decide to do next. Plain data: deciding never does anything."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel

from state.problem import Problem

Outcome: TypeAlias = Literal["fixed", "changed_unverified", "no_change", "done", "failed", "denied"]
"""How a finished thread ended (R13, R15)."""
Join: TypeAlias = Literal["all", "any"]


@dataclass(frozen=True, slots=True)
class Call:
    """Run a tool. `key` is the agent's name for this one intent."""

    key: str
    tool: str
    args: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Think:
    """Ask the model for one structured decision."""

    key: str
    prompt: str
    returns: type[BaseModel]
    context: Mapping[str, Any] = field(default_factory=dict[str, Any])
    history: bool = False
    """Whether the prompt goes on with what the thread did so far, as far as the window reaches (F3)."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Put a question and pause until it is answered."""

    key: str
    text: str
    options: tuple[str, ...] = ()
    answer_by: Literal["person", "anyone"] = "anyone"
    context: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Child:
    """A thread to start: which agent, on what, under the parent's name for it."""

    key: str
    agent: str
    task: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Spawn:
    """Start threads and rest until they have ended. With `any` the first that completes stops the others."""

    key: str
    children: tuple[Child, ...]
    join: Join = "all"


@dataclass(frozen=True, slots=True)
class Done:
    output: BaseModel
    outcome: Outcome = "done"


@dataclass(frozen=True, slots=True)
class Abort:
    reason: Problem


Effect: TypeAlias = Call | Think
Step: TypeAlias = Effect | Spawn | Ask | Done | Abort
