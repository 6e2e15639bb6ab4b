"""What an answer to a question is, and what it means for the thread."""

from typing import Any, assert_never

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from agents.runtime.budgets import extension
from agents.runtime.questions import NO
from state.events import Aborted, Answered, Asked, Denied, Event, Question, Settled
from state.problem import Problem, ProblemError
from state.thread import Thread
from tools.base import first_complaint

DECISION_CHARS = 200_000
"""Of one decision: it is read at every step from then on."""


def read_answer(asked: Asked, answer: Any, returns: type[BaseModel] | None) -> Any:
    """Check an answer against its question and return it in the form the log keeps.

    Raises:
        ProblemError: `bad_input`, saying what would be accepted.
    """
    question = asked.question
    if question.kind == "decision" and returns is not None:
        return fitting(returns, answer)
    if not isinstance(answer, str) or not answer.strip():
        raise ProblemError("bad_input", f"The answer to {question.key!r} must be text.", _options_hint(question))
    if question.options:
        chosen = [option for option in question.options if option.casefold() == answer.strip().casefold()]
        if not chosen:
            raise ProblemError("bad_input", f"{answer!r} is no answer to {question.key!r}.", _options_hint(question))
        return chosen[0]
    return storable(answer, "The answer")


def fitting(returns: type[BaseModel], answer: Any) -> Any:
    """Return a decision in the form the log keeps. Whoever made it is not believed that it fits.

    Raises:
        ProblemError: `bad_input`; it is not of the form that was asked for, or longer than anything an agent asks for.
    """
    if (size := len(answer if isinstance(answer, str) else repr(answer))) > DECISION_CHARS:
        message = f"The decision has {size} characters, and at most {DECISION_CHARS} are taken."
        raise ProblemError("bad_input", message, "Answer with what the schema asks for, and no more.")
    try:
        value = returns.model_validate_json(answer) if isinstance(answer, str) else returns.model_validate(answer)
    except ValidationError as error:
        hint = "Answer with an object that fits the question's `schema`."
        what = first_complaint(error).removeprefix("arguments: ")
        raise ProblemError("bad_input", f"The decision does not fit: {what}", hint) from error
    return storable(value.model_dump(mode="json"), "The decision")


def storable(value: Any, what: str) -> Any:
    """Return the value, if the log can keep it: JSON in valid Unicode.

    Raises:
        ProblemError: `bad_input`; it holds half of a surrogate pair, as broken clients send.
    """
    try:
        to_json(value)
    except PydanticSerializationError as error:
        raise ProblemError(
            "bad_input", f"{what} holds text that is not valid Unicode.", "Send whole characters."
        ) from error
    return value


def _options_hint(question: Question) -> str:
    return f"Answer one of: {', '.join(question.options)}." if question.options else "Answer in your own words."


def consequences(thread: Thread, answer: Any, channel: str, client: str = "") -> tuple[Event, ...]:
    """Return what the log must say for this answer to the thread's open question. All of it, or none."""
    asked = thread.asked
    assert asked is not None
    if asked.topic == "approval" and answer == NO:
        return (Denied(key=asked.key, reason=f"A person denied it ({channel}).", channel=channel, client=client),)
    answered = Answered(key=asked.key, answer=answer, channel=channel, client=client)
    match asked.topic:
        case "agent" | "decision" | "approval":
            return (answered,)
        case "failures" | "budget" | "cut_off" if answer == "stop":
            return (answered, Aborted(problem=_stopped(thread, asked)))
        case "failures":
            return (answered,)
        case "budget":
            return (answered, extension(asked))
        case "cut_off":
            verdict = "happened" if answer == "it happened" else "again"
            return (answered, Settled(key=asked.about, verdict=verdict, by="person"))
    assert_never(asked.topic)


def _stopped(thread: Thread, asked: Asked) -> Problem:
    if asked.topic == "failures" and (failed := thread.failures.get(asked.about)):
        return failed[-1].problem
    return Problem(kind="limit", message=f"A person stopped the thread at {asked.key!r}.", hint="Launch it again.")
