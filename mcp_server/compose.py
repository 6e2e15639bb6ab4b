"""The one place where store, agents, tools and workspaces meet."""

import logging
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any

import anyio

from agents.runtime.bells import Bells
from agents.runtime.definition import Agent
from agents.runtime.dispatcher import InProcessDispatcher
from agents.runtime.driver import drive
from agents.runtime.engine import Engine
from agents.runtime.patience import patiently
from agents.runtime.window import Limits
from mcp_server.background import Background
from mcp_server.callers import LOCAL, Caller, Scope, caller_of
from mcp_server.custom import Custom
from mcp_server.deciding import decider, links
from mcp_server.logs import about
from mcp_server.outward import Outward
from mcp_server.parts import Parts, parts_of
from mcp_server.repositories import Repositories
from mcp_server.roster import Roster
from mcp_server.settings import Settings, child_environment
from mcp_server.tally import Calls
from mcp_server.wordings import Wordings
from state import sessions
from state.earlier import Earlier
from state.events import Launched
from state.log import SqliteStore
from state.problem import ProblemError
from state.sqlite import Database
from state.store import Search, Store, UnknownThread
from state.thread import Thread
from tools.base import Tool, Workspace
from tools.boxes.sandbox import Sandbox, Unboxed
from tools.workspace import Repository

if TYPE_CHECKING:
    from tools.checkpoints.saving import Tree

log = logging.getLogger(__name__)

SWEEP_S = 30.0
LATEST = "latest"


@dataclass(frozen=True)
class Runtime:
    """A composed process: what the doors talk to."""

    settings: Settings
    database: Database
    store: Store
    repositories: Repositories
    dispatcher: InProcessDispatcher
    parts: Callable[[], Parts]
    outward: Outward = field(default_factory=Outward)
    bells: Bells = field(default_factory=Bells)
    background: Background = field(default_factory=Background)
    calls: Calls = field(default_factory=Calls)
    caller: Caller = LOCAL
    for_everybody: bool = False
    """Whether it drives the threads of every principal, and not only of the one it was started by."""
    process: "Runtime | None" = None
    """The whole, when this is what one caller sees of it."""

    def acting_for(self, caller: Caller) -> "Runtime":
        """Return the same process as the caller sees it: their own sessions and threads."""
        caller = caller.reading() if self.settings.read_only else caller
        return self if caller == self.caller else replace(self, caller=caller, process=self.process or self)

    def seen_by(self, request: Any, needs: Scope = "read") -> "Runtime":
        """Return what the sender of a message sees of the process; `request` is what it came with over HTTP, if it did.

        Raises:
            ProblemError: `refused`; they lack the scope.
        """
        seen = self.acting_for(caller_of(request))
        seen.caller.need(needs)
        return seen

    @property
    def principal(self) -> str:
        return self.caller.principal

    @cached_property
    def engine(self) -> Engine:
        if self.process is not None:
            return self.process.engine
        parts = self.parts()
        return Engine(
            store=self.store,
            agents=Roster({agent.name: agent for agent in parts.agents}, self.custom),
            tools={tool.name: tool for tool in parts.tools},
            open_workspace=self.open_workspace,
            wake=self.dispatcher.wake,
            inline_bytes=self.settings.inline_bytes,
            auto_resume_s=self.settings.auto_resume_s,
            may_drive=self.may_drive,
            bells=self.bells,
            hold=self.hold,
            render=self.wordings.render,
            limits=Limits(self.settings.max_context_tokens, self.settings.context_compression_threshold),
            session_limit=self.settings.session_limit,
            model=decider(self.settings),
            links=links(self.settings),
            missing=self.custom.missing,
        )

    @property
    def wordings(self) -> Wordings:
        return Wordings(self.repositories, self.settings.own_prompts, self.custom.home_of)

    @cached_property
    def custom(self) -> Custom:
        """The agents of the person's own repositories."""
        if self.process is not None:
            return self.process.custom
        return Custom(self.settings, self.database, self.repositories, lambda: self.sandbox)

    @cached_property
    def sandbox(self) -> Sandbox:
        """What the programs of repositories run in; which box there is, is found out when one is first needed."""
        if self.process is not None:
            return self.process.sandbox
        if self.settings.sandbox == "off":
            return Unboxed("FACTOR12_SANDBOX is `off`")
        from tools.boxes.bubblewrap import Bubblewrap

        places = (*self.repositories.roots, self.repositories.home)
        never_in = [root for root in places if root is not None]
        required = self.settings.sandbox == "require"
        return Bubblewrap(child_environment().get("PATH", ""), never_in, required=required)

    async def open_workspace(self, thread: Thread) -> Workspace:
        """Open the repositories a thread was launched with, as this process may use them."""
        opened = {ref.name: self.repositories.opened(ref) for ref in thread.workspace}
        workspace = replace(self.workspace(opened), earlier=Earlier(self.store, thread))
        for ref in thread.workspace:
            if ref.source:
                from tools.worktrees import make_ready  # git's part is imported when it is needed

                await make_ready(workspace, workspace.repository(ref.name), ref)
        if workspace.vaults.exists():
            from agents.runtime.rewinding import completed  # needed by few starts

            await completed(self.store, workspace)
        return workspace

    def workspace(self, repositories: Mapping[str, Repository]) -> Workspace:
        scratch = self.settings.state_dir / "scratch"
        scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        vaults, sandbox = self.settings.vaults, self.sandbox
        return Workspace(repositories, self.store, scratch, child_environment(), vaults=vaults, sandbox=sandbox)

    async def hold(self, workspace: Workspace, label: str) -> Mapping[str, "Tree"]:
        """Hold the work trees a thread may write to."""
        from tools.checkpoints.holding import hold

        return await hold(workspace, label)

    async def drive(self, thread_id: str) -> None:
        """Drive a thread, its log lines marked with what they are about. One that cannot be read holds up no other."""
        with self._unreadable(thread_id):
            records = self.store.read(thread_id, limit=1)
            launched = next((one.event for one in records if isinstance(one.event, Launched)), None)
            if launched is not None:
                await self.custom.ready(launched.agent)
            with about(thread_id=thread_id, session=launched.session if launched else ""):
                await drive(self.engine, thread_id)

    @contextmanager
    def _unreadable(self, thread_id: str) -> Generator[None]:
        try:
            yield
        except ProblemError:  # gone meanwhile, or its log is damaged, or written by a newer version
            log.exception("thread %s cannot be driven", thread_id)

    def will_drive(self, thread: Thread) -> bool:
        """Whether this process takes up the thread unasked: it may, and it was touched recently (R21)."""
        return self.store.touched(thread.id) > time() - self.settings.auto_resume_s and self.may_drive(thread)

    def find(self, wanted: str) -> Thread:
        """Return this principal's thread of that id, or with `latest` the one that moved last.

        Raises:
            UnknownThread: There is none.
        """
        if wanted == LATEST:
            newest = self.store.list(Search(limit=1), self.principal)
            if not newest:
                raise UnknownThread(wanted)
            wanted = newest[0].thread_id
        thread = self.store.load(wanted)
        if thread.principal != self.principal:
            raise UnknownThread(wanted)
        return thread

    def session(self, wanted: str) -> str:
        """Return the session a call belongs to.

        Raises:
            ProblemError: `not_found`; nothing was ever done in a session of that name.
        """
        if not wanted or wanted == self.settings.session:
            return self.settings.session
        if self.store.list(Search(session=wanted, limit=1), self.principal):
            return wanted
        if sessions.stack(self.database, self.principal, wanted) is not None:
            return wanted
        raise ProblemError(
            "not_found", f"There is no session {wanted!r}.", "`repo_switch` without a session opens one and returns it."
        )

    def may_drive(self, thread: Thread) -> bool:
        """Whether this process may run the thread unasked: of those it works for, inside its own roots (R21)."""
        known = (self.for_everybody or thread.principal == self.principal) and self.custom.may_have(thread.agent)
        return known and all(self.repositories.may_use(ref) for ref in thread.workspace)

    async def sweep(self) -> None:
        """Take up what a dead process left behind, unless that was too long ago (R6, R21)."""
        since = time() - self.settings.auto_resume_s
        for thread_id in await patiently(self.store.due, since):
            with self._unreadable(thread_id):
                if self.may_drive(self.store.load(thread_id)):
                    self.dispatcher.wake(thread_id)


