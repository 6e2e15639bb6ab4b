"""Perform one effect, exactly once: gate, plan, intent, act, outcome; and settle one that was cut off."""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from inspect import isawaitable
from time import monotonic
from typing import Any, TypeVar

import anyio
from pydantic_core import to_json

from agents.runtime import budgets, origins, questions
from agents.runtime.answers import fitting
from agents.runtime.deciders import model_of
from agents.runtime.deciding import Unavailable
from agents.runtime.divergence import identity_of, is_effect, otherwise
from agents.runtime.engine import Engine
from agents.runtime.footprints import held_before, since
from agents.runtime.model import ModelError, Prompt
from agents.runtime.patience import patiently
from agents.runtime.pen import Pen
from agents.runtime.probing import find_out
from agents.runtime.thinking import prompt_for, thought
from state.artifacts import Artifact
from state.events import Aborted, Asked, Cancelled, Compacted, Failed, Resolved, Settled, Started
from state.identity import identity
from state.problem import Problem, ProblemError
from state.spending import Usage
from state.steps import Call, Effect, Step, Think
from tools.base import CutOff, MaybeAwaitable, Tool, ToolError, Workspace

MAX_FAILURES = 3
PREVIEW_CHARS = 400
THINK_S = 300.0
HOLD_S = 1800.0
"""A first checkpoint reads and packs the whole work tree."""
T = TypeVar("T")


class Stopped(Exception):
    """A cancel stopped the attempt; what became of it is not known yet."""


class TimedOut(ToolError):
    """An attempt took longer than its tool allows."""

    def __init__(self, name: str, seconds: float) -> None:
        super().__init__("limit", f"{name} took longer than {seconds:.0f} s.", "Narrow it, or try again.")


