"""What researching a question decides next, for every kind of log it may find."""

from collections.abc import Sequence

import pytest
from pydantic import BaseModel

from agents.research import Further, Reply, Task, agent
from state.events import Event, Failed, RepositoryRef, Resolved
from state.problem import Problem
from state.steps import Step, Think
from tests.agents.prefixes import next_after, told
from tools.citations import Citation, Claim, Verdict
from tools.lookups import Finding, Lookup
from tools.passages import Passage
from tools.surveying import Survey

TASK = Task(question="Who calls `authenticate`?", repos=["web"])
WORKSPACE = tuple(RepositoryRef(name=name, root=f"/{name}", mode="read") for name in ("shop", "web"))
HEAD = "a" * 40
CITED = Citation(at=f"shop/auth.py:1@{HEAD[:12]}", quote="def authenticate():")
CLAIM = Claim(text="It is defined there.", citations=[CITED])


def resolved(key: str, tool: str, *values: BaseModel, many: bool = False) -> Resolved:
    made = [value.model_dump(mode="json") for value in values]
    return Resolved(key=key, value=made if many else made[0], tool=tool, args={})


def gathered(repo: str, commit: str = HEAD) -> Resolved:
    passage = Passage(path="auth.py", commit=commit[:12], start=1, lines=["def authenticate():"])
    return resolved(f"survey:{repo}", "survey", Survey(repo=repo, commit=commit, passages=[passage]))


def step_after(*events: Event) -> Step:
    return next_after(agent, TASK, *events, workspace=WORKSPACE)


BOTH = (gathered("shop"), gathered("web"))
EMPTY = (gathered("shop", ""), gathered("web", ""))
LOST = Failed(key="survey:shop", hash="", problem=Problem(kind="refused", message="It cannot be opened."))
ENOUGH = resolved("research_searches", "", Further())
SEARCHES = resolved(
    "research_searches", "", Further(searches=[Lookup(repo="web", kind="definition", text="authenticate")])
)
FOUND = resolved("look_up", "look_up", Finding(repo="web", search="definition"), many=True)
ANSWER, SECOND, NOTHING = (
    resolved("answer:1", "", Reply(claims=[CLAIM], complete=True)),
    resolved("answer:2", "", Reply(claims=[CLAIM], complete=True)),
    resolved("answer:1", "", Reply(claims=[], complete=False)),
)
HOLDS = resolved("check:1", "check_claims", Verdict(kept=[CITED]), many=True)
FALSE, STILL = (
    resolved(f"check:{n}", "check_claims", Verdict(dropped=["it does not stand there."]), many=True) for n in (1, 2)
)
NONE = resolved("check:1", "check_claims", many=True)


@pytest.mark.requirement("R2", "F12", "F13")
@pytest.mark.parametrize(
    ("events", "wanted"),
    [
        ((), "survey survey:shop"),
        (BOTH[:1], "survey survey:web"),
        ((LOST,), "survey survey:web"),
        (EMPTY, "done no_change"),
        (BOTH, "think research_searches research_searches"),
        ((LOST, BOTH[1]), "think research_searches research_searches"),
        ((*BOTH, SEARCHES), "look_up look_up"),
        ((*BOTH, ENOUGH), "think research_answer answer:1"),
        ((*BOTH, SEARCHES, FOUND), "think research_answer answer:1"),
        ((*BOTH, ENOUGH, ANSWER), "check_claims check:1"),
        ((*BOTH, ENOUGH, ANSWER, HOLDS), "done done"),
        ((*BOTH, ENOUGH, NOTHING, NONE), "done no_change"),
        ((*BOTH, ENOUGH, ANSWER, FALSE), "think research_answer answer:2"),
        ((*BOTH, ENOUGH, ANSWER, FALSE, SECOND), "check_claims check:2"),
        ((*BOTH, ENOUGH, ANSWER, FALSE, SECOND, STILL), "done failed"),
    ],
)
def test_each_log_prefix_leads_to_exactly_one_next_step(events: Sequence[Event], wanted: str) -> None:
    assert told(step_after(*events)) == wanted


@pytest.mark.requirement("F9")
def test_what_did_not_hold_is_told_to_the_model_compactly() -> None:
    step = step_after(*BOTH, ENOUGH, ANSWER, FALSE)
    assert isinstance(step, Think)
    assert step.context["complaints"] == ["'It is defined there.': it does not stand there."]
