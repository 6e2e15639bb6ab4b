"""Put a thread's question to whoever sits at the terminal; what only a person may answer takes a code (R8)."""

import secrets

from mcp_server.compose import Runtime
from mcp_server.terminal import Screen, safe
from state.events import Asked, Question
from state.problem import ProblemError
from state.thread import Thread

CHANNEL = "terminal"
CLIENT = "factor12"
CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without the ones that look like others."""


async def answer_at(screen: Screen, runtime: Runtime, thread: Thread, given: str = "") -> Thread:
    """Show the thread's open question, read the answer and hand it over.

    Raises:
        ProblemError: `refused` (no terminal may answer, or the code was not typed), `conflict` (it asks something else
            by now), and whatever the engine refuses.
        EOFError: The person left.
    """
    asked = thread.asked
    assert asked is not None
    by_person = asked.question.answer_by == "person"
    if by_person and CHANNEL not in runtime.settings.approval_channels:
        hint = f"FACTOR12_APPROVAL_CHANNELS allows: {', '.join(runtime.settings.approval_channels) or 'none'}."
        raise ProblemError("refused", "A person's answer is not taken from a terminal here.", hint)
    answer = await _ask(screen, thread, asked.question, given)
    if by_person:
        await _prove(screen, thread, answer)
    if not _same(runtime.store.load(thread.id).asked, asked):
        raise ProblemError("conflict", f"Thread {thread.id!r} no longer asks this.", f"factor12 answer {thread.id}")
    return await runtime.engine.answer(thread.id, asked.key, answer, channel=CHANNEL, person=by_person, client=CLIENT)


async def _ask(screen: Screen, thread: Thread, question: Question, given: str) -> str:
    places = ", ".join(ref.root for ref in thread.workspace)
    screen.show(f"\n{safe(thread.agent)} asks{f' about {safe(places)}' if places else ''} (thread {thread.id}):\n")
    screen.show(f"\n{safe(question.text)}\n")
    for number, option in enumerate(question.options, 1):
        screen.show(f"  {number}  {safe(option)}\n")
    while not given:
        given = await screen.read("Your answer: ")
    if given not in question.options and given.isdecimal() and 0 < int(given) <= len(question.options):
        return question.options[int(given) - 1]
    return given


async def _prove(screen: Screen, thread: Thread, answer: str) -> None:
    code = "".join(secrets.choice(CODE_LETTERS) for _ in range(4))
    typed = await screen.read(f"To answer {safe(answer)!r}, type the code {code}: ")
    if typed.upper() != code:
        raise ProblemError("refused", "That was not the code; nothing was answered.", f"factor12 answer {thread.id}")


def _same(now: Asked | None, shown: Asked) -> bool:
    """Tell whether the question is still the one that was shown; only its time may have changed."""
    return now is not None and now.model_dump(exclude=_TIME) == shown.model_dump(exclude=_TIME)


_TIME = {"question": {"expires_at"}}
