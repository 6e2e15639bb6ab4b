"""What fixing an issue in plain words decides next, for every kind of log it may find."""

from collections.abc import Sequence

import pytest
from pydantic import BaseModel

from agents.intelligent_issue import Task, agent
from agents.runtime.patching import Patch, PatchEdit
from agents.runtime.planning import Plan, known_red
from agents.runtime.witness import NewTest
from state.events import Event, Failed, Resolved
from state.problem import Problem
from state.steps import Step
from tests.agents.prefixes import next_after, told
from tools.changes import Changed
from tools.edits import Edit
from tools.evidence import Check
from tools.excerpts import Excerpt
from tools.facts import Facts, Sight, Wanted
from tools.issue import Issue
from tools.locate import Ambiguity, Candidate, FileEdits, Located, Missing
from tools.review import Review
from tools.runners.results import Case, Counts

ISSUE = Issue(number=8, title="Change it", description="a() is wrong.", origin="issues/8.md")
CODE = Excerpt(path="a.py", text="a = 1\n", lines="1-1 of 1", whole=True)
RED = Check(
    runner="pytest",
    command=["pytest"],
    verdict="failed",
    why="1 of 2 tests red.",
    counts=Counts(passed=1, failed=1),
    failures=[Case(id="tests/test_a.py::a", state="fail", message="assert 1 == 2")],
    states={"tests/test_a.py::a": "fail", "tests/test_b.py::b": "pass"},
    report="r",
)
GREEN = RED.model_copy(
    update={
        "verdict": "passed",
        "failures": [],
        "states": dict.fromkeys(RED.states, "pass"),
        "counts": Counts(passed=2),
    }
)
BROKEN = RED.model_copy(update={"states": {"tests/test_a.py::a": "pass", "tests/test_b.py::b": "fail"}})
NEW = RED.model_copy(
    update={
        "failures": [Case(id="tests/test_new.py::n", state="fail", message="assert 0")],
        "states": {**GREEN.states, "tests/test_new.py::n": "fail"},
    }
)
NEW_GREEN = NEW.model_copy(
    update={
        "verdict": "passed",
        "failures": [],
        "states": dict.fromkeys(NEW.states, "pass"),
        "counts": Counts(passed=3),
    }
)
PLAN = Plan(wrong="a is 1.", files=["a.py"], shown_by=["tests/test_a.py::a"])
LOOK = PLAN.model_copy(update={"look_at": [Wanted(path="b.py")]})
VAGUE = Plan(wrong="What is a?", missing="VAGUE_REQUIREMENTS")
PATCH = Patch(edits=[PatchEdit(path="a.py", old="a = 1", new="a = 2")], why="It is 2.")
TEST = NewTest(path="tests/test_new.py", new="from a import a\n\n\ndef test_n():\n    assert a == 2\n")
CREATING = Patch(edits=[PatchEdit(path="c.py", new="c = 1\n")], why="c is missing.")
PLACES = [Candidate(path="a.py", line=line, text="a = 1", rung="exact") for line in (1, 9)]


def changed(path: str, before: str | None = "0" * 64) -> Changed:
    return Changed(repo="shop", path=path, before=before, after="1" * 64, lines="1")


def resolved(key: str, tool: str, value: BaseModel | list[BaseModel]) -> Resolved:
    data = [one.model_dump(mode="json") for one in value] if isinstance(value, list) else value.model_dump(mode="json")
    return Resolved(key=key, value=data, tool=tool, args={})


def failed(key: str, kind: str = "conflict") -> Failed:
    problem = Problem.model_validate({"kind": kind, "message": "It changed.", "hint": "Look."})
    return Failed(key=key, hash="", problem=problem)


def step_after(*events: Event, **task: object) -> Step:
    return next_after(agent, Task.model_validate({"issue": "8", **task}), *events)


READ = resolved("read_issue", "read_issue", ISSUE)
BEFORE = resolved("before", "run_check", RED)
FACTS = resolved("gather", "gather", Facts(files=[CODE]))
SEEN = resolved("show:planned", "show_files", Sight(files=[CODE]))
PLANNED = (READ, BEFORE, FACTS, resolved("plan:1", "prompt:plan_fix", PLAN), SEEN)
FOUND = Located(
    edits=[FileEdits(path="a.py", digest="0" * 64, edits=[Edit(old="a = 1", new="a = 2", line=1)], lines="1")]
)
PATCHED = (*PLANNED, resolved("patch:1", "prompt:patch_fix", PATCH))
PLACED = (*PATCHED, resolved("place:1", "locate", FOUND))
EDITED = (*PLACED, resolved("edit:a.py:1", "edit_file", changed("a.py")))
AFTER = (*EDITED, resolved("after:1", "run_check", GREEN))
KEPT = resolved("review:1", "review_edits", [Review(path="a.py")])
LOST = resolved("review:1", "review_edits", [Review(path="a.py", doubt="'a.py' is not as the edit left it.")])
UNDONE = resolved("undo:a.py:1", "undo_edit", changed("a.py"))
PASSING = (READ, resolved("before", "run_check", GREEN), FACTS, resolved("plan:1", "prompt:plan_fix", PLAN), SEEN)
TESTED = (*PASSING, resolved("write_test:1", "prompt:write_test", TEST))
WROTE = (*TESTED, resolved("edit:tests/test_new.py:test1", "write_file", changed("tests/test_new.py", None)))
SHOWN = (
    *WROTE,
    resolved("check:test1", "run_check", NEW),
    resolved("review:test1", "review_edits", [Review(path="tests/test_new.py", tests=True)]),
)
OWN = (
    *SHOWN,
    resolved("patch:1", "prompt:patch_fix", PATCH),
    resolved("place:1", "locate", FOUND),
    resolved("edit:a.py:1", "edit_file", changed("a.py")),
    resolved("after:1", "run_check", NEW_GREEN),
    KEPT,
)
OWN_KEPT = resolved("review:test:1", "review_edits", [Review(path="tests/test_new.py", tests=True)])
OWN_LOST = resolved(
    "review:test:1", "review_edits", [Review(path="tests/test_new.py", tests=True, doubt="It changed.")]
)
NOWHERE = Located(missing=[Missing(pair=0, file="a.py", why="Its first line is nowhere.")])
TWICE = Located(ambiguous=[Ambiguity(pair=0, candidates=PLACES, total=2)])


