"""What reviewing decides next, for every kind of log it may find."""

from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from agents.pr_review import Task, agent
from state.events import Event, Failed, Resolved
from state.problem import Problem
from state.steps import Abort, Call, Done, Step, Think
from tests.agents.prefixes import next_after
from tests.agents.reviewing import claim, said
from tools.evidence import Check
from tools.linters import Lint
from tools.reviewing.change import Change
from tools.reviewing.parts import Part
from tools.reviewing.recall import Recalled
from tools.runners.results import Counts

CHANGE = Change(compared="the work tree against main", kind="work_tree", snapshot="0" * 64, files=1)
PROGRAMS = CHANGE.model_copy(update={"lint": ["a.py"], "tests": ["test_a.py"]})
LINT = Lint(linter="ruff", verdict="clean", why="ruff found nothing.")
GREEN = Check(
    runner="pytest", command=["pytest"], verdict="passed", why="1 of 1 tests passed.", counts=Counts(passed=1)
)
RED = GREEN.model_copy(update={"verdict": "failed"})
PART = Part(file="a.py", old=1, new=1, lines=["+broken()"])
TWO = Recalled(packs=[[0], [1]], parts=2)


def resolved(key: str, value: Any, tool: str = "") -> Resolved:
    data = value.model_dump(mode="json") if isinstance(value, BaseModel) else [one.model_dump() for one in value]
    return Resolved(key=key, value=data, tool=tool or key.partition(":")[0], args={})


def failed(key: str) -> Failed:
    return Failed(key=key, hash="", problem=Problem(kind="not_found", message="There is none.", hint="Look."))


def step_after(*events: Event, **given: Any) -> Step:
    return next_after(agent, Task.model_validate(given), *events)


def told(step: Step) -> str:
    match step:
        case Call(key, tool, _):
            return f"{tool} {key}"
        case Think(key, prompt, _, _):
            return f"{prompt} {key}"
        case Done(output, outcome):
            return f"done {outcome} {getattr(output, 'verdict', None)}"
        case Abort(reason):
            return f"abort {reason.kind}"
        case _:
            return str(step)


READ = resolved("read_change", CHANGE)
RUN = resolved("read_change", PROGRAMS)
LINTED, NOT_LINTED = resolved("run_linter", LINT), failed("run_linter")
PASSED, FAILED = resolved("run_check", GREEN), resolved("run_check", RED)
KNOWN = resolved("recall_reviews", TWO)
SHOWN = [resolved(f"parts:{number}", [PART], "read_parts") for number in (1, 2)]
NOTHING = [resolved(f"review:{number}", said(), "prompt:pr_review") for number in (1, 2)]
MAJOR = resolved("review:2", said(claim("broken()", 1, "a.py")), "prompt:pr_review")


@pytest.mark.requirement("R2", "F12")
@pytest.mark.parametrize(
    ("events", "wanted"),
    [
        ((), "read_change read_change"),
        ((failed("read_change"),), "abort not_found"),
        ((resolved("read_change", CHANGE.model_copy(update={"files": 0})),), "done no_change None"),
        ((READ,), "recall_reviews recall_reviews"),
        ((RUN,), "run_linter run_linter"),
        ((RUN, LINTED), "run_check run_check"),
        ((RUN, NOT_LINTED), "run_check run_check"),
        ((RUN, LINTED, PASSED), "recall_reviews recall_reviews"),
        ((RUN, LINTED, failed("run_check")), "recall_reviews recall_reviews"),
        ((READ, failed("recall_reviews")), "abort not_found"),
        ((READ, resolved("recall_reviews", Recalled())), "done done approve"),
        ((READ, KNOWN), "read_parts parts:1"),
        ((READ, KNOWN, SHOWN[0]), "pr_review review:1"),
        ((READ, KNOWN, SHOWN[0], NOTHING[0]), "read_parts parts:2"),
        ((READ, KNOWN, SHOWN[0], NOTHING[0], SHOWN[1], NOTHING[1]), "done done approve"),
        ((READ, KNOWN, SHOWN[0], NOTHING[0], SHOWN[1], MAJOR), "done done request_changes"),
        ((RUN, LINTED, FAILED, resolved("recall_reviews", Recalled())), "done done request_changes"),
    ],
)
def test_each_log_prefix_leads_to_exactly_one_next_step(events: Sequence[Event], wanted: str) -> None:
    assert told(step_after(*events)) == wanted


def test_tests_that_are_named_run_and_none_runs_none() -> None:
    assert told(step_after(READ, check="tests/test_b.py")) == "run_check run_check"
    assert told(step_after(RUN, LINTED, check="none")) == "recall_reviews recall_reviews"


@pytest.mark.parametrize("given", [{"base": "main", "staged": True}, {"head": "x", "patch": "p"}])
def test_a_task_that_means_two_changes_at_once_is_none(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Task.model_validate(given)
