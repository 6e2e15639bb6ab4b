"""The vocabulary of the log. Past tense, frozen, JSON in and out."""

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from state.offspring import ChildEnded, Json, Spawned, Trees
from state.problem import Problem
from state.spending import Budget, Thought
from state.steps import Outcome

Risk: TypeAlias = Literal["read", "write", "danger"]
Topic: TypeAlias = Literal["agent", "approval", "failures", "cut_off", "budget", "decision"]
"""Why a question is asked: by the agent, or by the engine about one effect or the thread."""
Source: TypeAlias = Literal["", "mcp", "cli", "rest", "webhook", "thread"]
"""Through which door a task came."""
Duration: TypeAlias = Annotated[float, Field(ge=0, le=1e9)]
"""Seconds, thirty years at the most: the fold adds them up, and a log of any length stays finite."""
Money: TypeAlias = Annotated[float, Field(ge=0, le=1e9)]
"""US dollars; bounded for the same reason."""


class _Event(BaseModel):
    # JSON has no infinity: it would be written as null, and the log could not be read again
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


class HeldFiles(BaseModel):
    """The files of a checkpoint."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    root: str
    """The work tree whose checkpoint it is."""
    commit: str


class RepositoryRef(BaseModel):
    """One repository of a thread's workspace, as it was named at launch."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: str
    root: str
    mode: Literal["read", "write"]
    key: str = ""
    """The work-tree lease (R20): git common directory and worktree."""
    branch: str | None = None
    head: str | None = None
    source: str = ""
    """The person's checkout, if `root` is a work tree of the thread's own: on `branch`, begun at `head`."""
    files: HeldFiles | None = None
    """What an own work tree begins with instead of the files of `head`."""


class Question(BaseModel):
    """What a waiting thread waits for. The same object on every channel."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        populate_by_name=True,
        serialize_by_alias=True,
        defer_build=True,
    )

    key: str
    kind: Literal["approval", "question", "decision"]
    answer_by: Literal["person", "anyone"]
    text: str
    options: tuple[str, ...] = ()
    answer_schema: dict[str, Json] | None = Field(default=None, alias="schema")
    context: dict[str, Json] = Field(default_factory=dict[str, Json])
    expires_at: float | None = None
    """Epoch seconds; an answer after it is refused and the question asked anew."""


class Launched(_Event):
    kind: Literal["launched"] = "launched"
    agent: str
    session: str
    task: dict[str, Json]
    at: float
    """Epoch seconds: the only clock an agent can read."""
    workspace: tuple[RepositoryRef, ...] = ()
    principal: str = ""
    code: str = ""
    """Digest of the agent's code and prompts, to explain a divergence with (R3)."""
    budget: Budget = Budget()
    client: str = ""
    source: Source = ""
    untrusted: tuple[str, ...] = ()
    """Origins of text in the task that nobody vouches for: of a delivery, of what the starting thread had read."""
    parent: str | None = None
    depth: int = 0
    forked_from: str = ""
    """`thread@version`, when the events after this one, up to that version, are that thread's."""
    model: str = ""
    """Who decides, if not whoever the settings say."""


class Started(_Event):
    """The intent to run an effect, written before it runs (R4)."""

    kind: Literal["started"] = "started"
    key: str
    hash: str
    risk: Risk
    tool: str
    args: dict[str, Json]
    plan: Json = None
    """What exactly will change, from which state to which; what a probe looks for (R5)."""


class Resolved(_Event):
    """An effect's outcome: a tool's return value or a model's decision."""

    kind: Literal["resolved"] = "resolved"
    key: str
    hash: str = ""
    """Empty when `tool` and `args` are here to compute it from."""
    value: Json
    """`{"$artifact": Artifact}` when it was too large."""
    seconds: Duration = 0.0
    tool: str | None = None
    """Set, with `args`, when a short read is logged together with its outcome."""
    args: dict[str, Json] | None = None
    trees: Trees = Field(default_factory=Trees)
    """What the effect, or a program it ran, made of the work trees."""
    thought: Thought | None = None
    """Set when a model decided."""


class Failed(_Event):
    """One failed attempt, compacted; the agent sees it and may try again (F9)."""

    kind: Literal["failed"] = "failed"
    key: str
    hash: str
    problem: Problem
    seconds: Duration = 0.0
    thought: Thought | None = None
    """Set when a model was asked."""


