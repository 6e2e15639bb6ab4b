"""What a thread is: one run of one agent, as far as its log tells. `state.fold` makes it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias

from rpds import HashTrieMap

from state.events import Asked, Json, Question, RepositoryRef, Risk, Started, Trees
from state.family import Family
from state.identity import identity
from state.problem import Problem
from state.spending import Budget, Spent
from state.steps import Outcome

Status: TypeAlias = Literal["running", "waiting", "completed", "failed", "cancelled"]
ENDED: frozenset[str] = frozenset({"completed", "failed", "cancelled"})


class Recorded(NamedTuple):
    """An outcome, and enough to know it again and to forget it on a rewind."""

    value: Json
    risk: Risk
    version: int
    stated: str = ""
    tool: str = ""
    args: Mapping[str, Json] = MappingProxyType({})

    @property
    def hash(self) -> str:
        """What was done, for comparison with what is decided now (R3)."""
        return self.stated or identity(self.tool, self.args)


class Results(Mapping[str, Json]):
    """The bare outcomes, as an agent reads them."""

    def __init__(self, effects: "HashTrieMap[str, Recorded]") -> None:
        self._effects = effects

    def __getitem__(self, key: str) -> Json:
        return self._effects[key].value

    def __contains__(self, key: object) -> bool:
        return key in self._effects

    def __iter__(self) -> Iterator[str]:
        return iter(self._effects)

    def __len__(self) -> int:
        return len(self._effects)


class Checkpoint(NamedTuple):
    """A version of the thread whose work trees are held."""

    version: int
    label: str
    trees: Mapping[str, str]


class Failure(NamedTuple):
    problem: Problem
    version: int


def _effects() -> "HashTrieMap[str, Recorded]":
    return HashTrieMap()


def _failures() -> "HashTrieMap[str, tuple[Failure, ...]]":
    return HashTrieMap()


def texts() -> "HashTrieMap[str, str]":
    return HashTrieMap()


_BUDGET = Budget()
_NOTHING = Spent()


@dataclass(frozen=True)
class Thread:
    """One run of one agent. Without slots, so that `_draft` copies it in one step."""

    id: str
    agent: str = ""
    session: str = ""
    principal: str = ""
    task: dict[str, Json] = field(default_factory=dict[str, Any])
    workspace: tuple[RepositoryRef, ...] = ()
    launched_at: float = 0.0
    source: str = ""
    """Through which door its task came."""
    untrusted: tuple[str, ...] = ()
    """Origins of text in its task that nobody vouches for."""
    code: str = ""
    parent: str | None = None
    model: str = ""
    """Who decides, if not whoever the settings say."""
    forked_from: str = ""
    """`thread@version` whose events this one begins with."""
    depth: int = 0
    version: int = 0
    generation: int = 0
    status: Status = "running"
    pending: Started | None = None
    """An effect whose intent is in the log and whose outcome is not: in flight, or cut off."""
    asked: Asked | None = None
    family: Family | None = None
    """The children it rests for, until all of them have ended."""
    effects: "HashTrieMap[str, Recorded]" = field(default_factory=_effects)
    failures: "HashTrieMap[str, tuple[Failure, ...]]" = field(default_factory=_failures)
    approvals: "HashTrieMap[str, str]" = field(default_factory=texts)
    """Effect key → the binding a person approved; used up when the effect starts."""
    denials: "HashTrieMap[str, str]" = field(default_factory=texts)
    answers: "HashTrieMap[str, str]" = field(default_factory=texts)
    """What was answered to the agent's own questions; the next prompt contains it (R9)."""
    steps: int = 0
    seconds: float = 0.0
    spent: Spent = _NOTHING
    """What its models took."""
    beyond: Spent = _NOTHING
    """How much further it may go than its session's budget."""
    compacted: int = 0
    """The version up to which steps are not told to the model any more."""
    budget: Budget = _BUDGET
    checkpoints: tuple[Checkpoint, ...] = ()
    moves: tuple[Trees, ...] = ()
    """What the thread itself made of the work trees, in order: the rest is somebody else's."""
    cancelling: bool = False
    trouble: Problem | None = None
    """Why the last driver let go; gone with the next event."""
    output: Json = None
    outcome: Outcome | None = None
    reason: Problem | None = None

    @property
    def results(self) -> Results:
        return Results(self.effects)

    @property
    def question(self) -> Question | None:
        return self.asked.question if self.asked else None

    @property
    def own_tree(self) -> RepositoryRef | None:
        """The work tree of its own that the thread edits, if it does not edit the person's checkout."""
        return next((ref for ref in self.workspace if ref.source and ref.mode == "write"), None)

    @property
    def waiting_on(self) -> Literal["question", "children", "resume"] | None:
        """What makes a waiting thread go on: an answer, its children, or, after a restore, `thread_resume`."""
        if self.status != "waiting":
            return None
        return "children" if self.family else "question" if self.asked else "resume"

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    @property
    def left_edits(self) -> bool:
        """Whether it ended before its agent could tell of edits that it had made."""
        if not self.ended or self.output is not None:
            return False
        sides: dict[str, tuple[str, str]] = {}
        for trees in self.moves:
            sides |= {name: (sides.get(name, (before,))[0], after) for name, (before, after) in trees.items()}
        return any(before != after for before, after in sides.values())
