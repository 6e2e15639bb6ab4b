"""Drive one thread: decide, record the intent, act, record the outcome, until it ends or waits."""

import logging
from time import monotonic
from typing import Any, assert_never

import anyio
import anyio.lowlevel

from agents.runtime import budgets, questions
from agents.runtime.agreement import departed, departure
from agents.runtime.deciding import Unavailable, decide, log_of
from agents.runtime.definition import Agent
from agents.runtime.divergence import diverged
from agents.runtime.effects import Effects, Stopped
from agents.runtime.engine import Engine
from agents.runtime.kin import wake_family
from agents.runtime.patience import patiently
from agents.runtime.pen import Pen
from agents.runtime.spawning import spawn
from state.events import Aborted, Cancelled, CancelRequested, Finished, Interrupted
from state.problem import Problem, ProblemError, cause
from state.steps import Abort, Ask, Call, Done, Spawn, Step, Think
from state.store import Fenced, Held, Moved
from state.thread import Thread

log = logging.getLogger(__name__)

RENEW_S = 0.5
"""How often a driver shows life and looks for signals; a cancel is seen within this time."""

TURN_S = 0.005
"""How long steps that wait for nothing may follow each other before others in this process have their turn."""


async def drive(engine: Engine, thread_id: str) -> None:
    """Claim the thread and step until it ends or waits. Returns at once if somebody else drives it.

    Nothing stays "running" for ever: a driver that fails says so in the log before it lets go (R6).
    """
    try:
        thread = engine.store.load(thread_id)
        if thread.status != "running" or isinstance(lease := await patiently(engine.store.claim, thread_id), Held):
            return
    except ProblemError as error:
        log.error("thread %s cannot be driven: %s", thread_id, error)
        return
    pen = Pen(engine.store, lease, thread, engine.bells)
    try:
        pen.catch_up()
        while await _drive(engine, pen):
            pass
        wake_family(engine, pen.thread)
    except anyio.get_cancelled_exc_class():
        with anyio.CancelScope(shield=True):
            await pen.leave()
        raise
    except Exception as error:
        found = cause(error)
        if isinstance(found, Fenced):
            log.warning("thread %s was taken over by another process", thread_id)
            return
        if isinstance(found, ProblemError):
            log.warning("thread %s cannot go on: %s", thread_id, found)
        else:
            log.exception("thread %s: its driver failed", thread_id)
        await pen.leave(Interrupted(problem=_unexpected(found)))


async def _drive(engine: Engine, pen: Pen) -> bool:
    """Step to the next rest and release; True if a signal came in between and there is more to do."""
    if pen.thread.status != "running":
        return not await pen.let_go()
    agent = engine.agent(pen.thread.agent)
    effects = Effects(engine, pen)
    turn_ends = monotonic() + TURN_S
    async with anyio.create_task_group() as group:
        group.start_soon(_show_life, pen, effects)
        try:
            await _require_agreement(engine, pen, agent)
            while pen.thread.status == "running":
                await _step(engine, pen, agent, effects)
                if (now := monotonic()) > turn_ends:
                    turn_ends = now + TURN_S
                    await anyio.lowlevel.checkpoint()
        finally:
            group.cancel_scope.cancel()
    return not await pen.let_go()


async def _require_agreement(engine: Engine, pen: Pen, agent: Agent[Any, Any]) -> None:
    """End a thread whose agent was changed since the launch and would not have decided what the log has (R3)."""
    if pen.thread.code in ("", agent.code):
        return
    found = await departure(agent, pen.thread.id, log_of(engine.store, pen.thread)(0))
    while found is not None and pen.thread.status == "running" and not pen.thread.cancelling:
        try:
            await pen.decide(Aborted(problem=departed(found)))
        except Moved:
            pen.catch_up()


async def _show_life(pen: Pen, effects: Effects) -> None:
    """Renew the lease; a cancel that arrived stops the effect in flight."""
    while True:
        await anyio.sleep(RENEW_S)
        if await pen.renew() and any(isinstance(event, CancelRequested) for event in pen.unread()):
            effects.stop()


async def _step(engine: Engine, pen: Pen, agent: Agent[Any, Any], effects: Effects) -> None:
    thread = pen.thread
    try:
        if thread.pending is not None:
            await effects.settle(thread.pending, None if thread.cancelling else await _decide(engine, agent, thread))
        elif thread.cancelling:
            await pen.decide(Cancelled())
        else:
            await _take(engine, pen, effects, await _decide(engine, agent, thread))
    except (Moved, Stopped):
        pen.catch_up()


async def _decide(engine: Engine, agent: Agent[Any, Any], thread: Thread) -> Step:
    try:
        return await decide(agent, thread, log_of(engine.store, thread))
    except Unavailable:
        raise
    except ProblemError as error:
        return Abort(error.problem)


async def _take(engine: Engine, pen: Pen, effects: Effects, step: Step) -> None:
    match step:
        case Done(output, outcome):
            await pen.decide(Finished(output=output.model_dump(mode="json"), outcome=outcome))
        case Abort(problem):
            await pen.decide(Aborted(problem=problem))
        case Ask() | Call() | Think() | Spawn() if step.key in pen.thread.effects:
            await pen.decide(Aborted(problem=diverged(pen.thread, step)))
        case Ask():
            await pen.decide(questions.from_agent(step))
        case Call() | Think() | Spawn() if budgets.is_spent(pen.thread):
            await pen.decide(budgets.of_thread(pen.thread))
        case Call() | Think():
            await effects.perform(step)
        case Spawn():
            await spawn(engine, pen, step, await effects.untrusted())
        case _:
            assert_never(step)


def _unexpected(error: BaseException) -> Problem:
    if isinstance(error, ProblemError):
        return error.problem
    what = f"{type(error).__name__}: {error}"
    return Problem(kind="internal", message=f"The driver failed: {what[:300]}", hint="`thread_resume` tries again.")
