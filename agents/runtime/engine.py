"""What can be asked of threads: launch, wait, answer, resume, cancel. The doors call nothing else."""

import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from time import time
from typing import TYPE_CHECKING, Any

import anyio
from pydantic import BaseModel

from agents.runtime.accepting import accepted
from agents.runtime.answers import consequences, read_answer
from agents.runtime.bells import Bells
from agents.runtime.budgets import SESSION
from agents.runtime.deciding import decide, log_of
from agents.runtime.definition import Agent
from agents.runtime.kin import cancel_children, resume_children, standing, wake_family
from agents.runtime.model import Model
from agents.runtime.patience import patiently
from agents.runtime.questions import fingerprint, renewed
from agents.runtime.thinking import Render
from agents.runtime.window import Limits
from prompts import rendered
from state import fold
from state.events import Cancelled, CancelRequested, Event, Launched, RepositoryRef, Resumed, Source
from state.identity import identity
from state.problem import Problem, ProblemError
from state.spending import Budget, Spent
from state.steps import Think
from state.store import Moved, Store
from state.thread import Thread
from tools.base import Tool, Workspace

if TYPE_CHECKING:
    from tools.checkpoints.saving import Tree

log = logging.getLogger(__name__)

TICK_S = 0.2
"""How often a waiting call looks for what another process wrote."""


@dataclass(frozen=True)
class Launch:
    """One wish to run an agent, as a door received it."""

    agent: str
    task: dict[str, Any]
    session: str
    workspace: tuple[RepositoryRef, ...] = ()
    principal: str = ""
    client: str = ""
    source: Source = ""
    untrusted: tuple[str, ...] = ()
    idempotency_key: str = ""
    budget: Budget = field(default_factory=Budget)


