"""Who asks, and what they may. A door finds that out for every request; whatever it reaches is seen by that caller."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

from state.problem import ProblemError

Scope: TypeAlias = Literal["read", "run", "approve", "admin"]
"""`read`: look. `run`: launch, answer, resume, cancel. `approve`: what only a person may. `admin`: metrics."""
SCOPES: tuple[Scope, ...] = get_args(Scope)
CHANGING: frozenset[Scope] = frozenset({"run", "approve"})


@dataclass(frozen=True, slots=True)
class Caller:
    """One caller. The principal is whose sessions and threads they are; the empty one is this machine's own user."""

    principal: str = ""
    scopes: frozenset[Scope] = frozenset(SCOPES)
    only_reading: bool = False
    """Whether the server keeps them from changing anything, whatever their token says."""

    def reading(self) -> "Caller":
        """Return the caller as a server sees them that changes nothing."""
        return replace(self, scopes=self.scopes - CHANGING, only_reading=True)

    def need(self, scope: Scope) -> None:
        """Let only those pass who have the scope.

        Raises:
            ProblemError: `refused`.
        """
        if self.only_reading and scope in CHANGING:
            raise ProblemError("refused", "This server only reads.", "FACTOR12_READ_ONLY is set; ask another one.")
        if scope not in self.scopes:
            hint = f"Use a token that has it: factor12 token create --scopes {','.join(self._with(scope))}"
            raise ProblemError("refused", f"This needs the scope {scope!r}, which the token does not have.", hint)

    def _with(self, scope: Scope) -> Iterable[Scope]:
        return [known for known in SCOPES if known in self.scopes or known == scope]


LOCAL = Caller()
"""Whoever starts the program: over stdio, on the command line, on a loopback port without authentication."""
NOBODY = Caller("nobody", frozenset())
"""Whoever needs not say who they are, because there is nothing for them to see."""


def scopes_in(names: Iterable[str]) -> frozenset[Scope]:
    """Return those of our scopes that are among the names; an OAuth server may call them `factor12:read` and so on."""
    given = {name.removeprefix("factor12:") for name in names}
    return frozenset(scope for scope in SCOPES if scope in given)


KEPT = "factor12.caller"
"""Where a request's ASGI scope has its caller, put there once it is known."""


def caller_of(request: Any) -> Caller:
    """Return who sent a message. It comes without a request over stdio, where only this machine's user speaks."""
    return LOCAL if request is None else request.scope[KEPT]
