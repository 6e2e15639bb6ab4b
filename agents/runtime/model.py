"""The seam to a model: one prompt in, one typed decision out."""

from typing import Protocol, TypeVar

from pydantic import BaseModel

ModelT = TypeVar("ModelT", bound=BaseModel)


class Model(Protocol):
    """Makes one structured decision."""

    async def decide(self, prompt: str, returns: type[ModelT]) -> ModelT: ...


class ScriptedModel:
    """Answers from a script, for tests and replays; a call past its end is an error."""

    def __init__(self, *answers: BaseModel) -> None:
        self.prompts: list[str] = []
        self._answers = list(answers)

    async def decide(self, prompt: str, returns: type[ModelT]) -> ModelT:
        """Return the next answer of the script.

        Raises:
            LookupError: The script is over, or holds another type here.
        """
        self.prompts.append(prompt)
        if not self._answers or not isinstance(self._answers[0], returns):
            raise LookupError(f"the script has no {returns.__name__} for prompt {len(self.prompts)}")
        return returns.model_validate(self._answers.pop(0))