@dataclass(frozen=True)
class Engine:
    """Everything a drive needs, and the calls that start, signal and await one."""

    store: Store
    agents: Mapping[str, Agent[Any, Any]]
    tools: Mapping[str, Tool[..., Any]]
    open_workspace: Callable[[Thread], Awaitable[Workspace]]
    wake: Callable[[str], None]
    """Hand the thread to whoever drives it. A hint: lossy, doubled and late are all fine."""
    may_drive: Callable[[Thread], bool] = lambda _: True
    """Whether this process may run the thread unasked (R21)."""
    model: Model | None = None
    links: Mapping[str, Model | None] = field(default_factory=dict[str, Model | None])
    """The same one by one, by provider and name, for threads that were forked to another; `host` is the caller."""
    render: Render = lambda _, name, context: rendered(name, **context)
    clock: Callable[[], float] = time
    hold: Callable[[Workspace, str], Awaitable[Mapping[str, "Tree"]]] | None = None
    """Hold the work trees a thread may write to; without it nothing can be restored."""
    limits: Limits = field(default_factory=Limits)
    session_limit: Spent = SESSION
    inline_bytes: int = 16384
    auto_resume_s: float = 900.0
    bells: Bells = field(default_factory=Bells)
    missing: Callable[[str], Problem | None] = lambda _: None
    """Why there is no agent of that name, where more is known than that."""

    @property
    def offered(self) -> list[Agent[Any, Any]]:
        """The agents that are called by their names."""
        return [agent for agent in self.agents.values() if agent.offered]

    async def launch(self, wish: Launch) -> Thread:
        """Open a thread and wake its driver; with a known idempotency key, return the thread it opened before.

        Raises:
            ProblemError: `not_found` (no such agent), `bad_input` (the task), `busy` (the work tree), `conflict`.
        """
        agent = self.agent(wish.agent)
        task = accepted(agent, wish.task)
        launched = Launched(
            agent=agent.name,
            session=wish.session,
            task=task,
            at=self.clock(),
            workspace=wish.workspace,
            principal=wish.principal,
            code=agent.code,
            budget=wish.budget,
            client=wish.client,
            source=wish.source,
            untrusted=wish.untrusted,
        )
        roots = [[ref.source, "worktree"] if ref.source else ref.root for ref in wish.workspace]
        arguments = identity(agent.name, {"task": task, "roots": roots})
        created = await patiently(
            self.store.create,
            secrets.token_hex(16),
            launched,
            idempotency_key=wish.idempotency_key,
            arguments=arguments,
        )
        if created.new:
            self.wake(created.thread.id)
        return created.thread

    async def wait(
        self, thread_id: str, seconds: float, on_change: Callable[[Thread], Awaitable[None]] | None = None
    ) -> Thread:
        """Return the thread as soon as it does not run, or as it is after `seconds`.

        Whoever waits also tries to drive the thread whenever nobody else does (R6).

        Raises:
            UnknownThread: No such thread.
        """
        thread = self.store.load(thread_id)
        with self.bells.listen(thread_id) as bell, anyio.move_on_after(seconds):
            while self.goes_on(thread) and not self.bells.closed:
                rung = bell.rung
                if thread.status == "running" and self._is_orphan(thread):
                    self.wake(thread_id)
                with anyio.move_on_after(TICK_S):
                    await rung.wait()
                if (after := self._catch_up(bell.newest(thread))) is not thread and on_change:
                    await on_change(after)
                thread = after
        return self._catch_up(thread)

    def goes_on(self, thread: Thread) -> bool:
        """Tell whether the thread, or what it rests for, moves by itself; a child that nobody drives is woken."""
        if thread.family is None:
            return thread.status == "running" and thread.trouble is None

        def woken(child: Thread) -> bool:
            if orphan := self._is_orphan(child):
                self.wake(child.id)
            return orphan or self.store.driven(child.id)

        return standing(self.store, thread, woken).status == "running"

    async def answer(
        self, thread_id: str, key: str, answer: Any, *, channel: str, person: bool, client: str = "", shown: str = ""
    ) -> Thread:
        """Answer the question the thread waits for; the first answer wins.

        `person` says that the channel proves, as well as it can, that a person answered (R8). `shown` is the
        fingerprint of the question as it was shown; an answer to one that has changed since counts for nothing.

        Raises:
            ProblemError: `conflict` (it waits for nothing, or asks something else by now), `not_found` (another key),
                `refused` (a person must answer), `expired` (asked anew), `bad_input` (not an answer to this question).
        """
        while True:
            thread = self.store.load(thread_id)
            try:
                if shown and thread.question and fingerprint(thread.question) != shown:
                    raise ProblemError("conflict", f"{key!r} asks something else by now.", "Look, then answer.")
                events = await self._read(thread, key, answer, channel, person, client)
                after = await patiently(self.store.signal, thread, *events)
            except Moved:
                continue
            self._signalled(after)
            return after

    async def ask_anew(self, thread: Thread) -> None:
        """Note that the open question was shown to somebody who gave no answer. Nothing else changes by it."""
        if thread.asked is not None:
            try:
                self._signalled(await patiently(self.store.signal, thread, thread.asked))
            except Moved:
                return  # it is not open any longer, or somebody else noted it

    async def resume(self, thread_id: str) -> Thread:
        """Drive a thread that was interrupted, or rewound. An ended one, or one with a question, stays as it is.

        Raises:
            ProblemError: `busy`: it is being driven.
        """
        while (thread := self.store.load(thread_id)).status == "running" or thread.waiting_on == "resume":
            if self.store.driven(thread_id):
                raise ProblemError("busy", f"Thread {thread_id!r} is running.", "`thread_wait` follows it.")
            try:
                after = await patiently(self.store.signal, thread, Resumed())
            except Moved:
                continue
            self._signalled(after)
            return after
        await resume_children(self, thread)
        return thread

    async def cancel(self, thread_id: str, *, channel: str, reason: str = "") -> Thread:
        """Stop the thread and its children; what is in flight is stopped and settled first. An ended one stays."""
        while True:
            thread = self.store.load(thread_id)
            if thread.ended:
                return thread
            if thread.family and thread.cancelling:
                after = await cancel_children(self, thread, channel, reason)
                if after.family:  # their drivers end them
                    return after
                continue
            events: tuple[Event, ...] = () if thread.cancelling else (CancelRequested(channel=channel, reason=reason),)
            if not thread.family and not self.store.driven(thread_id):
                events = (*events, Cancelled(note=_unknown(thread)))
            try:
                after = await patiently(self.store.signal, thread, *events)
            except Moved:
                continue
            self._signalled(after)
            if not after.family:
                return after

    def agent(self, name: str) -> Agent[Any, Any]:
        """Return the agent of that name.

        Raises:
            ProblemError: `not_found`, with the names there are.
        """
        if (found := self.agents.get(name)) is None:
            if (why := self.missing(name)) is not None:
                raise ProblemError(why.kind, why.message, why.hint)
            raise ProblemError("not_found", f"There is no agent {name!r}.", f"There are: {', '.join(self.agents)}.")
        return found

    async def _read(
        self, thread: Thread, key: str, answer: Any, channel: str, person: bool, client: str
    ) -> tuple[Event, ...]:
        if (asked := thread.asked) is None:
            where = f"Thread {thread.id!r} is {thread.status} and waits for no answer."
            raise ProblemError("conflict", where, f"See it with `thread_wait`: {thread.id}.")
        if asked.key != key:
            raise ProblemError(
                "not_found", f"Thread {thread.id!r} asks {asked.key!r}, not {key!r}.", "Answer that key."
            )
        if asked.question.answer_by == "person" and not person:
            hint = f"Answer in the client's form, or in a terminal: `factor12 answer {thread.id}`."
            raise ProblemError("refused", f"{key!r} is a question for a person.", hint)
        if asked.question.expires_at is not None and self.clock() > asked.question.expires_at:
            await patiently(self.store.signal, thread, renewed(asked, self.clock()))
            raise ProblemError("expired", f"{key!r} was open too long and is asked anew.", "Look again, then answer.")
        return consequences(thread, read_answer(asked, answer, await self._returns(thread)), channel, client)

    async def _returns(self, thread: Thread) -> type[BaseModel] | None:
        """Return what a waiting decision must be: the agent, being pure, says it again.

        Raises:
            ProblemError: `diverged`; it says something else now.
        """
        if thread.asked is None or thread.asked.topic != "decision":
            return None
        agent = self.agent(thread.agent)
        step = await decide(agent, thread, log_of(self.store, thread))
        if not (isinstance(step, Think) and step.key == thread.asked.key):
            message = f"The agent no longer asks for {thread.asked.key!r}; its code changed since it asked."
            raise ProblemError("diverged", message, "Cancel the thread and launch it again.")
        return step.returns

    def _is_orphan(self, thread: Thread) -> bool:
        """Tell that nobody drives the thread and this process may (R6, R21)."""
        fresh = self.store.touched(thread.id) > self.clock() - self.auto_resume_s
        return fresh and not self.store.driven(thread.id) and self.may_drive(thread)

    def _catch_up(self, thread: Thread) -> Thread:
        unread = self.store.read(thread.id, after=thread.version)
        return fold.catch_up(thread, (record.event for record in unread)) if unread else thread

    def _signalled(self, thread: Thread) -> None:
        self.bells.ring(thread.id)
        if thread.status == "running":
            self.wake(thread.id)
        wake_family(self, thread)


def _unknown(thread: Thread) -> str:
    """Say what a cancel without a driver leaves open."""
    if (cut := thread.pending) is None:
        return ""
    return f"{cut.tool} ({cut.key!r}) was cut off, and nobody looked whether it happened."
