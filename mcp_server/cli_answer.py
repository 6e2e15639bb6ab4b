"""`factor12 answer`: give a waiting thread its answer, and follow it from there."""

from typing import Annotated

import typer

from mcp_server.cli_decision import decision_lines, given, how
from mcp_server.cli_follow import attend, report
from mcp_server.cli_process import Json, ThreadId, WaitS, composed, driving, find_thread
from mcp_server.cli_question import CHANNEL, CLIENT, answer_at, meant
from mcp_server.compose import Runtime
from mcp_server.envelope import exit_code, status_of
from mcp_server.loop import run
from mcp_server.terminal import attended, controlling_terminal, out
from state.problem import ProblemError
from state.thread import Thread


def answer(
    ctx: typer.Context,
    thread_id: ThreadId = "latest",
    key: Annotated[str, typer.Argument(metavar="[KEY]", help="The question's key. Default: the open one.")] = "",
    text: Annotated[
        str,
        typer.Argument(
            metavar="[ANSWER]",
            help="Text or an option; for a decision JSON, @FILE, or - for what is on stdin. Default: ask here.",
        ),
    ] = "",
    wait: WaitS = None,
    as_json: Json = False,
) -> int:
    """Answer a waiting thread and follow it.

    What only a person may answer, an approval for example, is asked at this terminal whatever the arguments say, with
    a code to type that stands nowhere else.
    """
    runtime = composed(ctx)
    waiting = find_thread(runtime, thread_id)
    words = given(text) if _is_decision(waiting, key) else text

    async def give() -> int:
        if _is_decision(waiting, key) and not words and not attended():
            _refer(waiting, as_json=as_json)
        thread = await _give(runtime, waiting, key, words)
        if wait == 0 or not runtime.may_drive(thread):
            report(runtime, thread, as_json=as_json)
            return exit_code(status_of(runtime, thread), thread.outcome)
        async with driving(ctx) as driver:
            driver.engine.wake(thread.id)
            return await attend(driver, thread.id, seconds=wait, as_json=as_json, after=thread.version)

    return run(give)


def _is_decision(thread: Thread, key: str) -> bool:
    return thread.asked is not None and thread.asked.question.kind == "decision" and key in ("", thread.asked.key)


def _refer(thread: Thread, *, as_json: bool) -> None:
    """Show what is to be decided to whoever reads it, and say how to answer.

    Raises:
        ProblemError: `bad_input`. Stdin is not read unasked: who starts a program often leaves it open for ever.
    """
    assert thread.question is not None
    if not as_json:
        out().print("\n".join(decision_lines(thread, thread.question)))
    message = f"{thread.question.key!r} is a decision, and there is no terminal to ask at."
    raise ProblemError("bad_input", message, f"Give it as JSON: {how(thread, thread.question)}")


async def _give(runtime: Runtime, thread: Thread, key: str, text: str) -> Thread:
    asked = thread.asked
    if asked is None or (key and key != asked.key) or (text and asked.question.answer_by == "anyone"):
        answer = (meant(asked.question.options, text) if asked else None) or text
        return await runtime.engine.answer(thread.id, key, answer, channel=CHANNEL, person=False, client=CLIENT)
    with controlling_terminal(f"In a terminal of your own: factor12 answer {thread.id}") as screen:
        try:
            return await answer_at(screen, runtime, thread, text)
        except EOFError as error:
            raise ProblemError("refused", "Nothing was answered; the thread waits.", "Run it again.") from error
