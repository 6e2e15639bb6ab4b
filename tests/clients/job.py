"""One job, done by every client over every transport: judged by files and evidence, never by words."""

from pathlib import Path
from typing import Any

from tests.agents.shop import AUTH, FIXED, RED_TEST, SHOP
from tests.clients.hosts import Host
from tests.conftest import repository

TILL = """\
def open():
    return 0  # Bug here


def close():
    return 0  # Bug here
"""
"""The same line twice: which one is meant, somebody has to say."""
OPENED = TILL.replace("0  # Bug here", "1", 1)
TILL_TESTS = """\
import unittest

import till


class Till(unittest.TestCase):
    def test_it_opens(self):
        self.assertEqual(till.open(), 1)

    def test_it_stays_closed(self):
        self.assertEqual(till.close(), 0)
"""
TILL_ISSUE = """\
# Issue #124: The till does not open

## Current Code
```python
    return 0  # Bug here
```

## Should Be
```python
    return 1
```
"""
TRACE = "ran"
MARKET_TESTS = f"""\
import pathlib
import unittest


class Market(unittest.TestCase):
    def test_it_leaves_a_trace(self):
        pathlib.Path({TRACE!r}).touch()
"""
STALL = {**SHOP, "till.py": TILL, "tests/test_till.py": TILL_TESTS, "issues/124.md": TILL_ISSUE}


def repositories(folder: Path) -> Path:
    """Make the repository that the server starts in, one beside it to work on, and one that nobody trusts."""
    repository(folder / "stall", STALL)
    repository(folder / "market", {"tests/__init__.py": "", "tests/test_market.py": MARKET_TESTS})
    return repository(folder / "shop", SHOP)


async def do(host: Host, folder: Path) -> None:
    """Switch, fix, ask, answer, take back, resume, list."""
    assert {"issue_fixer", "repo_switch", "thread_answer", "thread_list"} <= {*await host.tools()}
    session = (await host.call("repo_switch", repo="stall"))["session"]
    fixed = await _rested(host, await host.call("issue_fixer", issue="123", session=session))
    assert (fixed["outcome"], _proof(fixed)) == ("fixed", [RED_TEST])
    assert _text(folder, "stall/auth.py") == FIXED
    opened = await _opened(host, session)
    assert (opened["outcome"], _proof(opened)) == ("fixed", ["tests/test_till.py::Till::test_it_opens"])
    assert _text(folder, "stall/till.py") == OPENED
    await _taken_back_and_resumed(host, opened["thread_id"], folder)
    rows = (await host.call("thread_list", session=session))["threads"]
    assert [(row["thread_id"], row["status"]) for row in rows] == [
        (opened["thread_id"], "completed"),
        (fixed["thread_id"], "completed"),
    ]
    assert _text(folder, "shop/auth.py") == AUTH


async def approve(host: Host, folder: Path) -> None:
    """Run the tests of a repository nobody trusts: a person's to approve, at a form, or else nothing runs."""
    ran = folder / "market" / TRACE
    if host.fills_in:
        tested = await _rested(host, await host.call("testing", "approve", repo="market"))
        assert (tested["outcome"], ran.exists()) == ("done", True)
        return
    asked = await _rested(host, await host.call("testing", repo="market"))
    assert (asked["status"], asked["question"]["answer_by"]) == ("waiting", "person")
    answer = {"thread_id": asked["thread_id"], "key": asked["question"]["key"], "answer": "approve"}
    assert (await host.call("thread_answer", **answer))["error"]["kind"] == "refused"
    waiting = await host.call("thread_wait", thread_id=asked["thread_id"])
    assert (waiting["status"], ran.exists()) == ("waiting", False)


async def _opened(host: Host, session: str) -> dict[str, Any]:
    """Fix what stands twice: the question comes as a form, or as a result to answer by another call."""
    if host.fills_in:
        return await _rested(host, await host.call("issue_fixer", "till.py:2", issue="124", session=session))
    asked = await _rested(host, await host.call("issue_fixer", issue="124", session=session))
    question = asked["question"]
    assert (asked["status"], question["options"]) == ("waiting", ["till.py:2", "till.py:6"])
    answer = {"thread_id": asked["thread_id"], "key": question["key"], "answer": "till.py:2"}
    return await _rested(host, await host.call("thread_answer", **answer))


async def _taken_back_and_resumed(host: Host, thread_id: str, folder: Path) -> None:
    checkpoints = (await host.call("checkpoint_list", thread_id=thread_id))["checkpoints"]
    first = checkpoints[-1]["checkpoint_id"]
    assert (await host.call("checkpoint_restore", checkpoint_id=first, dry_run=False))["done"]
    assert _text(folder, "stall/till.py") == TILL
    again = await _rested(host, await host.call("thread_resume", thread_id=thread_id))
    assert (again["outcome"], _text(folder, "stall/till.py")) == ("fixed", OPENED)


async def _rested(host: Host, told: dict[str, Any]) -> dict[str, Any]:
    """Follow a thread until it ends or asks."""
    while told["status"] == "running":
        told = await host.call("thread_wait", thread_id=told["thread_id"])
    return told


def _text(folder: Path, file: str) -> str:
    return (folder / file).read_text(encoding="utf-8")


def _proof(told: dict[str, Any]) -> list[str]:
    return [change["id"] for change in told["output"]["evidence"]["fixed"]]