class Asked(_Event):
    kind: Literal["asked"] = "asked"
    key: str
    question: Question
    topic: Topic
    about: str = ""
    """The effect's key, when the engine asks about one."""
    binding: str = ""
    """Hash of the exact effect and plan that an approval is for (R8)."""
    thought: Thought | None = None
    """Which words a caller was sent, when it is asked to decide."""


class Answered(_Event):
    kind: Literal["answered"] = "answered"
    key: str
    answer: Json
    channel: str
    client: str = ""


class Denied(_Event):
    """A person refused an approval; the agent sees it under the effect's key."""

    kind: Literal["denied"] = "denied"
    key: str
    reason: str
    channel: str
    client: str = ""


class Settled(_Event):
    """What became of an effect that was cut off (R5). `again`: it will be tried anew."""

    kind: Literal["settled"] = "settled"
    key: str
    verdict: Literal["happened", "again"]
    by: Literal["probe", "person"]
    value: Json = None


class CancelRequested(_Event):
    kind: Literal["cancel_requested"] = "cancel_requested"
    channel: str
    reason: str = ""


class Cancelled(_Event):
    kind: Literal["cancelled"] = "cancelled"
    note: str = ""
    """What is not known about an effect that was cut off."""


class BudgetExtended(_Event):
    kind: Literal["budget_extended"] = "budget_extended"
    steps: int = Field(default=0, ge=0)
    seconds: Duration = 0.0
    tokens: int = Field(default=0, ge=0, le=10**12)
    money: Money = 0.0
    session_tokens: int = Field(default=0, ge=0, le=10**12)
    """How much further this thread may go than its session's budget."""
    session_money: Money = 0.0


class Compacted(_Event):
    """What was done up to a version is not told to the model any more; it stays in the log (F3)."""

    kind: Literal["compacted"] = "compacted"
    through: int = Field(ge=0)
    before: int = Field(default=0, ge=0)
    """Tokens of the prompt, estimated, with all of it."""
    after: int = Field(default=0, ge=0)


class Interrupted(_Event):
    """A driver failed unexpectedly and said so before it let go (R6)."""

    kind: Literal["interrupted"] = "interrupted"
    problem: Problem


class Resumed(_Event):
    """Somebody asked for an interrupted thread to go on."""

    kind: Literal["resumed"] = "resumed"


class CheckpointTaken(_Event):
    """The work trees were held as they were at this version, so that a restore can bring them back."""

    kind: Literal["checkpoint_taken"] = "checkpoint_taken"
    label: str
    trees: dict[str, str]
    """Repository → commit of its checkpoints."""
    left_out: dict[str, list[str]] = Field(default_factory=dict[str, list[str]])
    """Repository → what is not held."""


class Rewound(_Event):
    """A restore moved the files back; the fold forgets later reads and writes (R1)."""

    kind: Literal["rewound"] = "rewound"
    to: int
    checkpoint: str
    trees: Trees = Field(default_factory=Trees)
    overwrote: dict[str, list[str]] = Field(default_factory=dict[str, list[str]])
    """Repository → edits of somebody else that a person let it write over."""
    channel: str = ""
    """How that person said so."""


class Finished(_Event):
    kind: Literal["finished"] = "finished"
    output: Json
    outcome: Outcome


class Aborted(_Event):
    kind: Literal["aborted"] = "aborted"
    problem: Problem
    outcome: Literal["failed", "denied"] = "failed"


Event: TypeAlias = Annotated[
    Launched
    | Started
    | Resolved
    | Failed
    | Asked
    | Answered
    | Denied
    | Settled
    | CancelRequested
    | Cancelled
    | BudgetExtended
    | Interrupted
    | Resumed
    | Compacted
    | Spawned
    | ChildEnded
    | CheckpointTaken
    | Rewound
    | Finished
    | Aborted,
    Field(discriminator="kind"),
]


def thought_of(event: Event) -> Thought | None:
    """Return how a model or a caller was asked, if the event is about that."""
    return event.thought if isinstance(event, Asked | Failed | Resolved) else None


event_adapter: TypeAdapter[Event] = TypeAdapter(Event, config=ConfigDict(defer_build=True))
