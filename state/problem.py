"""What went wrong, in the closed set of kinds that every door reports."""

from typing import Literal, TypeAlias, cast, get_args

from pydantic import BaseModel, ConfigDict

Kind: TypeAlias = Literal[
    "bad_input",
    "not_found",
    "ambiguous",
    "busy",
    "refused",
    "expired",
    "conflict",
    "limit",
    "diverged",
    "store",
    "internal",
]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Problem(BaseModel):
    """One line that says what is wrong, and one that says what to do next."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class ProblemError(Exception):
    """A failure its reader can act on. Everything else crashes loudly."""

    def __init__(self, kind: Kind, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.problem = Problem(kind=kind, message=message, hint=hint)

    def __str__(self) -> str:
        return str(self.problem)


def cause(error: BaseException) -> BaseException:
    """Return what really happened inside the groups that task groups wrap it in."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error
