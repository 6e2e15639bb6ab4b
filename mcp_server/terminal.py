"""What a person sees and types: consoles without markup, text that cannot play tricks, and the controlling terminal."""

import json
import os
import re
import select
import sys
import termios
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from time import time
from typing import IO, Any

from anyio.to_thread import run_sync
from rich.console import Console

from agents.runtime.questions import visible
from mcp_server.outward import Outward
from state.problem import Problem, ProblemError

PIPE_WIDTH = 200
"""Columns when no screen limits them."""
LONGEST = 600
"""Characters of a complaint before its next step: what it quotes may be long, and the step must be seen."""
LOOK_S = 0.2
"""How long one look at the keyboard takes, and so how late a cancel may be."""
COMMANDS = {
    "thread_list": "factor12 threads list",
    "thread_wait": "factor12 threads watch",
    "thread_history": "factor12 threads show",
    "thread_answer": "factor12 answer",
    "thread_resume": "factor12 threads resume",
    "thread_cancel": "factor12 threads cancel",
    "repo_list": "factor12 repo list",
    "repo_switch": "factor12 repo switch",
    "checkpoint_list": "factor12 checkpoints list",
    "checkpoint_diff": "factor12 checkpoints diff",
    "checkpoint_restore": "factor12 checkpoints restore",
}
"""What a message calls by the name of its tool -> what a person at a shell types."""
TOOL = re.compile(f"`({'|'.join(COMMANDS)})`")


def out() -> Console:
    """Return the console for results."""
    return _console(sys.stdout)


def err() -> Console:
    """Return the console for progress and complaints."""
    return _console(sys.stderr)


def _console(file: IO[str]) -> Console:
    width = None if file.isatty() else PIPE_WIDTH
    return Console(file=file, width=width, markup=False, highlight=False, emoji=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """Print one document for programs: no secrets, no colours, nothing around it."""
    print(json.dumps(_outward().value(value), indent=2, ensure_ascii=False))


def safe(text: str) -> str:
    """Return the text without secrets, and with its control characters visible."""
    return visible(_outward().text(text))


def conceal(secrets: Iterable[str]) -> None:
    """Show none of these from now on: keys that are in a file are known once the settings are read."""
    _outward().know(secrets)


@cache
def _outward() -> Outward:
    return Outward()


def one_line(text: str, most: int = 200) -> str:
    """Return the text's first line, safe, and cut."""
    first = safe(text.strip().partition("\n")[0])
    return first if len(first) <= most else f"{first[: most - 1]}…"


def complain(problem: Problem) -> None:
    """Print what went wrong as one line, in the words of the command line."""
    told = f"{sentence(one_line(problem.message, LONGEST))} {problem.hint}".strip()
    told = TOOL.sub(lambda match: f"`{COMMANDS[match[1]]}`", told)
    err().print(f"factor12: {one_line(told, 1000)}")


def sentence(text: str) -> str:
    """Return the text with its full stop: what a validator or the shell says comes without one."""
    return text if text.endswith((".", "!", "?", ":", "…")) else f"{text}."


def attended() -> bool:
    """Tell whether a person seems to sit here: what is asked is read on a screen and typed on a keyboard."""
    return sys.stdin.isatty() and sys.stderr.isatty()


@dataclass(frozen=True, slots=True)
class Screen:
    """The controlling terminal itself, whatever stdin and stdout are connected to (R8)."""

    descriptor: int

    def show(self, text: str) -> None:
        with open(self.descriptor, "w", encoding="utf-8", errors="replace", closefd=False) as file:
            file.write(text)

    async def read(self, prompt: str, *, more: bool = False) -> str:
        """Return the next line that is typed once the prompt stands there, or before that if it is `more` of a text.

        Raises:
            EOFError: The terminal went away, or the person pressed Ctrl-D.
        """
        if not more:
            termios.tcflush(self.descriptor, termios.TCIFLUSH)
        self.show(prompt)
        typed = False
        while not typed:
            typed = await run_sync(_typed, self.descriptor)
        if not (line := os.read(self.descriptor, 4096)):
            self.show("\n")
            raise EOFError
        return line.decode("utf-8", "replace").strip()


def _typed(descriptor: int) -> bool:
    """Wait a moment for a line. Portable: on macOS an event loop cannot wait for a terminal."""
    return bool(select.select([descriptor], [], [], LOOK_S)[0])


@contextmanager
def controlling_terminal(hint: str) -> Generator[Screen]:
    """Open the terminal that this process was started from.

    Raises:
        ProblemError: `refused`, with the hint; there is none, so nobody can prove to be a person here.
    """
    try:
        descriptor = os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        raise ProblemError("refused", "Only a person at a terminal may do this, and there is none.", hint) from error
    try:
        yield Screen(descriptor)
    finally:
        os.close(descriptor)


def counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def age(at: float) -> str:
    """Return how long ago an epoch second was, in one unit."""
    seconds = max(0.0, time() - at)
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit} ago"
    return "just now" if seconds < 10 else f"{seconds:.0f} s ago"


def print_patch(patch: str) -> None:
    """Print a patch in the colours people know."""
    for line in patch.splitlines():
        style = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
        out().print(safe(line), style=style, markup=False, highlight=False)
