"""What a decision is about, for a person: what a model would be told, the answer's skeleton, and where to give it."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import BinaryIO

from agents.runtime.answers import DECISION_CHARS
from agents.runtime.questions import fingerprint
from mcp_server.cli_skeleton import skeleton
from mcp_server.compose import Runtime
from mcp_server.terminal import Screen, complain, safe
from state.events import Question
from state.problem import ProblemError
from state.thread import Thread

LONGEST = 20_000
"""Characters of a prompt that are shown; it ends with what must not be overlooked, so both of its ends are."""
MOST_BYTES = 8 * DECISION_CHARS
STDIN = "-"
FILE = "@"


def decision_lines(thread: Thread, question: Question) -> Iterator[str]:
    """Yield the lines that show what is to be decided; what they quote stands behind a bar that it cannot end."""
    context = question.context
    for title, name in (("A model is always told", "rules"), ("To be decided", "prompt")):
        if text := str(context.get(name, "")):
            yield f"{title}:"
            yield from (f"│ {line}" for line in _whole_or_said(safe(text), thread.id).split("\n"))
    yield "The answer is JSON; what has a `?` may be left out:"
    yield from (safe(line) for line in skeleton(question.answer_schema or {}))


def _whole_or_said(text: str, thread_id: str) -> str:
    if (more := len(text) - LONGEST) <= 0:
        return text
    half = LONGEST // 2
    where = f"`factor12 threads show {thread_id} --json` has them"
    return f"{text[:half]}\n… {more} characters are left out here; {where} …\n{text[-half:]}"


def how(thread: Thread, question: Question) -> str:
    """Return the command that answers it without being asked."""
    return f"factor12 answer {thread.id} {quote(question.key)} JSON  (or @FILE, or - for stdin)"


def given(text: str) -> str:
    """Return the answer that an argument means: itself, or what is in a file or on stdin.

    Raises:
        ProblemError: `not_found` or `bad_input`; there is no such file, it is no text, or empty.
    """
    if text != STDIN and not text.startswith(FILE):
        return text
    try:
        if text == STDIN:
            found = _text(sys.stdin.buffer)
        else:
            with Path(text.removeprefix(FILE)).expanduser().open("rb") as file:
                found = _text(file)
    except OSError as error:
        message = f"{text.removeprefix(FILE)!r} cannot be read: {error.strerror}."
        raise ProblemError("not_found", message, "Name a file with the answer.") from error
    except UnicodeDecodeError as error:
        raise ProblemError("bad_input", "The answer is not UTF-8.", "Give it as JSON text.") from error
    if not found:
        raise ProblemError("bad_input", f"There is no answer in {text!r}.", "Give it as JSON text.")
    return found


def _text(file: BinaryIO) -> str:
    """Read as much as shows that it is too long."""
    return file.read(MOST_BYTES).decode("utf-8-sig").strip()


async def decide_at(screen: Screen, runtime: Runtime, thread: Thread) -> Thread:
    """Show the decision and take an answer that fits; one that does not is asked for again.

    Raises:
        ProblemError: Whatever the engine refuses but an answer that does not fit.
        EOFError: The person left.
    """
    asked = thread.asked
    assert asked is not None
    for line in decision_lines(thread, asked.question):
        screen.show(f"{line}\n")
    shown = fingerprint(asked.question)
    while True:
        try:
            answer = given(await _typed(screen))
            return await runtime.engine.answer(
                thread.id, asked.key, answer, channel="terminal", person=False, client="factor12", shown=shown
            )
        except ProblemError as error:
            if error.problem.kind not in ("bad_input", "not_found") or _is_over(runtime, thread, shown):
                raise
            complain(error.problem)


def _is_over(runtime: Runtime, thread: Thread, shown: str) -> bool:
    now = runtime.store.load(thread.id).question
    return now is None or fingerprint(now) != shown


async def _typed(screen: Screen) -> str:
    """Return what was typed or pasted: @FILE, or JSON over as many lines as it takes; an empty line ends it."""
    while not (text := await screen.read("Your answer (JSON, or @FILE): ")):
        pass
    while _goes_on(text) and (line := await screen.read("… ", more=True)):
        text = f"{text}\n{line}"
    return text


def _goes_on(text: str) -> bool:
    """Whether the text is the beginning of JSON."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return text.startswith("{") and (error.pos >= len(text) or error.msg.startswith("Unterminated string"))
    except RecursionError:
        return False
    return False
