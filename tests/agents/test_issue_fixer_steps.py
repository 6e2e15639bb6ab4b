"""What fixing an issue decides next, for every kind of log it may find."""

from collections.abc import Sequence

import pytest
from pydantic import BaseModel

from agents.issue_fixer import Task, agent
from state.events import Event, Failed, Resolved
from state.problem import Problem
from state.steps import Step
from tests.agents.prefixes import next_after, told
from tools.changes import Changed
from tools.edits import Edit
from tools.evidence import Check
from tools.issue import Issue, Pair
from tools.locate import Ambiguity, Candidate, FileEdits, Located, Missing
from tools.review import Review
from tools.runners.results import Counts

ISSUE = Issue(number=8, title="Change it", origin="text", pairs=(Pair(file=None, old="a", new="b", line=4),))
EDITS = [FileEdits(path="a.py", digest="0" * 64, edits=[Edit(old="a", new="b", line=1)], lines="1")]
DONE = Changed(repo="shop", path="a.py", before="0" * 64, after="1" * 64, lines="1")
PLACES = [Candidate(path="a.py", line=line, text="a", rung="exact") for line in (1, 9)]
RED = Check(
    runner="pytest",
    command=["pytest"],
    verdict="failed",
    why="1 of 2 tests red.",
    counts=Counts(passed=1, failed=1),
    states={"t::a": "fail", "t::b": "pass"},
    report="r",
)
GREEN = RED.model_copy(update={"verdict": "passed", "states": {"t::a": "pass", "t::b": "pass"}})
BROKEN = RED.model_copy(update={"states": {"t::a": "pass", "t::b": "fail"}})


def resolved(key: str, tool: str, value: BaseModel) -> Resolved:
    return Resolved(key=key, value=value.model_dump(mode="json"), tool=tool, args={})


def step_after(*events: Event) -> Step:
    return next_after(agent, Task(issue="8"), *events)


READ = resolved("read_issue", "read_issue", ISSUE)
FOUND = resolved("locate", "locate", Located(edits=EDITS))
BEFORE = resolved("before", "run_check", RED)
EDITED = resolved("edit:a.py", "edit_file", DONE)
KEPT, LOST = (
    Resolved(key="review_edits", value=[Review(path="a.py", doubt=doubt).model_dump()], tool="review_edits", args={})
    for doubt in ("", "'a.py' is not as the edit left it.")
)
LARGE = Resolved(
    key="after", value={"$artifact": {"digest": "0" * 64, "size": 9, "preview": ""}}, tool="run_check", args={}
)
REFUSED = Failed(key="edit:a.py", hash="", problem=Problem(kind="conflict", message="It changed.", hint="Look."))
GONE = Failed(key="read_issue", hash="", problem=Problem(kind="not_found", message="There is none.", hint="Look."))


@pytest.mark.requirement("R2", "F12")
@pytest.mark.parametrize(
    ("events", "wanted"),
    [
        ((), "read_issue read_issue"),
        ((GONE,), "abort not_found"),
        ((resolved("read_issue", "read_issue", ISSUE.model_copy(update={"pairs": ()})),), "done no_change"),
        ((READ,), "locate locate"),
        ((READ, resolved("locate", "locate", Located(already=[0]))), "done no_change"),
        (
            (READ, resolved("locate", "locate", Located(missing=[Missing(pair=0, file=None, why="w")]))),
            "abort not_found",
        ),
        (
            (READ, resolved("locate", "locate", Located(ambiguous=[Ambiguity(pair=0, candidates=PLACES, total=2)]))),
            "ask place:1 a.py:1|a.py:9",
        ),
        ((READ, FOUND), "run_check before"),
        ((READ, FOUND, BEFORE), "edit_file edit:a.py"),
        ((READ, FOUND, BEFORE, REFUSED), "done failed"),
        ((READ, FOUND, BEFORE, EDITED), "run_check after"),
        ((READ, FOUND, BEFORE, EDITED, resolved("after", "run_check", GREEN)), "review_edits review_edits"),
        ((READ, FOUND, BEFORE, EDITED, resolved("after", "run_check", GREEN), KEPT), "done fixed"),
        ((READ, FOUND, BEFORE, EDITED, resolved("after", "run_check", GREEN), LOST), "done changed_unverified"),
        ((READ, FOUND, BEFORE, EDITED, resolved("after", "run_check", RED), KEPT), "done changed_unverified"),
        ((READ, FOUND, BEFORE, EDITED, LARGE), "undo_edit undo:a.py"),
        ((READ, FOUND, BEFORE, EDITED, resolved("after", "run_check", BROKEN)), "undo_edit undo:a.py"),
    ],
)
def test_each_log_prefix_leads_to_exactly_one_next_step(events: Sequence[Event], wanted: str) -> None:
    assert told(step_after(*events)) == wanted
