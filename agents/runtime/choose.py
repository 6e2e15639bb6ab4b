"""Let the model pick one tool per turn from a closed, typed set, until it has the answer (F1, F4, F8).

Every turn is one decision, the `determine_next_step` of others: call a tool, ask a person, or give the answer. What
the tools returned comes back to the model with the thread's past. A model that goes round in circles, or whose calls
fail one after the other, is put to a person.
"""

from collections.abc import Mapping, Sequence
from functools import cache, reduce
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, create_model

from agents.runtime.script import Wanted, answer, attempt
from state.problem import Problem
from state.steps import Abort, Think
from state.thread import Thread
from tools.base import Tool

AnswerT = TypeVar("AnswerT", bound=BaseModel)
STREAK = 3
"""So many failures after each other, or rounds of the same calls with the same results, and a person is asked."""
LONGEST_ROUND = 3
"""Calls that one round of a circle may have."""
CLOSED = ConfigDict(extra="forbid")
Option: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class AskPerson(BaseModel):
    """Ask the person who gave the task. Only what you cannot find out yourself."""

    model_config = CLOSED

    do: Literal["ask_person"]
    question: str = Field(min_length=1, max_length=4000)
    options: tuple[Option, ...] = Field(
        default=(), max_length=10, description="Answers to choose from; none: free words"
    )


def choose(
    thread: Thread,
    prompt: str,
    tools: Sequence[Tool[..., Any]],
    returns: type[AnswerT],
    *,
    turns: int,
    context: Mapping[str, Any],
) -> AnswerT:
    """Return the model's answer after at most `turns` decisions, each of which the log has.

    The template is given the context, and `tools`: name and purpose of each. Their arguments are in the schema.
    Decides in the same time however long the thread is: only the last turn, and a few before it, are looked at.
    """
    if turn := _turns(thread):
        last = _read(thread, turn - 1, tuple(tools), returns)
        if isinstance(last, returns):
            return last
        _act(thread, turn - 1, last, tools)
        _heed_person(thread, turn)
    if turn >= turns:
        message = f"The model came to no answer within {turns} turns."
        raise Wanted(Abort(Problem(kind="limit", message=message, hint="Ask for less at once, or say more.")))
    known = [{"name": one.name, "purpose": (one.fn.__doc__ or "").strip().partition("\n")[0]} for one in tools]
    told = {**context, "tools": known}
    raise Wanted(Think(f"turn:{turn}", prompt, _turn_type(tuple(tools), returns), told, history=True))


def _turns(thread: Thread) -> int:
    count = 0
    while f"turn:{count}" in thread.results:
        count += 1
    return count


def _read(thread: Thread, turn: int, tools: tuple[Tool[..., Any], ...], returns: type[AnswerT]) -> Any:
    decided = cast(Any, _turn_type(tools, returns).model_validate(thread.results[f"turn:{turn}"])).next
    return decided.answer if decided.do == "answer" else decided


def _act(thread: Thread, turn: int, decided: Any, tools: Sequence[Tool[..., Any]]) -> None:
    """Do what was decided, unless it is done: what came of it, also a failure, is for the model to read."""
    if isinstance(decided, AskPerson):
        answer(thread, f"ask:{turn}", decided.question, decided.options)
        return
    tool, key = next(one for one in tools if one.name == decided.do), f"call:{turn}"
    if key not in thread.results:  # what came of it may be too long to decide on: the model is told how it begins
        attempt(thread, tool, key)(**decided.args.model_dump())


def _heed_person(thread: Thread, turn: int) -> None:
    """Put a model that is stuck to a person, whose advice is in the next prompt (R9)."""
    if (why := _stuck(thread, turn)) and f"stuck:{turn}" not in thread.results:
        answer(thread, f"stuck:{turn}", f"{why} What should it do instead? `stop` ends it.", by="person")
    if str(thread.results.get(f"stuck:{turn}", "")).strip().casefold() == "stop":
        raise Wanted(Abort(Problem(kind="refused", message="A person stopped it: the model was stuck.")))


def _stuck(thread: Thread, turn: int) -> str:
    """Say in what way the last turns lead nowhere, or nothing. After a person's advice the count begins anew."""
    first = max(0, turn - STREAK * LONGEST_ROUND)
    advised = [then for then in range(first, turn) if f"stuck:{then}" in thread.results]
    done = [_outcome(thread, then) for then in range(advised[-1] if advised else first, turn)]
    if len(done) >= STREAK and all(failed for _, failed in done[-STREAK:]):
        return f"The last {STREAK} calls failed."
    for length in range(1, LONGEST_ROUND + 1):
        rounds = [done[-length * (back + 1) : len(done) - length * back] for back in range(STREAK)]
        if len(done) >= length * STREAK and all(each == rounds[0] for each in rounds):
            return f"The model makes the same {'call' if length == 1 else f'{length} calls'} again and again."
    return ""


def _outcome(thread: Thread, turn: int) -> tuple[Any, bool]:
    """Return what was decided and what came of it, comparable, and whether that was a failure."""
    key = f"call:{turn}"
    failed = [failure.problem for failure in thread.failures.get(key, ())]
    known = thread.results.get(key, thread.answers.get(f"ask:{turn}"))
    decided: Mapping[str, Any] = thread.results[f"turn:{turn}"]
    return (decided["next"], known, failed[-1:]), key not in thread.results and bool(failed)


@cache
def _turn_type(tools: tuple[Tool[..., Any], ...], returns: type[BaseModel]) -> type[BaseModel]:
    """Return the closed set of next steps as one model, whose schema every provider gets."""
    steps: list[Any] = [_step(tool.name, "args", tool.params) for tool in tools]
    union: Any = reduce(lambda one, other: one | other, [*steps, AskPerson, _step("answer", "answer", returns)])
    why = (str, Field(max_length=2000, description="One sentence"))
    fields: dict[str, Any] = {"why": why, "next": (union, Field(discriminator="do"))}
    return create_model("Turn", __config__=CLOSED, **fields)


def _step(name: str, field: str, holds: type[BaseModel]) -> type[BaseModel]:
    fields: dict[str, Any] = {"do": (Literal[name], ...), field: (holds, ...)}
    return create_model(f"Do_{name}", __config__=CLOSED, **fields)
