"""Whatever can decide for an agent, as one thing to be parametrized over: each opens a model that solves an issue.

A provider's shape is added here as one more entry: an async context that yields a model which answers as the broken
repository's own good model does, such as an adapter pointed at a scripted server.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeAlias

from pydantic import BaseModel

from agents.runtime.model import Model, ScriptedModel
from tests.agents.broken import Broken

Mind: TypeAlias = Callable[[Broken, bool], AbstractAsyncContextManager[Model]]
"""Given the repository, and whether it answers well: the model, for as long as it can be asked."""


def said(broken: Broken, *, well: bool) -> list[BaseModel]:
    """Return what any model says about the repository, in the order it is asked; or a wrong patch, each time."""
    return broken.answers(*([broken.good()] if well else [broken.bad()] * 4))


@asynccontextmanager
async def scripted(broken: Broken, well: bool) -> AsyncGenerator[Model]:
    yield ScriptedModel(*said(broken, well=well))


MINDS: dict[str, Mind] = {"scripted": scripted}
