"""What an issue of any size leads to next, for every kind of log it may find."""

from collections.abc import Sequence

import pytest
from pydantic import BaseModel

from agents.smart_issue import Routed, Task, agent
from state.events import ChildEnded, Event, Failed, Launched, Resolved, Spawned
from state.fold import replay
from state.offspring import ChildRef
from state.problem import Problem
from state.steps import Abort, Call, Done, Outcome, Spawn, Step, Think
from tools.changes import Changed
from tools.complexity import Assessment, Level
from tools.issue import Issue
from tools.issue_form import capped
from tools.issue_parts import Part, Split, SubIssue

ISSUE = Issue(number=7, title="Large", origin="issues/7.md", description="Words.")
PART = Part(number=8, path="issues/008-one.md", title="One", exact=False)
LAST = Part(number=9, path="issues/009-two.md", title="Two", exact=True, depends_on=[8])
HALF = PART.model_copy(update={"place": 1, "of": 2})
SPLIT = Split(
    parts=[
        SubIssue(title="One", description="Words enough."),
        SubIssue(title="Two", description="Words enough.", depends_on=[1]),
    ]
)
CIRCLE = Split(parts=[part.model_copy(update={"depends_on": [2, 1]}) for part in SPLIT.parts])
NOT = Problem(kind="conflict", message="It exists.", hint="Look.")


def resolved(key: str, tool: str, value: BaseModel | list[BaseModel]) -> Resolved:
    plain = [one.model_dump(mode="json") for one in value] if isinstance(value, list) else value.model_dump(mode="json")
    return Resolved(key=key, value=plain, tool=tool, args={})


def found(
    level: Level, *, number: int | None = 7, exact: int = 0, parts: Sequence[Part] = (), key: str = "assess_issue"
) -> Resolved:
    assessment = Assessment(number=number, level=level, rules=[], exact=exact, files=[], parts=[*parts], next_number=8)
    return resolved(key, "assess_issue", assessment)


def ended(key: str, outcome: Outcome | None, status: str = "completed") -> list[Event]:
    ref = ChildRef(key=key, thread=f"t-{key}", agent="any")
    end = ChildEnded(key=key, thread=ref.thread, status="cancelled", outcome=outcome, output={"summary": "So."})
    return [Spawned(key=key, hash="h", children=(ref,)), end.model_copy(update={"status": status})]


def wrote(path: str) -> Resolved:
    made = Changed(repo="shop", path=path, before=None, after="0" * 64, lines="1")
    return resolved(f"write:{path}", "write_file", made)


def told(step: Step) -> str:
    """Say a step in a few words: what it does and under which key, or how it ends."""
    match step:
        case Call(key, tool, _):
            return f"{tool} {key}"
        case Think(key, prompt, _, context):
            return f"{prompt} {key} {len(context['wrong'])}"
        case Spawn(key, children, _):
            return f"{children[0].agent} {key} {children[0].task['issue']}"
        case Done(output, outcome):
            parts = ",".join(part["outcome"] for part in output.model_dump()["parts"])
            return f"done {outcome} {parts}".strip()
        case Abort(reason):
            return f"abort {reason.kind}"
        case _:
            return str(step)


READ = resolved("read_issue", "read_issue", ISSUE)
CHILD = resolved("read_issue", "read_issue", ISSUE.model_copy(update={"parent": 3}))
ASSIGNED = resolved("read_issue", "read_issue", ISSUE.model_copy(update={"agent": "intelligent_issue"}))
BEGUN = (READ, found("complex"))
SAID = (*BEGUN, resolved("split:1", "prompt:split_issue", SPLIT))
PROPOSED = (*SAID, found("complex", key="numbers"))
ONE, TWO = wrote("issues/008-one.md"), wrote("issues/009-two.md")
LISTED = (*PROPOSED, ONE, TWO, resolved("list_parts", "list_parts", [PART, LAST]))
DRY = Task(issue="7", dry_run=True)


