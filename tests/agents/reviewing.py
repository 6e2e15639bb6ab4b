"""A repository under review, a model that says what a test tells it, and people who look at what came of it."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio
from pydantic import BaseModel

from agents.runtime.driver import drive
from agents.runtime.engine import Launch
from agents.runtime.model import Decision, ModelT, Prompt, ScriptedModel
from mcp_server.catalogue import AGENTS, TOOLS
from mcp_server.compose import Runtime, compose
from mcp_server.settings import Settings
from state.thread import Thread
from tests.conftest import run_git
from tools.reviewing.findings import Claim, Claims, Severity

BEFORE = """\
class Cart:
    def __init__(self):
        self.items = []

    def total(self):
        return sum(item.price for item in self.items)

    def add(self, item):
        self.items.append(item)
"""
AFTER = """\
class Cart:
    def __init__(self):
        self.items = []

    def total(self):
        return sum(item.price for item in self.items)

    def add(self, item, count=1):
        for _ in range(count + 1):
            self.items.append(item)

    def average(self):
        return self.total() / len(self.items)
"""
OFF = "for _ in range(count + 1):"
EMPTY = "return self.total() / len(self.items)"


def claim(quote: str, line: int = 0, file: str = "cart.py", severity: Severity = "major", **more: Any) -> Claim:
    given = {"category": "bug", "message": "It is wrong.", "confidence": "high", **more}
    return Claim.model_validate({"severity": severity, "file": file, "line": line, "quote": quote, **given})


def said(*claims: Claim) -> Claims:
    return Claims(findings=list(claims))


class Silent:
    """A model that finds nothing, however often it is asked."""

    def __init__(self) -> None:
        self.prompts: list[Prompt] = []

    async def decide(self, prompt: Prompt, returns: type[ModelT]) -> Decision[ModelT]:
        self.prompts.append(prompt)
        return Decision(returns.model_validate({"findings": []}))


@dataclass
class Desk:
    """One process that reviews, its state in a folder of its own."""

    root: Path
    runtime: Runtime
    principal: str = ""

    async def review(self, *answers: BaseModel, root: Path | None = None, **task: Any) -> Thread:
        """Review with a model that gives these answers; all of them, no more."""
        model = ScriptedModel(*answers)
        thread = await self.reviewed_by(model, root=root, **task)
        assert len(model.prompts) == len(answers), thread
        return thread

    async def reviewed_by(self, model: Any, root: Path | None = None, **task: Any) -> Thread:
        engine = replace(self.runtime.engine, model=model)
        ref = await self.runtime.repositories.ref(str(root or self.root), "default", "read")
        wish = Launch("pr_review", task, "default", (ref,), principal=self.principal)
        thread = await engine.launch(wish)
        with anyio.fail_after(60):
            await drive(engine, thread.id)
        return engine.store.load(thread.id)

    def commit(self, message: str, **files: str) -> None:
        """Commit files; `cart_py` is cart.py."""
        for name, text in files.items():
            (self.root / name.replace("_", ".")).write_text(text)
        run_git(self.root, "add", "-A")
        run_git(self.root, "commit", "-q", "-m", message)


@asynccontextmanager
async def desk(root: Path, *, trusted: bool = False, **settings: Any) -> AsyncGenerator[Desk]:
    """Compose a process beside the repository."""
    folder = root.parent
    given: dict[str, Any] = {"state_dir": folder / "state", "base_path": folder, "sandbox": "off"}
    given |= {"trusted_roots": (folder,) if trusted else (), **settings}
    runtime = compose(Settings(**given), root, agents=AGENTS, tools=TOOLS)
    try:
        yield Desk(root, runtime)
    finally:
        runtime.database.close()


def report(thread: Thread) -> Mapping[str, Any]:
    assert thread.output is not None, (thread.reason, thread.question, thread.trouble)
    found: dict[str, Any] = thread.output
    return found


def told(thread: Thread) -> list[str]:
    """Say each finding in a few words."""
    return [f"{one['state']} {one['file']}:{one['line']} {one['quote']}" for one in report(thread)["findings"]]


def marks(thread: Thread) -> list[str]:
    return [one["fingerprint"] for one in report(thread)["findings"]]
