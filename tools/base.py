"""Turn a typed function into a tool that an agent describes and only the engine runs.

A read tool is one function. A tool that changes something is three: the decorated one looks and *plans* (data that
says exactly what will change, from which state to which), `apply` does it if the world is still as planned, and
`probe` tells afterwards whether it was done; both hold `tools.locks.alone` at the moment that counts. The plan is in
the log before `apply` starts (R4), so whoever finds a cut-off effect knows what to look for (R5), and a person who
approves sees exactly what will run (R8).
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Concatenate, Generic, Literal, ParamSpec, TypeAlias, TypeVar, cast, get_type_hints, overload

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, WithJsonSchema, create_model

from state.artifacts import artifact_of
from state.problem import Problem
from state.steps import Call
from state.thread import Thread
from tools.errors import CutOff, ToolError
from tools.origins import Carries
from tools.workspace import Workspace

__all__ = ["PLAIN", "CutOff", "Risk", "Tool", "ToolError", "Workspace", "tool"]

Risk: TypeAlias = Literal["read", "write", "danger"]
PLAIN = WithJsonSchema({"type": "object"})
"""For a part of an agent's output that a schema need not describe: hosts read every schema before every call."""
P = ParamSpec("P")
PlanT = TypeVar("PlanT")
R = TypeVar("R")
T = TypeVar("T")
MaybeAwaitable: TypeAlias = T | Awaitable[T]
_ABSENT = object()
Gate: TypeAlias = Callable[[Workspace, Any], str | None]


@dataclass(frozen=True)
class Tool(Generic[P, R]):
    """A tool. Calling it describes a `Call`; nothing runs until the engine acts."""

    fn: Callable[..., Any]
    risk: Risk
    apply: Callable[..., Any] | None = None
    probe: Callable[..., Any] | None = None
    gate: Gate | None = None
    """Given the workspace and the plan: why a person must approve, or `None`."""
    carries: Carries | None = None
    """Whose words its result may hold; while it does not say, anybody's (R18)."""
    outward: Gate | None = None
    """Given the workspace and the plan: what of it leaves the thread's own repositories, or `None`. A tool that pushes,
    sends, fetches or writes elsewhere has it, and plans before it acts, also if it changes nothing."""
    timeout: float = 60.0
    """Seconds one attempt may take."""

    @property
    def name(self) -> str:
        return self.fn.__name__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Call:
        return self.keyed(self.name, *args, **kwargs)

    def keyed(self, key: str, /, *args: P.args, **kwargs: P.kwargs) -> Call:
        """Describe the call under a key of the agent's choice, for a tool it calls more than once."""
        named = dict(zip(self._names, args, strict=False))
        if len(named) < len(args) or named.keys() & kwargs.keys():
            raise TypeError(f"{self.name} takes {', '.join(self._names)}; each once.")
        return Call(key, self.name, self.params(**named, **kwargs).model_dump(mode="json"))

    def result(self, thread: Thread, key: str | None = None) -> R | None:
        """Return what this tool returned on `thread`, or `None` if it has no outcome yet.

        Raises:
            ToolError: The result is an artifact, which agents cannot see into (R2), of another shape, or not known: of
                what was cut off, a person can say that it happened, but not what came of it.
        """
        if (value := thread.results.get(key or self.name, _ABSENT)) is _ABSENT:
            return None
        if (artifact := artifact_of(value)) is not None:
            raise ToolError(
                "limit",
                f"The result of {key or self.name!r} has {artifact.size} bytes, too many to decide on.",
                "Narrow the request, or raise FACTOR12_INLINE_BYTES.",
            )
        try:
            return cast(R, self._returns.validate_python(value))
        except ValidationError as error:
            if value is None:
                message = f"{key or self.name!r} happened, as a person said, but what came of it is not known."
                raise ToolError("conflict", message, "Look at what it left, then launch the agent anew.") from error
            message = f"The recorded result of {key or self.name!r} is not what {self.name} returns."
            raise ToolError("diverged", message, "The tool changed. Launch the agent anew.") from error

    def failure(self, thread: Thread, key: str | None = None) -> Problem | None:
        """Return why this call cannot succeed, or `None` while it may: not tried yet, done, or a passing trouble.

        A passing trouble (busy, a change out of time) is the engine's to repeat, and after three times a person's (F9).
        """
        if (key or self.name) in thread.results or not (failed := thread.failures.get(key or self.name, ())):
            return None
        passing = ("busy",) if self.apply is None else ("busy", "limit")
        return None if failed[-1].problem.kind in passing else failed[-1].problem

    def look(self, workspace: Workspace, args: Mapping[str, Any]) -> MaybeAwaitable[Any]:
        """Run the function: the result of a read tool, the plan of any other. JSON-ready; awaited if it waits."""
        try:
            params = self.params.model_validate(args)
        except ValidationError as error:
            raise ToolError("bad_input", f"{self.name}: {first_complaint(error)}", "Correct the arguments.") from error
        value = self.fn(workspace, **{name: getattr(params, name) for name in self._names})
        return _dumped(value, self._returns if self.apply is None else self._plan)

    def perform(self, workspace: Workspace, plan: Any) -> MaybeAwaitable[Any]:
        """Apply a plan that `look` returned. JSON-ready result."""
        assert self.apply is not None
        return _dumped(self.apply(workspace, self._plan.validate_python(plan)), self._returns)

    async def happened(self, workspace: Workspace, plan: Any) -> tuple[bool, Any]:
        """Tell whether a cut-off plan was applied, and with which result.

        Raises:
            CutOff: The world shows neither the state before nor the state after.
        """
        assert self.probe is not None
        value = self.probe(workspace, self._plan.validate_python(plan))
        value = await value if inspect.isawaitable(value) else value
        return (False, None) if value is None else (True, self._returns.dump_python(value, mode="json"))

    def reason_to_ask(self, workspace: Workspace, plan: Any) -> str | None:
        """Say why a person must approve this plan, or `None` if it may run."""
        if self.gate is not None:
            return self.gate(workspace, self._plan.validate_python(plan))
        return f"{self.name} cannot be undone." if self.risk == "danger" else None

    def leaves(self, workspace: Workspace, plan: Any) -> str | None:
        """Say what of this plan leaves the repositories that the thread was launched with, or `None`."""
        return None if self.outward is None else self.outward(workspace, self._plan.validate_python(plan))

    @cached_property
    def params(self) -> type[BaseModel]:
        """The model that validates arguments and gives the tool its JSON schema."""
        fields: dict[str, Any] = {
            name: (self._hints[name], ... if p.default is p.empty else p.default)
            for name, p in self._signature.parameters.items()
        }
        return create_model(self.name, __config__=ConfigDict(extra="forbid"), **fields)

    def output_schema(self) -> dict[str, Any]:
        """Return the JSON schema of its result."""
        return self._returns.json_schema(mode="serialization")

    @cached_property
    def _hints(self) -> dict[str, Any]:
        return get_type_hints(self.fn, include_extras=True)

    @cached_property
    def _signature(self) -> inspect.Signature:
        _, *params = inspect.signature(self.fn).parameters.values()
        return inspect.Signature(params)

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(self._signature.parameters)

    @cached_property
    def _plan(self) -> TypeAdapter[Any]:
        return TypeAdapter(self._hints["return"])

    @cached_property
    def _returns(self) -> TypeAdapter[Any]:
        return TypeAdapter(get_type_hints(self.apply)["return"] if self.apply else self._hints["return"])


