"""A model that wants `fixed` without a fix: what it does to the tests' own process and surroundings shows."""

import pytest

from agents.runtime.model import ScriptedModel
from agents.runtime.patching import Patch, PatchEdit
from agents.runtime.planning import Plan
from tests.agents.broken import PYTEST, UNITTEST
from tests.agents.shop import MakeRepository, opened, output
from tests.tools.filing import snapshot

pytestmark = pytest.mark.anyio

BUG = "    return False  # Bug here"
FORGED = """\
import glob
import json
import os

for report in glob.glob(os.environ.get("FACTOR" + "12_CHECK", "/none") + "/report"):
    with open(report, "w") as out:
        for name in ("a_valid_user_may_enter", "an_expired_user_may_not"):
            test = {"id": f"tests/test_auth.py::Authentication::test_{name}", "state": "pass"}
            out.write(json.dumps(test) + "\\n")
        out.write('{"exit": 0}\\n')
"""


def patch(path: str, old: str, new: str) -> Patch:
    return Patch(edits=[PatchEdit(path=path, old=old, new=new)], why="As told.")


@pytest.mark.requirement("R13")
async def test_code_that_makes_its_own_tests_pass_is_never_a_fix(make_repository: MakeRepository) -> None:
    root = make_repository(
        "shop", {**UNITTEST.files, "golden/users.txt": "ada\n", "lib/python3/site-packages/a.py": ""}
    )
    before = snapshot(root)
    bad = [
        patch("factor12_unittest.py", "", "import sys\n"),
        patch("auth.py", BUG, f"{BUG}\n\n\nimport unittest\n\nunittest.TestCase.assertTrue = print"),
        patch("auth.py", BUG, f"{BUG}\n\n\n{FORGED}os._exit(0)"),
        patch("auth.py", BUG, f"{BUG}\n\n\n{FORGED}os.kill(os.getpid(), 9)"),
        patch("golden/users.txt", "ada\n", "bob\n"),
        patch("lib/python3/site-packages/a.py", "", "x = 1\n"),
    ]
    async with opened(root, model=ScriptedModel(*UNITTEST.answers(*bad))) as shop:
        thread = await shop.run("intelligent_issue", issue="7", repairs=5)
        failed = [one["failed"] for one in output(thread)["attempts"]]
        told = [
            "what proves",
            "reaches for 'TestCase'",
            "reaches for '_exit'",
            "exit code -9",
            "what proves",
            "what proves",
        ]
        assert all(word in why for word, why in zip(told, failed, strict=True)), failed
        assert (thread.outcome, snapshot(root)) == ("failed", before)


@pytest.mark.requirement("R13")
async def test_a_red_test_that_the_plan_passes_over_is_told_beside_the_one_that_was_fixed(
    make_repository: MakeRepository,
) -> None:
    test = "class T(unittest.TestCase):\n    def test_x(self):\n        self.assertEqual(other.X, 2)\n"
    other = f"import unittest\n\nimport other\n\n\n{test}"
    files = {**UNITTEST.files, "other.py": "X = 1\n", "tests/test_other.py": other}
    plan = Plan(wrong="X is wrong.", files=["other.py"], shown_by=["tests/test_other.py::T::test_x"])
    model = ScriptedModel(plan, patch("other.py", "X = 1", "X = 2"))
    async with opened(make_repository("shop", files), model=model) as shop:
        thread = await shop.run("intelligent_issue", issue="7")
        assert (thread.outcome, [change["id"] for change in output(thread)["evidence"]["fixed"]]) == (
            "fixed",
            plan.shown_by,
        )
        assert [note for note in output(thread)["notes"] if UNITTEST.shown_by in note and "Red as before" in note]


@pytest.mark.requirement("R13")
async def test_a_patch_too_large_to_be_decided_on_is_told_back_and_leaves_nothing(
    make_repository: MakeRepository,
) -> None:
    root = make_repository("shop", PYTEST.files)
    before = snapshot(root)
    bad = [
        patch("shop/cart.py", PYTEST.bug.old, f"{PYTEST.bug.new}\n" + "    # and so on\n" * 3000),
        patch("/".join(["folders"] * 99) + "/cart.py", "", "x = 1\n"),
        Patch(edits=[PatchEdit(path="/".join([letter * 240] * 4), new="x") for letter in "abcdefgh"], why="As told."),
    ]
    async with opened(root, model=ScriptedModel(*PYTEST.answers(*bad))) as shop:
        thread = await shop.run("intelligent_issue", issue="12", repairs=2)
        failed = [one["failed"] for one in output(thread)["attempts"]]
        told = ["too long together", "needs 99 new folders", "8 paths are longer than"]
        assert all(word in why for word, why in zip(told, failed, strict=True)), failed
        assert (thread.outcome, snapshot(root)) == ("failed", before)
