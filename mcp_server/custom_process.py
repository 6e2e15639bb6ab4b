"""The process in which one repository's agents decide: code that is not ours runs here, and never in the server.

Started as `python -I -m mcp_server.custom_process ROOT REPO`. A line of JSON asks, a line of JSON answers. It has no
keys in its environment and no descriptor but these two; the server kills it when an answer is late.
"""

import json
import logging
import os
import resource
import select
import signal
import sys
import traceback
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mcp_server.custom_loading import NoAgent, agent_in, module_of
from mcp_server.custom_rules import Flaw, flaws
from mcp_server.custom_shape import Shaped, shape
from mcp_server.custom_steps import decided, written
from mcp_server.plugin import Agent, Thread
from state.fold import catch_up, replay
from state.problem import Problem, ProblemError
from state.rows import decode
from tools.base import first_complaint

log = logging.getLogger(__name__)

MEMORY = 2 << 30
MOST_THREADS = 64
IDLE_S = 60.0
"""Without a question for so long it ends by itself; the next question starts it anew (R7)."""


class Wrong(Exception):
    """A file, or what it decided, cannot be used."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class Asked:
    """What this process knows: loaded files, and threads as far as it was told of them."""

    def __init__(self, root: Path, repo: str) -> None:
        self._root, self._repo = root, repo
        self._loaded = dict[tuple[str, str], Agent[Any, Any]]()
        self._threads = dict[str, Thread]()

    def reply(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Answer one line. Whatever goes wrong names the file."""
        file = str(wanted["file"])
        try:
            agent = self._agent(file, str(wanted["digest"]))
            match wanted["do"]:
                case "shape":
                    return {"shape": self._shape(file, agent)}
                case "explore":
                    from mcp_server.custom_purity import explored

                    fresh = self._load(file, str(wanted["digest"]))
                    return {"notes": explored((agent, fresh), wanted["logs"], partial(self._tried, file))}
                case _:
                    return self._step(file, agent, wanted)
        except Wrong as wrong:
            return {"problem": wrong.problem.model_dump()}

    def _agent(self, file: str, digest: str) -> Agent[Any, Any]:
        if (file, digest) not in self._loaded:
            self._loaded[file, digest] = self._load(file, digest)
        return self._loaded[file, digest]

    def _load(self, file: str, digest: str) -> Agent[Any, Any]:
        """Run exactly the bytes that were trusted.

        Raises:
            Wrong: Another file stands there, it breaks a rule, it raises, or its `agent` is none.
        """
        path = self._root / file
        source = path.read_bytes()
        if sha256(source).hexdigest() != digest:
            message = f"{file} of {self._repo!r} changed while it was loaded."
            raise Wrong(Problem(kind="busy", message=message, hint="It is looked at again; then resume the thread."))
        if found := flaws(source):
            raise self._wrong(file, found[0])
        try:
            return agent_in(module_of(path, source.decode()))
        except NoAgent as error:
            raise self._wrong(file, Flaw(0, str(error))) from error
        except (Exception, SystemExit) as error:
            log.exception("%s cannot be loaded", file)
            raise Wrong(self._raised(file, error, "on being imported ")) from error

    def _shape(self, file: str, agent: Agent[Any, Any]) -> dict[str, Any]:
        try:
            made: Shaped = shape(agent)
        except ValueError as error:
            raise self._wrong(file, Flaw(0, str(error), "Correct its Agent(…).")) from error
        return made.model_dump()

    def _step(self, file: str, agent: Agent[Any, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Decide twice: an agent that decides otherwise from the same log is impure (R2)."""
        known = self._threads.pop(str(wanted["thread"]), None)
        if wanted["after"] and (known is None or known.version != wanted["after"]):
            return {"more": True}
        events = [decode(*event) for event in wanted["events"]]
        thread = (
            replay(str(wanted["thread"]), events) if known is None or not wanted["after"] else catch_up(known, events)
        )
        self._threads[thread.id] = thread
        if len(self._threads) > MOST_THREADS:
            del self._threads[next(iter(self._threads))]
        first, second = (self._decided(file, agent, thread) for _ in range(2))
        if first != second:
            message = f"{file} of {self._repo!r} decides one thing, and from the same log another."
            hint = "Decide from the task and the thread alone: no clock, no chance, nothing kept between calls."
            raise Wrong(Problem(kind="internal", message=message, hint=hint))
        return {"step": first}

    def _tried(self, file: str, agent: Agent[Any, Any], thread: Thread) -> dict[str, Any]:
        try:
            return self._decided(file, agent, thread)
        except Wrong as wrong:
            return {"raised": wrong.problem.model_dump()}

    def _decided(self, file: str, agent: Agent[Any, Any], thread: Thread) -> dict[str, Any]:
        try:
            return written(agent, decided(agent, thread))
        except ProblemError as error:
            return {"abort": error.problem.model_dump()}
        except (Exception, SystemExit) as error:
            log.exception("%s cannot decide", file)
            raise Wrong(self._raised(file, error)) from error

    def _raised(self, file: str, error: BaseException, when: str = "") -> Problem:
        path = str(self._root / file)
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
        where = f"{file}:{lines[-1]}" if lines else file
        said = first_complaint(error) if isinstance(error, ValidationError) else " ".join(str(error).split())
        message = f"{where} of {self._repo!r} {when}raised {type(error).__name__}: {said[:300]}"
        return Problem(kind="internal", message=message, hint=f"Correct it; `factor12 check {self._repo}` tries it.")

    def _wrong(self, file: str, flaw: Flaw) -> Wrong:
        return Wrong(flaw.problem(file, self._repo))


def _confine() -> None:
    """Die with the server, and take no more memory than a decision may."""
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def main() -> None:
    """Answer until the server closes the pipe. What the files print goes nowhere."""
    asking, answering = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    _confine()
    asked = Asked(Path(sys.argv[1]), sys.argv[2])
    with os.fdopen(asking, "rb") as lines, os.fdopen(answering, "wb", buffering=0) as out:
        out.write(b"{}\n")
        while select.select([lines], [], [], IDLE_S)[0] and (line := lines.readline()):
            reply = memoryview(json.dumps(asked.reply(json.loads(line))).encode() + b"\n")
            while reply:
                reply = reply[out.write(reply) or 0 :]


if __name__ == "__main__":
    main()
