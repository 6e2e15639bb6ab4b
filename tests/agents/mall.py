"""A shop with several bugs, a large issue about them, and a stand-in for the agent that fixes plain words."""

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from agents.issue_fixer import agent as issue_fixer
from agents.runtime.definition import Agent
from agents.runtime.model import ModelError, ScriptedModel
from agents.runtime.script import attempt, need, script
from agents.smart_issue import agent as smart_issue
from mcp_server.compose import running
from mcp_server.settings import Settings
from state.problem import Problem
from state.steps import Done, Outcome, Step
from state.thread import Thread
from tests.agents.shop import SHOP, Shop
from tools.checks import run_check
from tools.files import Edit, edit_file
from tools.issue import read_issue
from tools.issue_parts import Split, SubIssue

CART = "def total(prices):\n    return 0  # Bug\n\n\ndef count(prices):\n    return -1  # Bug\n"
CART_TESTS = """\
import unittest

from cart import count, total


class Cart(unittest.TestCase):
    def test_the_total_is_the_sum(self):
        self.assertEqual(total([1, 2]), 3)

    def test_items_are_counted(self):
        self.assertEqual(count([1, 2]), 2)
"""
LARGE = """\
# Issue #200: Rework the shop

## Description
A rewrite of how carts and users are checked, across the codebase.

## Requirements
- a valid user may enter
- the total is the sum
- items are counted
"""
MALL = {**SHOP, "cart.py": CART, "tests/test_cart.py": CART_TESTS, "issues/200-rework.md": LARGE}
_PUT = re.compile(r"In `([^`]+)` put `([^`]+)` for `([^`]+)`")

LOGIN = ("Let users in", "In `auth.py` put `return user.is_valid()` for `return False  # Bug here`.")
TOTAL = ("Add up the total", "In `cart.py` put `return sum(prices)` for `return 0  # Bug`.")
COUNT = ("Count the items", "In `cart.py` put `return len(prices)` for `return -1  # Bug`.")
LOST = ("Find what is not there", "In `cart.py` put `return 1` for `return 12345`.")


class Plain(BaseModel):
    issue: str
    check: str = ""
    branch: bool = False


class Told(BaseModel):
    summary: str


@script
def in_plain_words(task: Plain, thread: Thread) -> Step:
    """Do what one sentence of the issue says, between two runs of the tests."""
    issue = need(thread, read_issue)(task.issue)
    found = _PUT.search(issue.description)
    assert found is not None, issue.description
    before = need(thread, run_check, "before")(confirm=True)
    edit = Edit(old=found[3], new=found[2])
    if isinstance(made := attempt(thread, edit_file)(found[1], [edit]), Problem):
        return Done(Told(summary=str(made)), "failed")
    after = need(thread, run_check, "after")(baseline=before.report, confirm=True)
    better = sum(state == "pass" and before.states.get(test) != "pass" for test, state in after.states.items())
    outcome: Outcome = "fixed" if better else "changed_unverified"
    return Done(Told(summary=f"{made.path}: {better} tests pass that did not."), outcome)


intelligent = Agent("intelligent_issue", "Plain", "Fix plain words.", Plain, Told, in_plain_words, mode="write")


def part(told: tuple[str, str], *depends_on: int, **more: Any) -> SubIssue:
    return SubIssue(title=told[0], description=told[1], depends_on=[*depends_on], **more)


def split(*parts: SubIssue) -> Split:
    return Split(parts=[*parts])


@asynccontextmanager
async def mall(root: Path, answers: Sequence[BaseModel | ModelError] | None = ()) -> AsyncGenerator[Shop]:
    """Run a process beside the repository, with a model that says `answers`, or without one."""
    folder = root.parent
    given: dict[str, Any] = {"state_dir": folder / "state", "base_path": folder, "trusted_roots": (folder,)}
    given["sandbox"] = "off"
    async with running(Settings(**given), root, agents=(smart_issue, issue_fixer, intelligent)) as runtime:
        model = None if answers is None else ScriptedModel(*answers)
        vars(runtime)["engine"] = replace(runtime.engine, model=model)
        yield Shop(root, runtime)
