"""Answers from a file, for tests of whole processes: a JSON list, each taken once, in order."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel

from agents.runtime.model import Decision, ModelError, Prompt
from agents.runtime.models.answers import fitting
from state.spending import Usage

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass
class ScriptFile:
    """A model that has learned its answers by heart; they are checked like any other's."""

    path: Path
    _left: list[Any] | None = field(default=None, init=False)

    async def decide(self, prompt: Prompt, returns: type[ModelT]) -> Decision[ModelT]:
        """Return the next answer.

        Raises:
            ModelError: `bad_input` (it does not fit), `not_found` (there is no file, or no more in it).
        """
        if self._left is None:
            self._left = self._read()
        if not self._left:
            hint = "FACTOR12_MODEL names it; it must hold an answer for each decision."
            raise ModelError("not_found", f"The script {str(self.path)!r} has no more answers.", hint, then="ask")
        return Decision(fitting(self._left.pop(0), returns), Usage(model=f"scripted:{self.path.name}"))

    def _read(self) -> list[Any]:
        try:
            answers = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return []
        return cast(list[Any], answers) if isinstance(answers, list) else []
