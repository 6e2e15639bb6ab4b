"""What an agent is: a name, two types, and a pure function from thread to step."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Generic, Literal, TypeAlias, TypeVar

from pydantic import BaseModel

from prompts import names, source
from state.events import Event
from state.steps import Step
from state.thread import Thread

InputT = TypeVar("InputT", bound=BaseModel)
OutputT = TypeVar("OutputT", bound=BaseModel)
Elsewhere: TypeAlias = Callable[[Thread, Callable[[int], Sequence[Event]]], Awaitable[Step]]
"""Decides from a thread, and from its events past a version."""


@dataclass(frozen=True)
class Agent(Generic[InputT, OutputT]):
    """A focused agent. `next_step` decides; the engine acts."""

    name: str
    title: str
    description: str
    input: type[InputT]
    output: type[OutputT]
    next_step: Callable[[InputT, Thread], Step]
    mode: Literal["read", "write"] = "read"
    """What it needs of its repository; a writer takes the work tree for itself (R20)."""

    reads: tuple[str, ...] = ()
    """Fields of its task that name further repositories, which it only reads."""

    anywhere: bool = False
    """Whether it can also be called where there is no repository."""

    offered: bool = True
    """Whether hosts and `factor12 run` offer it by its name; a command of its own launches it otherwise."""

    elsewhere: Elsewhere | None = None
    """Decides in a process of its own in the place of `next_step`, which is never called then: its code is not ours."""

    digest: str = ""
    """Of the file that decides, when it decides elsewhere."""

    def task(self, thread: Thread) -> InputT:
        """Return the thread's task, typed. Validated once per drive, not once per step."""
        return self.input.model_validate(thread.task)

    @cached_property
    def code(self) -> str:
        """Digest of the file that decides, of what agents share, and of our prompts that it names (R3).

        How a repository or a person words them is not known before a prompt is rendered; its digest is in the log then.
        """
        if self.digest:
            return self.digest[:16]
        if (file := inspect.getsourcefile(self.next_step)) is None:
            return ""
        text = Path(file).read_text(encoding="utf-8")
        named = [source(name) for name in names() if f'"{name}"' in text]
        shared = [path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("*.py"))]
        return sha256("\0".join([text, *shared, *named]).encode()).hexdigest()[:16]