def first_complaint(error: ValidationError) -> str:
    """Say in one line which argument is wrong and why."""
    first, *more = error.errors(include_url=False)
    where = ".".join(str(part) for part in first["loc"]) or "arguments"
    return f"{where}: {first['msg']}" + (f" (and {len(more)} more)" if more else "")


def _dumped(value: MaybeAwaitable[Any], adapter: TypeAdapter[Any]) -> MaybeAwaitable[Any]:
    return _dumped_later(value, adapter) if inspect.isawaitable(value) else adapter.dump_python(value, mode="json")


async def _dumped_later(value: Awaitable[Any], adapter: TypeAdapter[Any]) -> Any:
    return adapter.dump_python(await value, mode="json")


@overload
def tool(
    risk: Literal["read"], *, carries: Carries = ..., timeout: float = ...
) -> Callable[
    [Callable[Concatenate[Workspace, P], Awaitable[R]] | Callable[Concatenate[Workspace, P], R]], Tool[P, R]
]: ...


@overload
def tool(
    risk: Literal["write", "danger"],
    *,
    apply: Callable[[Workspace, PlanT], Awaitable[R]] | Callable[[Workspace, PlanT], R],
    probe: Callable[[Workspace, PlanT], Awaitable[R | None]] | Callable[[Workspace, PlanT], R | None],
    gate: Callable[[Workspace, PlanT], str | None] | None = ...,
    outward: Callable[[Workspace, PlanT], str | None] | None = ...,
    carries: Carries = ...,
    timeout: float = ...,
) -> Callable[
    [Callable[Concatenate[Workspace, P], Awaitable[PlanT]] | Callable[Concatenate[Workspace, P], PlanT]], Tool[P, R]
]: ...


def tool(
    risk: Risk,
    *,
    apply: Callable[..., Any] | None = None,
    probe: Callable[..., Any] | None = None,
    gate: Gate | None = None,
    outward: Gate | None = None,
    carries: Carries | None = None,
    timeout: float = 60.0,
) -> Callable[[Callable[..., Any]], Tool[..., Any]]:
    """Declare a tool: name, schema and description come from the function.

    `read` returns its result. `write` and `danger` return a plan; `apply` performs it and returns the result, `probe`
    returns that result if the plan has happened, `None` if it has not, and raises `CutOff` if nobody can tell.
    `carries` says whose words the result may hold, `outward` what of a plan leaves the thread's own repositories.
    """
    return lambda fn: Tool(fn, risk, apply, probe, gate, carries, outward, timeout)
