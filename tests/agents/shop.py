"""A shop with a bug, its tests and its issue, and a process that lets agents loose on it."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio

from agents.runtime.engine import Launch
from agents.runtime.model import Model
from mcp_server.compose import Runtime, running
from mcp_server.settings import Settings
from state.thread import Thread
from tests.conftest import run_git

AUTH = '''\
"""Who may enter the shop."""


class User:
    def __init__(self, name, expired=False):
        self.name, self.expired = name, expired

    def is_valid(self):
        return bool(self.name) and not self.expired


def authenticate(user):
    return False  # Bug here
'''
FIXED = AUTH.replace("return False  # Bug here", "return user.is_valid()")

AUTH_TESTS = """\
import unittest

from auth import User, authenticate


class Authentication(unittest.TestCase):
    def test_a_valid_user_may_enter(self):
        self.assertTrue(authenticate(User("ada")))

    def test_an_expired_user_may_not(self):
        self.assertFalse(authenticate(User("bob", expired=True)))
"""
RED_TEST = "tests/test_auth.py::Authentication::test_a_valid_user_may_enter"
GREEN_TEST = "tests/test_auth.py::Authentication::test_an_expired_user_may_not"

AUTH_ISSUE = """\
# Issue #123: Fix authentication bug

## Description
The login system fails when a valid user signs in.

## Current Code
```python
def authenticate(user):
    return False  # Bug here
```

## Should Be
```python
def authenticate(user):
    return user.is_valid()
```
"""

SHOP = {
    "auth.py": AUTH,
    "tests/__init__.py": "",
    "tests/test_auth.py": AUTH_TESTS,
    "issues/123.md": AUTH_ISSUE,
}

PATIENCE_S = 120.0
"""An agent that runs tests a dozen times on a machine that does other things as well."""
MakeRepository = Callable[..., Path]


def asking(old: str, new: str, file: str = "auth.py", number: int = 8) -> str:
    """Write an issue of one pair; without a file it does not say where."""
    where = f"**File**: {file}\n\n" if file else ""
    return (
        f"# Issue #{number}: Change the shop\n\n{where}"
        f"## Current Code\n```python\n{old}\n```\n\n## Should Be\n```python\n{new}\n```\n"
    )


@dataclass(frozen=True)
class Shop:
    """One repository and the process that works on it."""

    root: Path
    runtime: Runtime

    async def run(self, agent: str, **task: Any) -> Thread:
        """Launch an agent and wait until it ends or asks."""
        mode = self.runtime.engine.agent(agent).mode
        ref = await self.runtime.repositories.ref("shop", "default", mode)
        wish = Launch(agent=agent, task=task, session="default", workspace=(ref,))
        return await self.wait(await self.runtime.engine.launch(wish))

    async def fix(self, issue: str, **task: Any) -> Thread:
        return await self.run("issue_fixer", issue=issue, **task)

    async def answer(self, thread: Thread, answer: str, *, person: bool = True) -> Thread:
        assert thread.question, thread
        key = thread.question.key
        return await self.wait(
            await self.runtime.engine.answer(thread.id, key, answer, channel="terminal", person=person)
        )

    async def wait(self, thread: Thread) -> Thread:
        with anyio.fail_after(PATIENCE_S):
            return await self.runtime.engine.wait(thread.id, PATIENCE_S)

    def text(self, path: str = "auth.py") -> str:
        return (self.root / path).read_bytes().decode()

    def status(self) -> str:
        """What git says has changed."""
        return run_git(self.root, "status", "--porcelain", "--untracked-files=all")

    def edits(self, thread: Thread) -> list[str]:
        """Return the keys of the edits that the log has an intent for, in order."""
        events = [record.event for record in self.runtime.store.read(thread.id)]
        return [event.key for event in events if event.kind == "started" and event.tool == "edit_file"]


@asynccontextmanager
async def opened(
    root: Path, *, trusted: bool = True, sandbox: str = "off", model: Model | None = None
) -> AsyncGenerator[Shop]:
    """Run a process beside the repository, its state in a folder of its own."""
    folder = root.parent
    given: dict[str, Any] = {"state_dir": folder / "state", "base_path": folder}
    given |= {"trusted_roots": (folder,) if trusted else (), "sandbox": sandbox}
    async with running(Settings(**given), root) as runtime:
        if model is not None:  # the engine is made once, when it is first asked for
            vars(runtime)["engine"] = replace(runtime.engine, model=model)
        yield Shop(root, runtime)


def output(thread: Thread) -> Mapping[str, Any]:
    assert thread.output is not None, thread.reason or thread.question
    found: dict[str, Any] = thread.output
    return found