class Effects:
    """The acting hand of one driver."""

    def __init__(self, engine: Engine, pen: Pen) -> None:
        self._engine = engine
        self._pen = pen
        self._workspace: Workspace | None = None
        self._scope: anyio.CancelScope | None = None
        self._stopping = False
        self._kept = set[str]()

    def stop(self) -> None:
        """Stop the effect in flight, if there is one."""
        if self._scope is not None:
            self._stopping = True
            self._scope.cancel()

    async def perform(self, effect: Effect) -> None:
        """Do what the agent decided, unless the log says otherwise."""
        thread, key = self._pen.thread, effect.key
        if (reason := thread.denials.get(key)) is not None:
            problem = Problem(kind="refused", message=f"{key!r} was denied. {reason}", hint="Nothing was done.")
            return await self._pen.decide(Aborted(problem=problem, outcome="denied"))
        failed = thread.failures.get(key, ())
        if len(failed) >= MAX_FAILURES:
            return await self._pen.decide(questions.after_failures(key, tuple(f.problem for f in failed)))
        try:
            await self._open()
            match effect:
                case Think():
                    await self._think(effect, identity_of(effect))
                case Call() if self._engine.tools[effect.tool].apply is None:
                    await self._read(effect)
                case _:
                    await self._change(effect, identity_of(effect))
        except Stopped:
            self._pen.catch_up()

    async def settle(self, pending: Started, decided: Step | None) -> None:
        """Find out what became of an effect whose intent is in the log and whose outcome is not (R5).

        `decided` is what the agent wants now, which must still be that effect; `None` when it is not asked any more.
        """
        thread, tool = self._pen.thread, self._engine.tools[pending.tool]
        if decided is not None and not is_effect(decided, pending):
            return await self._pen.decide(Aborted(problem=otherwise(thread, pending.key)))
        try:
            await self._open()
            found = await find_out(tool, self._marked(pending.key), pending.plan)
        except Stopped:
            return self._pen.catch_up()
        except CutOff as why:
            if thread.cancelling:
                note = f"{tool.name} ({pending.key!r}) was cut off, and nothing tells whether it happened: {why}"
                return await self._pen.decide(Cancelled(note=note))
            return await self._pen.decide(questions.cut_off(pending.key, tool.name, str(why)))
        verdict, value = ("again", None) if found is None else ("happened", await self._inline(found.json))
        await self._pen.record(Settled(key=pending.key, verdict=verdict, by="probe", value=value))

    async def untrusted(self) -> list[str]:
        """Return whose words the thread has read that nobody vouches for. Raises as `_open` does."""
        await self._open()
        return origins.untrusted(self._pen.thread, self._engine.tools, self._workspace)

    async def _open(self) -> None:
        """Open the repositories before they are first needed, where `stop` can reach it: some have yet to be made.

        Raises:
            ProblemError: They cannot be opened; the driver says so and lets go.
            Stopped: A cancel stopped it.
        """
        if self._workspace is None:
            with anyio.CancelScope() as self._scope:
                self._workspace = await self._engine.open_workspace(self._pen.thread)
            self._scope = None
            if self._workspace is None:
                raise Stopped

    async def _read(self, call: Call) -> None:
        """A short read is logged together with its outcome (R4); cut off, it simply runs again."""
        tool, start = self._engine.tools[call.tool], monotonic()
        try:
            value = await self._inline(
                await self._attempt(tool.name, tool.timeout, tool.look(self._marked(call.key), call.args))
            )
        except ToolError as error:
            return await self._pen.record(Failed(key=call.key, hash=identity_of(call), problem=error.problem))
        seconds, args = round(monotonic() - start, 3), dict(call.args)
        event = Resolved(key=call.key, value=value, tool=call.tool, args=args, seconds=seconds)
        await self._pen.record(event)

    async def _change(self, call: Call, known: str) -> None:
        """Plan; let a person approve if need be; then intent, act, outcome."""
        tool, workspace, thread = self._engine.tools[call.tool], self._marked(call.key), self._pen.thread
        try:
            plan = await self._attempt(tool.name, tool.timeout, tool.look(workspace, call.args))
        except ToolError as error:
            return await self._pen.record(Failed(key=call.key, hash=known, problem=error.problem))
        if reason := origins.reason_to_ask(thread, self._engine.tools, tool, workspace, plan):
            binding = identity(known, {"thread": thread.id, "generation": thread.generation, "plan": plan})
            if thread.approvals.get(call.key) != binding:
                now = self._engine.clock()
                return await self._pen.decide(questions.approval(call.key, tool.name, reason, plan, binding, now))
        try:
            hold = held_before(self._engine, self._pen, workspace, call.key)
            before = await self._attempt("holding the files", HOLD_S, hold)
        except ToolError as error:
            return await self._pen.record(Failed(key=call.key, hash=known, problem=error.problem))
        intent = Started(key=call.key, hash=known, risk=tool.risk, tool=tool.name, args=dict(call.args), plan=plan)
        await self._pen.decide(intent, durable=True)
        await self._act(tool, workspace, intent, before)

    async def _act(
        self, tool: Tool[..., Any], workspace: Workspace, intent: Started, before: Mapping[str, str]
    ) -> None:
        start, durable = monotonic(), tool.risk == "danger"
        try:
            value = await self._attempt(tool.name, tool.timeout, tool.perform(workspace, intent.plan))
        except TimedOut as error:
            return await self._late(tool, workspace, intent, error)
        except ToolError as error:
            failed = Failed(key=intent.key, hash=intent.hash, problem=error.problem)
            return await self._pen.record(failed, durable=durable)
        seconds = round(monotonic() - start, 3)
        kept, trees = await self._inline(value), await since(self._engine, workspace, intent.key, before)
        event = Resolved(key=intent.key, hash=intent.hash, value=kept, seconds=seconds, trees=trees)
        await self._pen.record(event, durable=durable)

    async def _late(self, tool: Tool[..., Any], workspace: Workspace, intent: Started, late: "TimedOut") -> None:
        """A change that ran out of time may have happened all the same."""
        try:
            found = await find_out(tool, workspace, intent.plan)
        except CutOff as why:
            return await self._pen.decide(questions.cut_off(intent.key, tool.name, str(why)))
        if found is not None:
            value = await self._inline(found.json)
            return await self._pen.record(Settled(key=intent.key, verdict="happened", by="probe", value=value))
        failed = Failed(key=intent.key, hash=intent.hash, problem=late.problem, seconds=tool.timeout)
        await self._pen.record(failed)

    async def _think(self, step: Think, known: str) -> None:
        thread, model, engine = self._pen.thread, model_of(self._engine, self._pen.thread), self._engine
        match prompt := await self._prompt(step):
            case Compacted():
                return await self._pen.decide(prompt)
            case Problem():
                return await self._pen.decide(Aborted(problem=prompt))
            case Prompt():
                pass
        if model is None:
            return await self._pen.decide(self._for_the_caller(step, prompt, known))
        spent = engine.store.spent(thread.principal, thread.session)
        if budgets.session_is_spent(thread, spent, engine.session_limit):
            return await self._pen.decide(budgets.of_session(thread, spent, engine.session_limit))
        start = monotonic()
        try:
            decision = await self._attempt("the model", THINK_S, model.decide(prompt, step.returns))
            value = fitting(step.returns, decision.answer.model_dump(mode="json"))
        except ProblemError as error:
            return await self._undecided(step, known, prompt, error, round(monotonic() - start, 3))
        seconds, asked = round(monotonic() - start, 3), thought(prompt, decision.usage)
        event = Resolved(
            key=step.key, hash=known, value=value, seconds=seconds, tool=f"prompt:{step.prompt}", thought=asked
        )
        await self._pen.record(event)

    async def _prompt(self, step: Think) -> Prompt | Compacted | Problem:
        """Return what the model is to be sent, and keep the templates: the log names them by their digests."""
        thread, engine = self._pen.thread, self._engine
        try:
            rules, body = engine.render(thread, "system", {}), engine.render(thread, step.prompt, step.context)
            prompt = prompt_for(thread, step, rules, body, engine.limits, engine.tools)
        except Unavailable:  # its words may count again tomorrow, as its code may
            raise
        except ProblemError as error:
            return error.problem
        for used in (rules, body):
            if used.digest not in self._kept:
                await patiently(engine.store.put, used.source.encode())
                self._kept.add(used.digest)
        return prompt

    async def _undecided(self, step: Think, known: str, prompt: Prompt, error: ProblemError, seconds: float) -> None:
        """Note the failed call; then it is tried again, put to a person, or the end."""
        usage, then = (error.usage, error.then) if isinstance(error, ModelError) else (None, "again")
        asked = thought(prompt, usage or Usage())
        failed = Failed(key=step.key, hash=known, problem=error.problem, seconds=seconds, thought=asked)
        match then:
            case "again":
                await self._pen.record(failed)
            case "ask":
                await self._pen.record(failed)
                await self._pen.decide(questions.after_failures(step.key, (error.problem,)))
            case "host":
                await self._pen.record(failed)
                await self._pen.decide(self._for_the_caller(step, prompt, known))
            case "fail":
                await self._pen.record(failed)
                await self._pen.decide(Aborted(problem=error.problem))

    def _for_the_caller(self, step: Think, prompt: Prompt, known: str) -> Asked:
        assert self._workspace is not None
        read = origins.untrusted(self._pen.thread, self._engine.tools, self._workspace)
        return questions.decision(step.key, prompt, step.returns, known, read)

    async def _attempt(self, name: str, seconds: float, act: MaybeAwaitable[T]) -> T:
        """Await one attempt within its time, where `stop` can reach it; one that waits for nothing is over already.

        Raises:
            ToolError: What the agent should see.
            TimedOut: It took longer than `seconds`.
            Stopped: A cancel stopped it.
        """
        if not isawaitable(act):
            return act
        with anyio.move_on_after(seconds) as self._scope:
            try:
                return await act
            finally:
                self._scope = None
        if self._stopping:
            raise Stopped
        raise TimedOut(name, seconds)

    async def _inline(self, value: Any) -> Any:
        """Keep an output over the cap as an artifact (R2).

        Raises:
            ToolError: `bad_input`; it is not text that can be kept: half a surrogate pair, such as of a file's name.
        """
        try:
            data = to_json(value)
        except ValueError as error:
            raise ToolError("bad_input", f"The result cannot be kept: {error}.", "Ask for less.") from error
        if len(data) <= self._engine.inline_bytes:
            return value
        digest = await patiently(self._engine.store.put, data)
        preview = data[:PREVIEW_CHARS].decode("utf-8", "ignore")
        return {"$artifact": Artifact(digest=digest, size=len(data), preview=preview).model_dump()}

    def _marked(self, key: str) -> Workspace:
        """Return the workspace with this effect's identity, to mark what it leaves, and this driver's fence."""
        thread = self._pen.thread
        assert self._workspace is not None
        name = f"{thread.id}.{thread.generation}.{key}"
        return replace(self._workspace, effect=sha256(name.encode()).hexdigest()[:16], fence=self._pen.fence)
