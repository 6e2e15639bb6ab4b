"""Running tests by agent: a state per test, red is a failure, and nothing is edited."""

from collections.abc import Sequence

import pytest

from agents.testing import Task, agent
from state.events import Event, Failed, Launched, Resolved
from state.fold import replay
from state.problem import Problem
from state.steps import Abort, Call, Done
from tests.agents.shop import AUTH, FIXED, GREEN_TEST, RED_TEST, SHOP, MakeRepository, opened, output
from tests.tools.checking import tree
from tools.evidence import Check, Verdict
from tools.runners.results import Counts

pytestmark = pytest.mark.anyio


def said(verdict: Verdict) -> Resolved:
    check = Check(runner="pytest", command=["pytest"], verdict=verdict, why="it is so.", counts=Counts(passed=1))
    return Resolved(key="run_check", value=check.model_dump(mode="json"), tool="run_check", args={})


FAILED = Failed(key="run_check", hash="", problem=Problem(kind="not_found", message="No such test.", hint="Name one."))


@pytest.mark.requirement("R2", "F12")
@pytest.mark.parametrize(
    ("events", "wanted"),
    [
        ((), Call),
        ((said("passed"),), "done"),
        ((said("failed"),), "failed"),
        ((said("no_evidence"),), "failed"),
        ((FAILED,), Abort),
    ],
    ids=["launched", "passed", "failed", "no evidence", "cannot run"],
)
def test_each_log_prefix_leads_to_exactly_one_next_step(events: Sequence[Event], wanted: object) -> None:
    task = Task(paths=("tests",), select="valid")
    launched = Launched(agent="testing", session="s", task=task.model_dump(mode="json"), at=0.0)
    step = agent.next_step(task, replay("t", (launched, *events)))
    assert (step.outcome if isinstance(step, Done) else type(step)) == wanted
    if isinstance(step, Call):
        assert (step.tool, step.args["paths"], step.args["select"]) == ("run_check", ["tests"], "valid")


@pytest.mark.requirement("F10")
async def test_red_tests_fail_the_run_with_a_state_per_test_and_edit_nothing(make_repository: MakeRepository) -> None:
    async with opened(make_repository("shop", SHOP)) as shop:
        before = tree(shop.root)
        thread = await shop.run("testing")
        assert (thread.status, thread.outcome) == ("failed", "failed")
        assert output(thread)["check"]["states"] == {RED_TEST: "fail", GREEN_TEST: "pass"}
        assert output(thread)["summary"] == "1 passed, 1 failed, 0 errors, 0 skipped."
        assert tree(shop.root) == before


async def test_green_tests_are_done_also_when_only_some_are_chosen(make_repository: MakeRepository) -> None:
    async with opened(make_repository("shop", {**SHOP, "auth.py": FIXED})) as shop:
        assert (await shop.run("testing")).outcome == "done"
    async with opened(shop.root) as shop:
        (shop.root / "auth.py").write_text(AUTH)
        thread = await shop.run("testing", paths=["tests/test_auth.py"], select="an_expired_user")
        assert (thread.outcome, output(thread)["check"]["states"]) == ("done", {GREEN_TEST: "pass"})


@pytest.mark.requirement("R13")
async def test_a_repository_without_tests_has_no_evidence_and_says_why(make_repository: MakeRepository) -> None:
    async with opened(make_repository("shop", {"auth.py": AUTH})) as shop:
        thread = await shop.run("testing")
        assert thread.outcome == "failed"
        assert output(thread)["summary"].startswith("No evidence: No tests of a known runner")


@pytest.mark.requirement("R8", "R18")
async def test_untrusted_tests_run_only_after_a_person_approved_that_command(make_repository: MakeRepository) -> None:
    async with opened(make_repository("shop", SHOP), trusted=False) as shop:
        asked = await shop.run("testing")
        assert asked.question
        assert "NOT SANDBOXED" in asked.question.text
        assert (await shop.answer(asked, "deny")).outcome == "denied"
        thread = await shop.answer(await shop.run("testing"), "approve")
        assert output(thread)["check"]["states"] == {RED_TEST: "fail", GREEN_TEST: "pass"}