@pytest.mark.requirement("R2", "F12", "F8")
@pytest.mark.parametrize(
    ("events", "wanted"),
    [
        ((), "read_issue read_issue"),
        ((failed("read_issue", "not_found"),), "abort not_found"),
        ((READ,), "run_check before"),
        ((READ, BEFORE), "gather gather"),
        ((READ, BEFORE, FACTS), "think plan_fix plan:1"),
        ((READ, BEFORE, FACTS, resolved("plan:1", "prompt:plan_fix", LOOK)), "show_files show:1"),
        (
            (
                *(READ, BEFORE, FACTS, resolved("plan:1", "prompt:plan_fix", LOOK)),
                resolved("show:1", "show_files", Sight(absent=["There is no b.py."])),
            ),
            "think plan_fix plan:2",
        ),
        ((READ, BEFORE, FACTS, resolved("plan:1", "prompt:plan_fix", VAGUE)), "done no_change"),
        (PLANNED[:-1], "show_files show:planned"),
        (PLANNED, "think patch_fix patch:1"),
        (PATCHED, "locate place:1"),
        ((*PLANNED, resolved("patch:1", "prompt:patch_fix", CREATING)), "write_file edit:c.py:1"),
        ((*PATCHED, failed("place:1", "refused")), "think patch_fix patch:2"),
        ((*PATCHED, resolved("place:1", "locate", NOWHERE)), "think patch_fix patch:2"),
        ((*PATCHED, resolved("place:1", "locate", TWICE)), "think patch_fix patch:2"),
        ((*PATCHED, resolved("place:1", "locate", Located(already=[0]))), "think patch_fix patch:2"),
        (PLACED, "edit_file edit:a.py:1"),
        ((*PLACED, failed("edit:a.py:1")), "think patch_fix patch:2"),
        (EDITED, "run_check after:1"),
        ((*EDITED, failed("after:1", "not_found")), "undo_edit undo:a.py:1"),
        ((*EDITED, resolved("after:1", "run_check", BROKEN)), "undo_edit undo:a.py:1"),
        ((*EDITED, resolved("after:1", "run_check", BROKEN), UNDONE), "think patch_fix patch:2"),
        ((*EDITED, resolved("after:1", "run_check", RED)), "review_edits review:1"),
        ((*EDITED, resolved("after:1", "run_check", RED), KEPT), "undo_edit undo:a.py:1"),
        (AFTER, "review_edits review:1"),
        ((*AFTER, KEPT), "done fixed"),
        ((*AFTER, LOST), "undo_edit undo:a.py:1"),
        (PASSING, "think write_test write_test:1"),
        (TESTED, "write_file edit:tests/test_new.py:test1"),
        ((*TESTED, failed("edit:tests/test_new.py:test1")), "think write_test write_test:2"),
        (WROTE, "run_check check:test1"),
        (SHOWN[:-1], "review_edits review:test1"),
        ((*WROTE, resolved("check:test1", "run_check", GREEN)), "undo_edit undo:tests/test_new.py:test1"),
        (SHOWN, "think patch_fix patch:1"),
        (OWN, "review_edits review:test:1"),
        ((*OWN, OWN_KEPT), "done fixed"),
        ((*OWN, OWN_LOST), "undo_edit undo:a.py:1"),
    ],
)
def test_each_log_prefix_leads_to_exactly_one_next_step(events: Sequence[Event], wanted: str) -> None:
    step = step_after(*events)
    assert told(step) == wanted, step


@pytest.mark.requirement("R13")
def test_when_no_patch_is_left_the_test_that_was_written_goes_too() -> None:
    log = (*SHOWN, resolved("patch:1", "prompt:patch_fix", Patch(edits=[], why="I cannot.")))
    assert told(step_after(*log, repairs=0)) == "undo_edit undo:tests/test_new.py:test"
    undone = resolved("undo:tests/test_new.py:test", "undo_edit", changed("tests/test_new.py", None))
    assert told(step_after(*log, undone, repairs=0)) == "done failed"


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        (["tests/test_a.py::a"], ["tests/test_a.py::a"]),
        (["test_a.py::a", "a"], ["tests/test_a.py::a"]),
        (["b", "tests/test_b.py::b", "", "est_a.py::a", "x"], []),
        (["twice"], []),
        (["One::twice"], ["tests/test_c.py::One::twice"]),
    ],
)
def test_the_end_of_an_id_names_a_test_that_fails_if_no_other_ends_like_it(named: list[str], meant: list[str]) -> None:
    both = [Case(id=f"tests/test_c.py::{group}::twice", state="fail") for group in ("One", "Two")]
    red = RED.model_copy(update={"failures": [*RED.failures, *both], "states": {}})
    assert known_red(Plan(wrong="It.", shown_by=named), red) == meant
