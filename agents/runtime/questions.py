"""The questions an engine asks, and what an answer to one means. One question object, whatever the channel (R8)."""

import json
import unicodedata
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, assert_never

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from agents.runtime.model import Prompt
from agents.runtime.thinking import thought
from state.events import Aborted, Answered, Asked, BudgetExtended, Denied, Event, Question, Settled
from state.problem import Problem, ProblemError
from state.spending import Usage
from state.steps import Ask
from state.thread import Thread
from tools.base import first_complaint

APPROVAL_LIFETIME_S = 3600.0
LONGEST_PLAN = 4000
"""What a form shows of a plan; how much more there is, is said."""
MORE_STEPS = 25
MORE_SECONDS = 1800.0
YES, NO = "approve", "deny"
BLANK = frozenset("\u034f\u115f\u1160\u2800\u3164\uffa0")
"""Letters and signs that show nothing, though Unicode does not count them among the invisible."""


def visible(text: str) -> str:
    """Show control, bidirectional and invisible characters as escapes, so that a person sees what will run."""
    return "".join(char if _is_seen(char) else f"\\u{{{ord(char):x}}}" for char in text)


def _is_seen(char: str) -> bool:
    kind = unicodedata.category(char)
    return char in "\n\t" or not (kind[0] == "C" or kind in ("Zl", "Zp") or char in BLANK)


def from_agent(step: Ask) -> Asked:
    """Turn an agent's `Ask` into the logged question."""
    question = Question(
        key=step.key,
        kind="question",
        answer_by=step.answer_by,
        text=visible(step.text),
        options=step.options,
        context=dict(step.context),
    )
    return Asked(key=step.key, question=question, topic="agent")


def approval(key: str, tool: str, reason: str, plan: Any, binding: str, now: float) -> Asked:
    """Ask a person to let one exact effect happen, once, within an hour."""
    shown = visible(json.dumps(plan, indent=2, ensure_ascii=False))
    question = Question(
        key=f"approve:{key}",
        kind="approval",
        answer_by="person",
        text=f"{visible(reason)}\nApprove exactly this {tool}?\n{_whole_or_said(shown)}",
        options=(YES, NO),
        context={"tool": tool, "plan": plan, "binding": binding},
        expires_at=now + APPROVAL_LIFETIME_S,
    )
    return Asked(key=question.key, question=question, topic="approval", about=key, binding=binding)


def _whole_or_said(shown: str) -> str:
    """Return the plan; of one too long for a form the beginning and the end, and how much is missing between them."""
    if (more := len(shown) - LONGEST_PLAN) <= 0:
        return shown
    half = LONGEST_PLAN // 2
    return f"{shown[:half]}\n… {more} characters are left out here; the thread's history has them …\n{shown[-half:]}"


def after_failures(key: str, problems: tuple[Problem, ...]) -> Asked:
    """Three failures of one key go to a person (F9)."""
    last = problems[-1]
    text = f"{key!r} failed {len(problems)} times, last: {visible(str(last))}\nTry again, or stop here?"
    return _by_person(f"retry:{key}", text, ("retry", "stop"), "failures", key)


def cut_off(key: str, tool: str, why: str) -> Asked:
    """An interrupted effect that nothing can settle goes to a person (R5)."""
    text = f"{tool} ({key!r}) was cut off, and nothing tells whether it happened: {visible(why)}\nDid it?"
    return _by_person(f"settle:{key}", text, ("it happened", "do it again", "stop"), "cut_off", key)


def out_of_budget(thread: Thread) -> Asked:
    """Running out pauses and asks; nothing is thrown away."""
    spent = f"{thread.steps} of {thread.budget.steps} steps and {thread.seconds:.0f} of {thread.budget.seconds:.0f} s"
    text = f"This thread has used {spent}.\nGo on for {MORE_STEPS} more steps and {MORE_SECONDS:.0f} s, or stop?"
    return _by_person(f"budget:{thread.budget.steps}", text, ("continue", "stop"), "budget", "")


def decision(key: str, prompt: Prompt, returns: type[BaseModel], binding: str) -> Asked:
    """A decision the server cannot get by itself: the calling model answers it."""
    question = Question(
        key=key,
        kind="decision",
        answer_by="anyone",
        text=f"Decide {key!r} as the schema says.",
        schema=returns.model_json_schema(),
        context={"rules": prompt.system, "prompt": prompt.text},
    )
    return Asked(key=key, question=question, topic="decision", binding=binding, thought=thought(prompt, Usage()))


def _by_person(key: str, text: str, options: tuple[str, ...], topic: Any, about: str) -> Asked:
    question = Question(key=key, kind="question", answer_by="person", text=text, options=options)
    return Asked(key=key, question=question, topic=topic, about=about)


def read_answer(asked: Asked, answer: Any, returns: type[BaseModel] | None) -> Any:
    """Check an answer against its question and return it in the form the log keeps.

    Raises:
        ProblemError: `bad_input`, saying what would be accepted.
    """
    question = asked.question
    if question.kind == "decision" and returns is not None:
        try:
            value = returns.model_validate_json(answer) if isinstance(answer, str) else returns.model_validate(answer)
        except ValidationError as error:
            hint = "Answer with an object that fits the question's `schema`."
            raise ProblemError("bad_input", f"The decision does not fit: {first_complaint(error)}", hint) from error
        return storable(value.model_dump(mode="json"), "The decision")
    if not isinstance(answer, str) or not answer.strip():
        raise ProblemError("bad_input", f"The answer to {question.key!r} must be text.", _options_hint(question))
    if question.options:
        chosen = [option for option in question.options if option.casefold() == answer.strip().casefold()]
        if not chosen:
            raise ProblemError("bad_input", f"{answer!r} is no answer to {question.key!r}.", _options_hint(question))
        return chosen[0]
    return storable(answer, "The answer")


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
            return (answered, BudgetExtended(steps=MORE_STEPS, seconds=MORE_SECONDS))
        case "cut_off":
            verdict = "happened" if answer == "it happened" else "again"
            return (answered, Settled(key=asked.about, verdict=verdict, by="person"))
    assert_never(asked.topic)


def _stopped(thread: Thread, asked: Asked) -> Problem:
    if asked.topic == "failures" and (failed := thread.failures.get(asked.about)):
        return failed[-1].problem
    return Problem(kind="limit", message=f"A person stopped the thread at {asked.key!r}.", hint="Launch it again.")


def renewed(asked: Asked, now: float) -> Asked:
    """Ask an expired question anew."""
    question = asked.question.model_copy(update={"expires_at": now + APPROVAL_LIFETIME_S})
    return asked.model_copy(update={"question": question})


def fingerprint(question: Question) -> str:
    """Identify exactly what a person was shown, so that an answer never counts for another question of that key."""
    return sha256(question.model_dump_json(exclude={"expires_at"}).encode()).hexdigest()[:32]


def summary(question: Question) -> Mapping[str, Any]:
    """Return the question as every door shows it: absent fields left out."""
    return question.model_dump(mode="json", by_alias=True, exclude_defaults=True)
