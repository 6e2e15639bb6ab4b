"""The process in which one repository's agents decide: code that is not ours runs here, and never in the server.

Started as `python -s -P -m mcp_server.custom_process REPO`, in a box where there is one. A line of JSON asks, a line of
JSON answers. It is told the texts of files, has no keys in its environment and no descriptor but these two; the server
kills it when an answer is late.
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

from mcp_server.custom_lines import Unsaid, line_of
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
STARTS = frozenset(
    {"os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "socket.bind", "socket.connect"}
)
IDLE_S = 60.0
"""Without a question for so long it ends by itself; the next question starts it anew (R7)."""


class Wrong(Exception):
    """A file, or what it decided, cannot be used."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class Asked:
    """What this process knows: texts of files, and threads as far as it was told of them."""

    def __init__(self, repo: str) -> None:
        self._repo = repo
        self._forbids = False
        self._texts = dict[str, bytes]()
        self._loaded = dict[str, Agent[Any, Any]]()
        self._threads = dict[str, Thread]()

    def reply(self, wanted: Mapping[str, Any]) -> bytes:
        """Answer one line. Whatever goes wrong names the file."""
        if "text" in wanted:
            self._texts[str(wanted["digest"])] = str(wanted["text"]).encode("latin-1")
        return self._line(wanted) if wanted["do"] == "step" else self._apart(wanted)

    def _line(self, wanted: Mapping[str, Any]) -> bytes:
        number, file = wanted["number"], str(wanted["file"])
        try:
            return line_of({"number": number, **self._answer(file, str(wanted["digest"]), wanted)})
        except Wrong as wrong:
            return line_of({"number": number, "problem": wrong.problem.model_dump()})
        except Unsaid as error:
            problem = self._problem(f"What {file} of {self._repo!r} says {error}.")
            return line_of({"number": number, "problem": problem.model_dump()})

    def _apart(self, wanted: Mapping[str, Any]) -> bytes:
        """Answer in a copy of this process: what a file does to modules must not become the next file's trouble."""
        reading, writing = os.pipe()
        if (pid := os.fork()) == 0:
            try:
                with os.fdopen(writing, "wb") as out:
                    out.write(self._line(wanted))
            finally:
                os._exit(0)  # whatever the file left behind: threads, and what wants to run at the end
        os.close(writing)
        with os.fdopen(reading, "rb") as lines:
            line = lines.readline()
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if line.endswith(b"\n"):
            return line
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        problem = self._problem(f"The process of {wanted['file']} of {self._repo!r} died ({how}).")
        return line_of({"number": wanted["number"], "problem": problem.model_dump()})

    def _answer(self, file: str, digest: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        match wanted["do"]:
            case "shape":
                return {"shape": self._shape(file, self._load(file, digest))}
            case "explore":
                from mcp_server.custom_purity import explored

                twins = (self._load(file, digest), self._load(file, digest))
                return {"notes": explored(twins, wanted["logs"], partial(self._tried, file))}
            case _:
                if digest not in self._loaded:
                    self._loaded[digest] = self._load(file, digest)
                return self._step(file, self._loaded[digest], wanted)

    def _load(self, file: str, digest: str) -> Agent[Any, Any]:
        """Run exactly the bytes that were trusted.

        Raises:
            Wrong: It breaks a rule, it raises, or its `agent` is none.
        """
        if not self._forbids:  # what starts a program fails in its line: that is clearer than what would follow
            self._forbids = True
            sys.addaudithook(_forbidden)
        source = self._texts[digest]
        assert sha256(source).hexdigest() == digest, file
        if found := flaws(source):
            raise Wrong(found[0].problem(file, self._repo))
        try:
            return agent_in(module_of(Path(file), source.decode("utf-8-sig")))
        except NoAgent as error:
            raise Wrong(Flaw(0, str(error)).problem(file, self._repo)) from error
        except BaseException as error:
            log.exception("%s cannot be loaded", file)
            raise Wrong(self._raised(file, error, "on being imported ")) from error

    def _shape(self, file: str, agent: Agent[Any, Any]) -> dict[str, Any]:
        try:
            made: Shaped = shape(agent)
        except ValidationError as error:
            raise self._misdescribed(file, f"its {first_complaint(error)}") from error
        except ValueError as error:
            raise self._misdescribed(file, str(error)) from error
        except BaseException as error:
            log.exception("%s cannot be described", file)
            raise Wrong(self._raised(file, error, "on being described ")) from error
        return made.model_dump()

    def _misdescribed(self, file: str, why: str) -> Wrong:
        return Wrong(Flaw(0, why, "Correct its Agent(…).").problem(file, self._repo))

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
        if first != second and line_of(first) != line_of(second):
            message = f"{file} of {self._repo!r} decides one thing, and from the same log another."
            hint = "Decide from the task and the thread alone: no clock, no chance, nothing kept between calls."
            raise Wrong(Problem(kind="internal", message=message, hint=hint))
        return {"step": first}

    def _tried(self, file: str, agent: Agent[Any, Any], thread: Thread) -> dict[str, Any]:
        try:
            step = self._decided(file, agent, thread)
            line_of(step)
        except Wrong as wrong:
            return {"raised": wrong.problem.model_dump()}
        except Unsaid as error:
            return {"raised": self._problem(f"What {file} of {self._repo!r} decides {error}.").model_dump()}
        return step

    def _decided(self, file: str, agent: Agent[Any, Any], thread: Thread) -> dict[str, Any]:
        try:
            return written(agent, decided(agent, thread))
        except ProblemError as error:
            return {"abort": error.problem.model_dump()}
        except BaseException as error:
            log.exception("%s cannot decide", file)
            raise Wrong(self._raised(file, error)) from error

    def _raised(self, file: str, error: BaseException, when: str = "") -> Problem:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
        where = f"{file}:{lines[-1]}" if lines else file
        return self._problem(f"{where} of {self._repo!r} {when}raised {type(error).__name__}: {_said(error)[:300]}")

    def _problem(self, message: str) -> Problem:
        return Problem(kind="internal", message=message, hint=f"Correct it; `factor12 check {self._repo}` tries it.")


def _said(error: BaseException) -> str:
    """Return what an error says of itself, in a line; its class may be the file's own."""
    try:
        said = first_complaint(error) if isinstance(error, ValidationError) else str(error)
        return " ".join(said.encode("utf-8", "replace").decode().split())
    except BaseException as worse:
        log.exception("an error cannot be said")
        return f"(what it says cannot be had: {type(worse).__name__})"


def _confine() -> None:
    """Die with the server, and take no more memory than a decision may."""
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _forbidden(event: str, _: object) -> None:
    if event in STARTS:
        raise PermissionError(f"{event}: an agent decides; what should happen it says by a step.")


def main() -> None:
    """Answer until the server closes the pipe. What the files print goes nowhere."""
    asking, answering = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    _confine()
    asked = Asked(sys.argv[1])
    with os.fdopen(asking, "rb") as lines, os.fdopen(answering, "wb", buffering=0) as out:
        out.write(b"{}\n")
        while select.select([lines], [], [], IDLE_S)[0] and (line := lines.readline()):
            reply = memoryview(asked.reply(json.loads(line)))
            while reply:
                reply = reply[out.write(reply) or 0 :]
        os._exit(0)  # a thread of a file's would keep it for ever, and what wants to run at the end is not ours


if __name__ == "__main__":
    main()
