"""Put a thread's question to whoever sits at the terminal; what only a person may answer takes a code (R8)."""

import secrets
from collections.abc import Sequence

from agents.runtime.questions import fingerprint
from mcp_server.cli_decision import decide_at
from mcp_server.compose import Runtime
from mcp_server.terminal import Screen, safe
from state.events import Question
from state.problem import ProblemError
from state.thread import Thread

CHANNEL = "terminal"
CLIENT = "factor12"
CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without the ones that look like others."""


async def answer_at(screen: Screen, runtime: Runtime, thread: Thread, given: str = "") -> Thread:
    """Show the thread's open question, read the answer and hand it over.

    Raises:
        ProblemError: `refused` (no terminal may answer, or the code was not typed), and whatever the engine refuses,
            among it an answer to a question that changed while it was read.
        EOFError: The person left.
    """
    asked = thread.asked
    assert asked is not None
    if by_person := asked.question.answer_by == "person":
        require_terminal(runtime)
    _introduce(screen, thread)
    if asked.question.kind == "decision":
        return await decide_at(screen, runtime, thread)
    answer = await _ask(screen, asked.question, given)
    if by_person:
        await prove(screen, f"answer {answer!r}", f"factor12 answer {thread.id}")
    shown = fingerprint(asked.question)
    return await runtime.engine.answer(
        thread.id, asked.key, answer, channel=CHANNEL, person=by_person, client=CLIENT, shown=shown
    )


def require_terminal(runtime: Runtime) -> None:
    """Refuse what only a person may say where the settings leave the terminal out."""
    if CHANNEL not in runtime.settings.approval_channels:
        hint = f"FACTOR12_APPROVAL_CHANNELS allows: {', '.join(runtime.settings.approval_channels) or 'none'}."
        raise ProblemError("refused", "A person's answer is not taken from a terminal here.", hint)


def _introduce(screen: Screen, thread: Thread) -> None:
    places = ", ".join(ref.root for ref in thread.workspace)
    screen.show(f"\n{safe(thread.agent)} asks{f' about {safe(places)}' if places else ''} (thread {thread.id}):\n")


async def _ask(screen: Screen, question: Question, given: str) -> str:
    screen.show(f"\n{safe(question.text)}\n")
    for number, option in enumerate(question.options, 1):
        screen.show(f"  {number}  {safe(option)}\n")
    while True:
        while not given:
            given = await screen.read("Your answer: ")
        if (answer := meant(question.options, given)) is not None:
            return answer
        screen.show(f"{safe(given)!r} is none of them. Type a number or the words beside it.\n")
        given = ""


def meant(options: Sequence[str], given: str) -> str | None:
    """Return the option that was typed, or of which the number was; without options, what was typed."""
    if not options:
        return given
    if (chosen := next((one for one in options if one.casefold() == given.casefold()), None)) is not None:
        return chosen
    is_number = given.isascii() and given.isdecimal() and len(given) < 4
    return options[int(given) - 1] if is_number and 0 < int(given) <= len(options) else None


async def prove(screen: Screen, what: str, again: str) -> None:
    """Let whoever sits at the terminal type a code that stands nowhere else.

    Raises:
        ProblemError: `refused`; it was not typed. `again` is the command that tries once more.
    """
    code = "".join(secrets.choice(CODE_LETTERS) for _ in range(4))
    typed = await screen.read(f"To {safe(what)}, type the code {code}: ")
    if typed.upper() != code:
        raise ProblemError("refused", "That was not the code; nothing was done.", f"To try again: {again}")
