"""What a model is sent for one decision, and how the log names it. A pure function of the thread (F3)."""

from collections.abc import Mapping
from typing import Any, Protocol

from agents.runtime.model import Prompt
from agents.runtime.origins import Tools
from agents.runtime.window import Limits, fit, last_failure
from prompts import Rendered
from state.events import Compacted
from state.spending import Thought, Usage
from state.steps import Think
from state.thread import Thread


class Render(Protocol):
    """Turns a template's name and variables into text, as the thread's repositories may have it (F2)."""

    def __call__(self, thread: Thread, name: str, context: Mapping[str, Any], /) -> Rendered: ...


def prompt_for(
    thread: Thread, step: Think, rules: Rendered, body: Rendered, limits: Limits, tools: Tools
) -> Prompt | Compacted:
    """Return what the model is sent: the template, what was done so far, and last what must not be overlooked.

    If what was done does not fit any more, say up to where it shrinks from now on.

    Raises:
        ProblemError: `limit`; what cannot be left out does not fit.
    """
    prompt = Prompt(rules.text, (body.text,), body.name, body.version, body.digest, rules.digest)
    last = [_answers(thread), _denials(thread), _complaints(thread, step.key)]
    if step.history:
        last.insert(0, last_failure(thread))
    return fit(thread, prompt, last, limits, tools if step.history else None)


def thought(prompt: Prompt, usage: Usage) -> Thought:
    """Return how the model was asked, for the log."""
    return Thought(
        template=prompt.template,
        version=prompt.version,
        digest=prompt.digest,
        rules=prompt.rules,
        sent=prompt.sent,
        usage=usage,
    )


def _answers(thread: Thread) -> str:
    """A person's answer reaches the next decision, also when a template forgets it (R9).

    Added to every prompt: a short answer stands in many a text by chance, so looking for it there proves nothing.
    """
    answers = [f"- {key}: {text}" for key, text in sorted(thread.answers.items())]
    return "\n".join(["Answers given so far:", *answers]) if answers else ""


def _denials(thread: Thread) -> str:
    denied = [f"- {key}: {reason}" for key, reason in sorted(thread.denials.items())]
    return "\n".join(["A person said no to:", *denied]) if denied else ""


def _complaints(thread: Thread, key: str) -> str:
    """Say what was wrong with earlier answers to the same question, compactly (F9)."""
    wrong = [failed.problem for failed in thread.failures.get(key, ()) if failed.problem.kind == "bad_input"]
    return "\n".join(["Not taken so far:", *(f"- {problem}" for problem in wrong)]) if wrong else ""
