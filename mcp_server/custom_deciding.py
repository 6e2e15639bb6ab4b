"""Ask the process of a custom agent for its next step, and believe no more of the answer than an agent may decide."""

import logging
from collections.abc import Callable, Sequence
from typing import Any, Literal

from pydantic import BaseModel, RootModel, ValidationError

from agents.runtime.deciding import Unavailable
from mcp_server.custom_child import Child
from mcp_server.custom_files import Source
from mcp_server.custom_shape import modelled
from state.events import Event
from state.problem import Problem, ProblemError
from state.rows import encode
from state.steps import Abort, Ask, Call, Done, Outcome, Step, Think
from state.thread import Thread

log = logging.getLogger(__name__)

DECIDE_S = 3.0
"""A pure function of a log answers in milliseconds."""


class _NoTool(Exception):
    """It is none of those that such an agent may call."""


class _Call(BaseModel):
    key: str
    tool: str
    args: dict[str, Any]


class _Ask(BaseModel):
    key: str
    text: str
    options: tuple[str, ...] = ()
    answer_by: Literal["person", "anyone"] = "anyone"
    context: dict[str, Any] = {}


class _Done(BaseModel):
    output: dict[str, Any]
    outcome: Outcome = "done"


class _Decided(BaseModel):
    """Exactly one of these."""

    call: _Call | None = None
    think: dict[str, Any] | None = None
    ask: _Ask | None = None
    done: _Done | None = None
    abort: Problem | None = None


async def asked(child: Child, source: Source, thread: Thread, since: Callable[[int], Sequence[Event]]) -> Step:
    """Return the step.

    Raises:
        Unavailable: Another file stands there by now.
        ProblemError: The file raised, blocked, is impure or decided what no agent may; it is named.
    """
    known = child.known.get(thread.id, 0)
    after = known if known <= thread.version else 0
    reply = await _ask(child, source, thread, after, since(after))
    if "more" in reply:
        reply = await _ask(child, source, thread, 0, since(0))
    child.known[thread.id] = thread.version
    try:
        return _step(_Decided.model_validate(reply.get("step")))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _refused(
            source, f"decided what is no step: {'.'.join(map(str, first['loc']))}: {first['msg']}."
        ) from error
    except _NoTool as error:
        raise _refused(source, f"calls {str(error)[:80]!r}, which is no tool that an agent may call.") from error
    except Exception as error:  # it need not be our code that answers, and a schema may be anything
        log.exception("%s of %r decided what cannot be read", source.file, source.repo)
        raise _refused(source, f"decided what is no step: it is a {type(error).__name__} to read it.") from error


async def _ask(child: Child, source: Source, thread: Thread, after: int, events: Sequence[Event]) -> dict[str, Any]:
    told = [encode(event) for event in events]
    try:
        return await child.ask(source, "step", DECIDE_S, thread=thread.id, after=after, events=told)
    except ProblemError as error:
        if error.problem.kind == "busy":
            raise Unavailable(error.problem.kind, error.problem.message, error.problem.hint) from error
        raise


def _step(decided: _Decided) -> Step:
    match decided:
        case _Decided(call=_Call(key=key, tool=tool, args=args)):
            from mcp_server.plugin import TOOLS

            if tool not in {known.name for known in TOOLS}:
                raise _NoTool(tool)
            return Call(key, tool, args)
        case _Decided(think=dict(think)):
            given: dict[str, Any] = {**think, "returns": modelled(think["returns"])}
            return Think(**given)
        case _Decided(ask=_Ask() as ask):
            return Ask(ask.key, ask.text, ask.options, ask.answer_by, ask.context)
        case _Decided(done=_Done() as done):
            return Done(RootModel[dict[str, Any]](done.output), done.outcome)
        case _:
            assert decided.abort is not None
            return Abort(decided.abort)


def _refused(source: Source, what: str) -> ProblemError:
    hint = f"`factor12 check {source.repo}` looks at it."
    return ProblemError("refused", f"{source.file} of {source.repo!r} {what}", hint)
