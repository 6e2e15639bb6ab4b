"""What a model is sent for one decision, and how the log names it."""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any, Protocol

from agents.runtime.model import Prompt
from prompts import Rendered
from state.spending import Thought, Usage
from state.steps import Think
from state.thread import Thread


class Render(Protocol):
    """Turns a template's name and variables into text, as the thread's repositories may have it (F2)."""

    def __call__(self, thread: Thread, name: str, context: Mapping[str, Any], /) -> Rendered: ...


def prompt_for(thread: Thread, step: Think, render: Render) -> Prompt:
    """Return what the model is sent: the template first, then what only this call needs."""
    system, body = render(thread, "system", {}), render(thread, step.prompt, step.context)
    digest = sha256(f"{system.digest}{body.digest}".encode()).hexdigest()[:16]
    prompt = Prompt(system.text, (body.text,), template=body.name, version=body.version, digest=digest)
    last = [block for block in (_answers(thread), _complaints(thread, step.key)) if block]
    return replace(prompt, blocks=(*prompt.blocks, *last))


def thought(prompt: Prompt, usage: Usage) -> Thought:
    """Return how the model was asked, for the log."""
    return Thought(
        template=prompt.template, version=prompt.version, digest=prompt.digest, sent=prompt.sent, usage=usage
    )


def _answers(thread: Thread) -> str:
    """A person's answer reaches the next decision, also when a template forgets it (R9).

    Added to every prompt: a short answer stands in many a text by chance, so looking for it there proves nothing.
    """
    answers = [f"- {key}: {text}" for key, text in sorted(thread.answers.items())]
    return "\n".join(["Answers given so far:", *answers]) if answers else ""


def _complaints(thread: Thread, key: str) -> str:
    """Say what was wrong with earlier answers to the same question, compactly (F9)."""
    wrong = [failed.problem for failed in thread.failures.get(key, ()) if failed.problem.kind == "bad_input"]
    return "\n".join(["Not taken so far:", *(f"- {problem}" for problem in wrong)]) if wrong else ""