@asynccontextmanager
async def running(
    settings: Settings,
    home: Path,
    *,
    sweeping: bool = True,
    caller: Caller = LOCAL,
    for_everybody: bool = False,
    agents: tuple[Agent[Any, Any], ...] | None = None,
    tools: tuple[Tool[..., Any], ...] | None = None,
) -> AsyncGenerator[Runtime]:
    """Compose a process and drive threads in it until the block ends; drives in flight let go of their leases.

    `home` is the folder the process was started in: its repository is the one meant when none is named.
    """
    runtime = compose(settings, home, caller=caller, for_everybody=for_everybody, agents=agents, tools=tools)
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(runtime.dispatcher.run, runtime.drive)
            group.start_soon(runtime.background.run)
            if sweeping:
                group.start_soon(_sweep, runtime)
            try:
                yield runtime
            finally:
                runtime.bells.close()
                group.cancel_scope.cancel()
    finally:
        runtime.custom.end()  # not before the drives let go: they would take that for an agent's fault
    runtime.database.close()


async def _sweep(runtime: Runtime) -> None:
    """Sweep now and then. That the store cannot be read is for the calls to say; next time it may be well."""
    while True:
        try:
            await runtime.sweep()
        except ProblemError as error:
            log.error("interrupted threads were not looked for: %s", error)
        await anyio.sleep(SWEEP_S)


def compose(
    settings: Settings,
    home: Path,
    *,
    wrap_store: Callable[[SqliteStore], Store] = lambda store: store,
    caller: Caller = LOCAL,
    for_everybody: bool = False,
    agents: tuple[Agent[Any, Any], ...] | None = None,
    tools: tuple[Tool[..., Any], ...] | None = None,
) -> Runtime:
    """Put one process together, of all agents and tools or of those given. Nothing is driven yet.

    Raises:
        StoreError: The database cannot be used.
    """
    database = Database(settings.database, settings.durability)
    store = wrap_store(SqliteStore(database, lease_s=settings.lease_s))
    repositories = Repositories(settings, database, store, home)
    dispatcher, outward = InProcessDispatcher(settings.max_concurrent_agents), Outward(more=settings.secrets)
    parts = parts_of(agents, tools)
    return Runtime(
        settings, database, store, repositories, dispatcher, parts, outward, caller=caller, for_everybody=for_everybody
    )
