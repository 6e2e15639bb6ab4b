"""Models in their order: where one gives no answer, the next is asked; at the end perhaps the calling model."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from pydantic import BaseModel

from agents.runtime.model import Decision, Model, ModelError, Prompt
from agents.runtime.models.remote import plus
from agents.runtime.models.troubles import Unavailable
from state.spending import Usage

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True)
class Chain:
    """Goes to the next for what a provider cannot do; an answer that does not fit is told to the model that gave it."""

    links: Sequence[Model]
    host: bool = False
    """Whether the calling model decides when none of these does."""

    async def decide(self, prompt: Prompt, returns: type[ModelT]) -> Decision[ModelT]:
        """Return the first decision there is, with what all took.

        Raises:
            ModelError: There is none.
        """
        spent, troubles = Usage(), list[Unavailable]()
        for link in self.links:
            try:
                decision = await link.decide(prompt, returns)
                return replace(decision, usage=plus(spent, decision.usage))
            except Unavailable as error:
                spent = plus(spent, error.usage or Usage())
                troubles.append(error)
            except ModelError as error:
                error.usage = plus(spent, error.usage or Usage())
                raise
        raise self._none(troubles, spent)

    def _none(self, troubles: Sequence[Unavailable], spent: Usage) -> ModelError:
        last = troubles[-1].problem
        if self.host:
            then, hint = "host", "The calling model is asked instead."
        else:
            then = "again" if any(error.then == "again" for error in troubles) else "ask"
            hint = " ".join(dict.fromkeys(error.problem.hint for error in troubles))
        message = " ".join(error.problem.message for error in troubles)
        return ModelError(last.kind, message, hint, then=then, usage=spent)