@pytest.mark.requirement("R2", "F12")
@pytest.mark.parametrize(
    ("events", "wanted"),
    [
        ((), "read_issue read_issue"),
        ((READ,), "assess_issue assess_issue"),
        ((READ, found("simple", exact=2)), "issue_fixer whole 7"),
        ((READ, found("moderate")), "intelligent_issue whole 7"),
        ((READ, found("moderate"), *ended("whole", "fixed")), "done fixed fixed"),
        (
            (READ, found("simple"), *ended("whole", "changed_unverified")),
            "done changed_unverified changed_unverified",
        ),
        ((READ, found("moderate"), *ended("whole", "failed", "failed")), "done failed failed"),
        ((READ, found("moderate"), *ended("whole", "denied", "failed")), "done denied denied"),
        ((READ, found("moderate"), *ended("whole", "no_change")), "done no_change no_change"),
        ((READ, found("moderate"), *ended("whole", None, "cancelled")), "done failed cancelled"),
        ((READ, found("moderate"), Failed(key="whole", hash="h", problem=NOT)), "done failed failed"),
        ((READ, found("complex", number=None)), "done no_change"),
        (
            (CHILD, found("complex")),
            "intelligent_issue whole 7",
        ),
        (
            (ASSIGNED, found("enterprise")),
            "intelligent_issue whole 7",
        ),
        (BEGUN, "split_issue split:1 0"),
        ((*BEGUN, resolved("split:1", "p", CIRCLE)), "split_issue split:2 3"),
        ((*BEGUN, *(resolved(f"split:{n}", "p", CIRCLE) for n in (1, 2, 3))), "done failed"),
        (SAID, "assess_issue numbers"),
        ((*SAID, found("complex", parts=[PART], key="numbers")), "intelligent_issue part:8 issues/008-one.md"),
        (PROPOSED, "write_file write:issues/008-one.md"),
        ((*PROPOSED, ONE), "write_file write:issues/009-two.md"),
        (
            (*PROPOSED, ONE, Failed(key="write:issues/009-two.md", hash="h", problem=NOT)),
            "undo_edit undo:issues/008-one.md",
        ),
        ((*PROPOSED, Failed(key="write:issues/008-one.md", hash="h", problem=NOT)), "done failed"),
        ((*PROPOSED, ONE, TWO), "list_parts list_parts"),
        ((*PROPOSED, ONE, TWO, resolved("list_parts", "list_parts", [])), "done failed"),
        (LISTED, "intelligent_issue part:8 issues/008-one.md"),
        ((*LISTED, *ended("part:8", "fixed")), "issue_fixer part:9 issues/009-two.md"),
        ((*LISTED, *ended("part:8", "fixed"), *ended("part:9", "fixed")), "done fixed fixed,fixed"),
        ((*LISTED, *ended("part:8", "failed", "failed")), "done failed failed,blocked"),
        (
            (*LISTED, *ended("part:8", "fixed"), *ended("part:9", "no_change")),
            "done changed_unverified fixed,no_change",
        ),
        ((READ, found("atomic", parts=[PART])), "intelligent_issue part:8 issues/008-one.md"),
        ((READ, found("complex", parts=[HALF]), *ended("part:8", "fixed")), "done changed_unverified fixed"),
    ],
)
def test_each_log_prefix_leads_to_exactly_one_next_step(events: Sequence[Event], wanted: str) -> None:
    assert told(_next(Task(issue="7"), events)) == wanted


@pytest.mark.parametrize(
    ("events", "wanted"),
    [
        ((READ, found("moderate")), "done done planned"),
        (SAID, "done done planned,planned"),
        ((READ, found("complex", parts=[LAST, PART])), "done done planned,planned"),
    ],
)
def test_a_dry_run_ends_where_the_first_change_would_be(events: Sequence[Event], wanted: str) -> None:
    assert told(_next(DRY, events)) == wanted


def test_missing_parts_are_counted_also_where_a_persons_own_comes_first() -> None:
    mine = PART.model_copy(update={"number": 7, "path": "issues/007-mine.md", "title": "Mine"})
    log = (READ, found("complex", parts=[mine, HALF]), *ended("part:7", "fixed"), *ended("part:8", "fixed"))
    step = _next(Task(issue="7"), log)
    assert isinstance(step, Done) and isinstance(step.output, Routed)
    assert step.output.notes[0].startswith("Of the 2 parts that it was split into these are not there: 2.")


def test_what_of_a_long_issue_no_model_was_shown_is_said() -> None:
    long = resolved("read_issue", "read_issue", ISSUE.model_copy(update={"description": capped("word " * 20, 60)}))
    step = _next(DRY, (long, *PROPOSED[1:-1]))
    assert isinstance(step, Done) and step.output.model_dump()["notes"][0].startswith("40 characters")


def _next(task: Task, events: Sequence[Event]) -> Step:
    launched = Launched(agent="smart_issue", session="s", task=task.model_dump(), at=0.0)
    thread = replay("t", (launched, *events))
    step = agent.next_step(task, thread)
    assert agent.next_step(task, thread) == step
    return step
