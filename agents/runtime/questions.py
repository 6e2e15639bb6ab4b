"""The questions an engine asks. One question object, whatever the channel (R8)."""

import json
import unicodedata
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from pydantic import BaseModel

from agents.runtime.model import Prompt
from agents.runtime.thinking import thought
from state.events import Asked, Question, Topic
from state.problem import Problem
from state.spending import Usage
from state.steps import Ask

APPROVAL_LIFETIME_S = 3600.0
LONGEST_PLAN = 4000
"""What a form shows of a plan; how much more there is, is said."""
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
    """Three failures of one key, or one that only a person can mend, go to a person (F9)."""
    last = problems[-1]
    often = "once:" if len(problems) == 1 else f"{len(problems)} times, last:"
    text = f"{key!r} failed {often} {visible(str(last))}\nTry again, or stop here?"
    return by_person(f"retry:{key}", text, ("retry", "stop"), "failures", key)


def cut_off(key: str, tool: str, why: str) -> Asked:
    """An interrupted effect that nothing can settle goes to a person (R5)."""
    text = f"{tool} ({key!r}) was cut off, and nothing tells whether it happened: {visible(why)}\nDid it?"
    return by_person(f"settle:{key}", text, ("it happened", "do it again", "stop"), "cut_off", key)


def decision(key: str, prompt: Prompt, returns: type[BaseModel], binding: str, untrusted: Sequence[str] = ()) -> Asked:
    """A decision the server cannot get by itself: the calling model answers it, and is told whose words it reads."""
    question = Question(
        key=key,
        kind="decision",
        answer_by="anyone",
        text=f"Decide {key!r} as the schema says.",
        schema=returns.model_json_schema(),
        context={"rules": prompt.system, "prompt": prompt.text} | ({"untrusted": [*untrusted]} if untrusted else {}),
    )
    return Asked(key=key, question=question, topic="decision", binding=binding, thought=thought(prompt, Usage()))


def by_person(
    key: str, text: str, options: tuple[str, ...], topic: Topic, about: str, context: Mapping[str, Any] | None = None
) -> Asked:
    """Ask a person; no argument of a caller answers it (R8)."""
    question = Question(
        key=key, kind="question", answer_by="person", text=text, options=options, context=dict(context or {})
    )
    return Asked(key=key, question=question, topic=topic, about=about)


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
