"""The agents of a person's own repositories: which there are, which are broken, and where each of them decides.

Nothing of theirs runs in this process. A file that may run is described once by a process of its own; what it said is
kept beside the store under the file's digest, so that a start needs no such process, and asks one only for decisions.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

import anyio

from agents.runtime.deciding import Unavailable
from agents.runtime.definition import Agent
from mcp_server.custom_described import Told, describe, made, slug
from mcp_server.custom_files import Broken, Place, Source, places, signature, sources
from mcp_server.enabling import BETWEEN, refusal, standing
from mcp_server.kept import code_key, keep, read
from mcp_server.repositories import Repositories
from mcp_server.settings import Settings
from state.events import Event
from state.grants import granted
from state.problem import Problem
from state.sqlite import Database, StoreError
from state.steps import Step
from state.thread import Thread
from tools.boxes.sandbox import Sandbox

if TYPE_CHECKING:
    from mcp_server.custom_child import Child

log = logging.getLogger(__name__)

FILE = "custom.json"
MAYBE_LATE = ("limit", "internal")
"""Kinds of problems that a busy machine may be to blame for: the file is tried again."""
AGAIN_S, LATEST_S = 30.0, 3600.0
"""When it is tried again: after this, then after twice as long each time, up to that."""


class Custom:
    """One per process."""

    def __init__(
        self, settings: Settings, database: Database, repositories: Repositories, sandbox: Callable[[], Sandbox]
    ) -> None:
        self._settings, self._database, self._repositories = settings, database, repositories
        self._sandbox = sandbox
        self._glanced: object = None
        self._places = list[Place]()
        self._told: dict[str, Told] | None = None
        self._sources = list[Source]()
        self._unusable = list[Broken]()
        self._offered = dict[str, Source]()
        self._agents = dict[str, Agent[Any, Any]]()
        self._children = dict[str, "Child"]()
        self._learning = anyio.Lock()
        self._again = dict[str, tuple[float, float]]()
        """File → when it is tried again, and how long that is after the last time."""
        self.broken = list[Broken]()
        """What is not offered, and why."""

    def look(self) -> bool:
        """Look at the folders, and say whether other agents, or other broken ones, are there than before.

        Files that were never seen come to be offered by `learn`. Where the store cannot be read, nothing is trusted
        anew, and whoever needs the store is told.
        """
        try:
            if self._glance() == self._glanced:
                return False
            self._places = places(self._settings, self._database, self._repositories)
            self._glanced = self._glance()
        except StoreError as error:
            log.error("agents of repositories were not looked for: %s", error)
            return False
        read = [sources(place) for place in self._places]
        self._sources = [one for meant, _ in read for one in meant]
        self._unusable = [one for _, broken in read for one in broken]
        return self._settle()

    async def learn(self) -> bool:
        """Have every file that is not known described; say whether other agents are offered now."""
        async with self._learning:
            return await self._learn()

    async def ready(self, name: str) -> None:
        """Have files described only if the agent of that name may be among them, or was and is another now."""
        if BETWEEN not in name:
            return
        self.look()
        if self._offered.get(name) not in self._sources and self.unknown:
            await self.learn()

    async def _learn(self) -> bool:
        changed, told, unknown = self.look(), self._kept(), self.unknown
        for root in dict.fromkeys(one.root for one in unknown):
            from mcp_server.custom_child import Child

            mine = [one for one in unknown if one.root == root]
            child = Child(mine[0].repo, self._sandbox())
            try:
                for one in mine:
                    told[one.key] = await describe(child, one)
                    self._note_late(one.key, told[one.key])
            finally:
                child.end()
        if unknown:
            self._keep()
            changed = self._settle() or changed
        return changed

    def _note_late(self, key: str, told: Told) -> None:
        if _kind(told) not in MAYBE_LATE:
            self._again.pop(key, None)
            return
        wait = min(2 * self._again[key][1], LATEST_S) if key in self._again else AGAIN_S
        self._again[key] = (monotonic() + wait, wait)

    @property
    def unknown(self) -> list[Source]:
        """The files that were never described, and those whose time to be tried again has come."""
        told = self._kept() if self._sources else {}
        due = {key for key, (at, _) in self._again.items() if monotonic() >= at}
        return [one for one in self._sources if one.key not in told or one.key in due]

    @property
    def is_watching(self) -> bool:
        """Whether there are repositories whose agents count."""
        return bool(self._places)

    def named(self) -> list[str]:
        """Return the names of all that are offered, in a stable order."""
        self.look()
        return list(self._offered)

    def shown(self) -> tuple[list[Told], list[Told]]:
        """Return the tools and the prompts, as `toolbox.shown` and `prompts.shown` describe them."""
        told = self._kept() if self._offered else {}
        mine = [told[one.key] for one in self._offered.values()]
        return [one["tool"] for one in mine], [one["prompt"] for one in mine]

    def agent(self, name: str) -> Agent[Any, Any] | None:
        """Return the agent of that name, if it is offered."""
        if BETWEEN not in name:
            return None
        self.look()
        if (source := self._offered.get(name)) is None:
            return None
        if name not in self._agents:
            shape = self._kept()[source.key]["shape"]
            self._agents[name] = made(name, shape, source.digest, partial(self.decide, name))
        return self._agents[name]

    def may_have(self, name: str) -> bool:
        """Whether a thread of that agent could be driven here; false for one that is known not to be offered."""
        return BETWEEN not in name or self.agent(name) is not None or bool(self.unknown)

    async def decide(self, name: str, thread: Thread, log: Callable[[int], Sequence[Event]]) -> Step:
        """Have the file decide as it is now: a thread goes on with changed code, and diverges where that shows (R3).

        Raises:
            Unavailable: The file is gone, or broken.
            ProblemError: It is at fault, and named.
        """
        from mcp_server.custom_child import Child
        from mcp_server.custom_deciding import asked

        await self.ready(name)
        if (source := self._offered.get(name)) is None:
            problem = self.missing(name)
            assert problem is not None
            raise Unavailable(problem.kind, problem.message, problem.hint)
        child = self._children.setdefault(source.key, Child(source.repo, self._sandbox()))
        return await asked(child, source, thread, log)

    def missing(self, name: str) -> Problem | None:
        """Say why an agent that has such a name is not there; nothing for a name that no such agent can have."""
        if BETWEEN not in name:
            return None
        repo = name.partition(BETWEEN)[0]
        for one in self.broken:
            if slug(one.repo) == repo and (one.name or Path(one.file).stem) in (name.partition(BETWEEN)[2], ""):
                message = f"There is no {name!r} now: {one.problem.message}"
                return Problem(kind="not_found", message=message, hint=one.problem.hint)
        there = ", ".join(self._offered) or "none"
        message = (
            f"There is no agent {name[:80]!r}: no trusted repository {repo[:60]!r} has such a file in agents/ now."
        )
        hint = f"There are: {there}. `factor12 repo trust --agents PATH` offers a repository's agents."
        return Problem(kind="not_found", message=message, hint=hint)

    def home_of(self, name: str) -> Place | None:
        """Return the repository that an agent is from."""
        if BETWEEN not in name or (source := self._offered.get(name)) is None:
            return None
        return next((place for place in self._places if place.root == source.root), None)

    def end(self) -> None:
        """End every process."""
        for child in self._children.values():
            child.end()

    def _glance(self) -> object:
        roots = (*self._repositories.roots, self._repositories.home)
        moved = [root.stat().st_mtime_ns for root in roots if root is not None and root.is_dir()]
        enabled = [standing(self._repositories, place.root) for place in self._places]
        return granted(self._database), moved, enabled, [signature(place) for place in self._places]

    def _settle(self) -> bool:
        """Give out the names; of two files with one name the second is broken."""
        offered, broken = dict[str, Source](), list(self._unusable)
        told = self._kept() if self._sources else {}
        for one in self._sources:
            match told.get(one.key):
                case {"problem": problem}:
                    broken.append(Broken(one.repo, one.file, Problem.model_validate(problem)))
                case {"shape": {"name": name}} if (full := f"{slug(one.repo)}{BETWEEN}{name}") in offered:
                    message = f"{one.file} of {one.repo!r} is called {full!r} like {offered[full].file}."
                    problem = Problem(kind="conflict", message=message, hint="Give it another name.")
                    broken.append(Broken(one.repo, one.file, problem))
                case {"shape": {"name": name}} if why := self._not_enabled(one, name):
                    broken.append(Broken(one.repo, one.file, why, name))
                case {"shape": {"name": name}}:
                    offered[f"{slug(one.repo)}{BETWEEN}{name}"] = one
                case _:  # what was there before stays until it is known what is there now
                    offered |= {name: old for name, old in self._offered.items() if old.place == one.place}
        for key in self._children.keys() - {one.key for one in self._sources}:
            if not self._children[key].is_asked:
                self._children.pop(key).end()
        before = (self._offered, self.broken)
        self._agents = {name: agent for name, agent in self._agents.items() if offered.get(name) == self._offered[name]}
        self._offered, self.broken = offered, broken
        return before != (offered, broken)

    def _not_enabled(self, one: Source, name: str) -> Problem | None:
        return refusal(self._repositories, one.root, f"{slug(one.repo)}{BETWEEN}{name}", name)

    def _kept(self) -> dict[str, Told]:
        """Return what is known of files, of this program's own version."""
        if self._told is None:
            kept = read(self._settings.state_dir / FILE, code_key()) or {"told": {}}
            self._told = cast(dict[str, Told], kept["told"])
        return self._told

    def _keep(self) -> None:
        """Keep it for the next start; what a slow machine may be to blame for is found out again."""
        current = {one.key for one in self._sources}
        lasting = {key: told for key, told in self._kept().items() if key in current and _kind(told) not in MAYBE_LATE}
        keep(self._settings.state_dir / FILE, {"key": code_key(), "told": lasting})


def _kind(told: Told) -> str:
    """Return which kind of problem there is with a file, if there is one."""
    return told.get("problem", {}).get("kind", "")
