"""Follow a thread at the terminal: show what happens, put its questions to the person, and leave without harm."""

import signal
from functools import partial
from math import inf

import anyio

from agents.runtime.kin import asker, standing
from mcp_server.cli_display import Display
from mcp_server.cli_question import answer_at
from mcp_server.cli_summary import print_summary
from mcp_server.compose import Runtime
from mcp_server.envelope import envelope, exit_code, is_driven, status_of
from mcp_server.terminal import attended, complain, controlling_terminal, err, print_json
from state.problem import ProblemError
from state.thread import Thread

LOOK_S = 2.0
"""How often a watcher makes sure that somebody still drives."""


async def attend(runtime: Runtime, thread_id: str, *, seconds: float | None, as_json: bool, after: int = 0) -> int:
    """Follow the thread until it rests, the time is over, or Ctrl-C, which detaches and nothing else (R17).

    Returns the exit code (R15); 128 and the signal's number after a signal.
    """
    display = Display(runtime.engine, runtime.store.load(thread_id), after, quiet=as_json)
    caught: list[int] = []
    async with anyio.create_task_group() as group:
        group.start_soon(_catch_signals, caught, group.cancel_scope)
        with anyio.move_on_after(inf if seconds is None else seconds):
            await _to_rest(runtime, thread_id, display, asking=not as_json and attended())
        group.cancel_scope.cancel()
    thread = runtime.store.load(thread_id)
    if caught and not as_json:
        err().print("Detached: the thread stays, and goes on where somebody drives it.")
    report(runtime, thread, as_json=as_json)
    return 128 + caught[0] if caught else exit_code(status_of(runtime, thread), thread.outcome)


async def watch(runtime: Runtime, thread_id: str, *, as_json: bool) -> int:
    """Show what another process does with the thread until it rests or nobody drives it any more."""
    thread = runtime.store.load(thread_id)
    display = Display(runtime.engine, thread, quiet=as_json)
    caught: list[int] = []
    async with anyio.create_task_group() as group:
        group.start_soon(_catch_signals, caught, group.cancel_scope)
        while status_of(runtime, thread) == "running":
            thread = await display.follow(partial(runtime.engine.wait, thread_id, LOOK_S))
        group.cancel_scope.cancel()
    report(runtime, thread, as_json=as_json)
    return 128 + caught[0] if caught else exit_code(status_of(runtime, thread), thread.outcome)


async def _to_rest(runtime: Runtime, thread_id: str, display: Display, *, asking: bool) -> None:
    """Wait; a question is put to the person here, if there is one."""
    while True:
        thread = await display.follow(partial(runtime.engine.wait, thread_id, inf))
        asked = asker(runtime.store, thread)
        if not asking or asked is None or asked.question is None:
            return
        try:
            with controlling_terminal(f"In a terminal of your own: factor12 answer {asked.id}") as screen:
                await answer_at(screen, runtime, asked)
        except EOFError:
            return
        except ProblemError as error:
            complain(error.problem)
            if error.problem.kind == "refused":
                return


async def _catch_signals(caught: list[int], scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        async for number in signals:
            caught.append(number)
            scope.cancel()


def report(runtime: Runtime, thread: Thread, *, as_json: bool) -> None:
    """Print how the thread stands: for programs the envelope, for a person the result and the next step."""
    if as_json:
        print_json(envelope(runtime, thread))
    else:
        stands = standing(runtime.store, thread, partial(is_driven, runtime))
        print_summary(stands.by or thread, status_of(runtime, thread))
