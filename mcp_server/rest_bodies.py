"""What REST takes and gives, typed: the OpenAPI is made of this."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from mcp_server.agent_tools import LONGEST_KEY
from mcp_server.asking import LONGEST_WAIT_S
from mcp_server.repositories import Isolation
from state.problem import Problem

Status: TypeAlias = Literal["running", "waiting", "completed", "failed", "cancelled", "interrupted"]
Outcome: TypeAlias = Literal["fixed", "changed_unverified", "no_change", "done", "failed", "denied"]
WaitS: TypeAlias = Annotated[float, Field(ge=0, le=LONGEST_WAIT_S, description="Seconds to wait for the thread's rest")]


class Taken(BaseModel):
    """What a body holds: what its type says, and nothing that could be turned into that."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Asked(BaseModel):
    """What a query holds, where everything is a text."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class NoQuery(Asked):
    """A call that takes nothing in its query."""


class Start(Taken):
    """Launch an agent with its typed task."""

    agent: str = Field(description="One of GET /health", examples=["testing"])
    task: dict[str, Any] = Field(default={}, description="The agent's own fields")
    repo: str = Field(default="", description="Name or path; default: the session's current one, else the server's own")
    session: str = Field(default="", description="Default: the default session")
    isolation: Isolation = "in_place"
    wait: WaitS = 0.0
    idempotency_key: str = Field(default="", max_length=LONGEST_KEY, description="The same one finds the same thread")


class Message(Taken):
    """Launch an agent with a message, which becomes the one text its task must have."""

    message: str = Field(min_length=1, examples=["123"])
    agent_type: str = Field(examples=["issue_fixer"])
    user_id: str = Field(default="", max_length=100, description="Noted in the log; it proves nothing")


def _form(value: Any) -> str:
    match value:
        case Message() | {"message": _} | {"agent_type": _}:
            return "message"
        case _:
            return "task"


Launch: TypeAlias = Annotated[Annotated[Start, Tag("task")] | Annotated[Message, Tag("message")], Discriminator(_form)]


class Resume(Taken):
    human_response: str | dict[str, Any] | None = Field(
        default=None, description="Answers the open question", examples=["Approved for deployment"]
    )


class AnswerOf(Taken):
    key: str = Field(description="The question's key")
    answer: str | dict[str, Any] = Field(description="One of the options, text, or an object that fits the schema")


class Cancel(Taken):
    reason: str = ""


class ForkOf(Taken):
    checkpoint_id: str = ""
    version: int | None = Field(default=None, ge=1, le=10**9)
    task: dict[str, Any] = Field(default={}, description="Fields of the agent's task to replace")
    isolation: Isolation = "worktree"
    model: str = Field(default="", description="Decide anew: by this model of the chain, `host`, or `same`")


class SaveOf(Taken):
    label: str = Field(default="by hand", max_length=200)


class RestoreOf(Taken):
    dry_run: bool = Field(default=True, description="false restores; true says what would change")


class Prompt(Taken):
    input_prompt: str = Field(min_length=1, examples=["What is (7 + 3) * 2?"])
    agent: str = "assistant"
    repo: str = ""
    session: str = ""


class StateId(Taken):
    id: str


class StatusQuery(Asked):
    wait: WaitS = 0.0


class HistoryQuery(Asked):
    after: int = Field(default=0, ge=0, le=10**9, description="Only events after this version")


class DiffQuery(Asked):
    against: int | None = Field(default=None, ge=1, le=10**9, description="Default: the files as they are")
    after: int = Field(default=0, ge=0, le=10**12, description="Where the page of the patch begins")


class ThreadState(BaseModel):
    """A thread; what does not apply is left out."""

    thread_id: str
    session: str
    agent: str
    status: Status
    outcome: Outcome | None = None
    output: dict[str, Any] | None = None
    question: dict[str, Any] | None = None
    error: Problem | None = None
    worktree: dict[str, str] | None = None
    version: int
    progress: dict[str, Any] | None = None
    approval: str | None = None
    next: str


class AgentState(BaseModel):
    """A thread as one object: what it was told, what it did, what came of it."""

    id: str
    agent: str
    status: Status
    context: dict[str, Any]
    steps: list[dict[str, Any]]
    result: dict[str, Any] | None = None
    outcome: Outcome | None = None
    question: dict[str, Any] | None = None
    error: Problem | None = None
    version: int
    next: str


class Threads(BaseModel):
    threads: list[dict[str, Any]]
    next: str


class Events(BaseModel):
    thread_id: str
    agent: str
    status: Status
    version: int
    events: list[dict[str, Any]]
    next: str


class Gone(BaseModel):
    thread_id: str
    status: Status
    hidden: Literal[True]
    next: str


class Saved(BaseModel):
    checkpoint_id: str | None = None
    left_out: dict[str, list[str]] | None = None
    thread_id: str | None = None
    status: Literal["running"] | None = None
    next: str


class Checkpoints(BaseModel):
    thread_id: str
    checkpoints: list[dict[str, Any]]
    next: str


class Differences(BaseModel):
    thread_id: str
    files: list[dict[str, Any]] | None = None
    patch: str | None = None
    status: Literal["running"] | None = None
    next: str


class Restored(BaseModel):
    thread_id: str
    done: bool | None = None
    changed: dict[str, list[str]] | None = None
    kept: dict[str, list[str]] | None = None
    clashes: dict[str, list[str]] | None = None
    undo: str | None = None
    status: Literal["running"] | None = None
    next: str
