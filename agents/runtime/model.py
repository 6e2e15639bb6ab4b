"""The seam to a model: one prompt in, one typed decision out, with what it cost."""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Generic, Literal, Protocol, TypeAlias, TypeVar

from pydantic import BaseModel

from state.problem import Kind
from state.spending import Usage
from tools.errors import ToolError

ModelT = TypeVar("ModelT", bound=BaseModel)
ModelT_co = TypeVar("ModelT_co", bound=BaseModel, covariant=True)
Then: TypeAlias = Literal["again", "ask", "fail", "host"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is sent."""

    system: str
    """The rules of the house, the same in every call."""
    blocks: tuple[str, ...]
    """What the decision is about. The front stays the same from call to call, so that providers' caches hit."""
    template: str = ""
    version: str = ""
    digest: str = ""
    """Of the template as it is written; the same of the system part is `rules`."""
    rules: str = ""

    @property
    def text(self) -> str:
        """The blocks as one message."""
        return "\n\n".join(self.blocks)

    @property
    def sent(self) -> str:
        """Hash of every word that is sent: 16 hex digits of sha256."""
        return sha256(f"{self.system}\0{self.text}".encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Decision(Generic[ModelT_co]):
    """A model's answer in the form that was asked for."""

    answer: ModelT_co
    usage: Usage = field(default_factory=Usage)


class ModelError(ToolError):
    """A call that brought no decision. The agent sees it under the key of its step."""

    def __init__(
        self, kind: Kind, message: str, hint: str = "", *, then: Then = "again", usage: Usage | None = None
    ) -> None:
        """`then` says what the engine does: try again (three times, F9), ask a person or the calling model, or give up.

        `usage` is what the call cost all the same.
        """
        super().__init__(kind, message, hint)
        self.then: Then = then
        self.usage = usage


class Model(Protocol):
    """Makes one structured decision."""

    async def decide(self, prompt: Prompt, returns: type[ModelT]) -> Decision[ModelT]:
        """Return the decision.

        Raises:
            ModelError: There is none.
        """
        ...


class ScriptedModel:
    """Answers from a script, for tests; a call past its end is an error. An error in the script is raised."""

    def __init__(self, *answers: BaseModel | ModelError) -> None:
        self.prompts: list[Prompt] = []
        self._answers = list(answers)

    async def decide(self, prompt: Prompt, returns: type[ModelT]) -> Decision[ModelT]:
        """Return the next answer of the script.

        Raises:
            ModelError: The script says so.
            LookupError: The script is over, or holds another type here.
        """
        self.prompts.append(prompt)
        answer = self._answers.pop(0) if self._answers else None
        if isinstance(answer, ModelError):
            raise answer
        if not isinstance(answer, returns):
            raise LookupError(f"the script has no {returns.__name__} for prompt {len(self.prompts)}")
        return Decision(answer, Usage(model="scripted"))
