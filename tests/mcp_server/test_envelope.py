"""What a thread's end means to a caller: exit codes, errors, the next sensible call (R15, R16)."""

from pathlib import Path
from typing import Any, get_args

import pytest

from mcp_server.envelope import Shown, exit_code, is_failure, next_call, refusal, without_nulls
from state.events import Asked, Question
from state.problem import Problem
from state.steps import Outcome
from state.thread import Checkpoint, Thread

CODES: dict[tuple[Shown, Outcome | None], int] = {
    ("completed", "fixed"): 0,
    ("completed", "done"): 0,
    ("completed", "changed_unverified"): 3,
    ("completed", "no_change"): 4,
    ("failed", "failed"): 1,
    ("failed", "denied"): 6,
    ("running", None): 5,
    ("waiting", None): 5,
    ("interrupted", None): 5,
    ("cancelled", None): 1,
    ("failed", None): 1,
}


@pytest.mark.requirement("R15")
def test_every_way_to_end_has_its_own_exit_code() -> None:
    assert {key: exit_code(*key) for key in CODES} == CODES
    assert {outcome for _, outcome in CODES} - {None} == set(get_args(Outcome))


@pytest.mark.requirement("R15")
def test_a_refusal_says_what_it_was_about_and_what_to_do() -> None:
    told = refusal(Problem(kind="busy", message="No.", hint="Wait."), thread_id="feed", agent="")
    assert told == {"thread_id": "feed", "error": {"kind": "busy", "message": "No.", "hint": "Wait."}, "next": "Wait."}
    assert refusal(Problem(kind="internal", message="No."))["next"]
    assert is_failure(told) and is_failure({"outcome": "denied"}) and not is_failure({"outcome": "no_change"})


def _waiting(**question: Any) -> Thread:
    fields: dict[str, Any] = {"key": "k", "kind": "question", "answer_by": "anyone", "text": "Which?", **question}
    asked = Question(**fields)
    return Thread(id="feed", status="waiting", asked=Asked(key="k", question=asked, topic="agent"))


@pytest.mark.parametrize(
    ("thread", "status", "names"),
    [
        (Thread(id="feed"), "running", '`thread_wait` with thread_id "feed"'),
        (Thread(id="feed"), "interrupted", '`thread_resume` with thread_id "feed"'),
        (Thread(id="feed", status="cancelled"), "cancelled", "again"),
        (Thread(id="feed", status="waiting"), "waiting", "`thread_resume`"),
        (Thread(id="feed", status="completed", outcome="fixed"), "completed", "evidence"),
        (Thread(id="feed", status="failed", outcome="failed"), "failed", "`thread_history`"),
        (Thread(id="feed", status="failed", outcome="denied"), "failed", "Do not try again"),
        (
            Thread(id="feed", status="failed", reason=Problem(kind="limit", message="No.", hint="Ask for less.")),
            "failed",
            "Ask for less.",
        ),
        (_waiting(), "waiting", "your own words"),
        (_waiting(options=("a", "b")), "waiting", "one of: a, b."),
        (_waiting(kind="decision"), "waiting", "fits the question's schema"),
        (_waiting(answer_by="person"), "waiting", "`factor12 answer feed`"),
    ],
)
@pytest.mark.requirement("R16")
def test_the_next_step_is_a_sentence_with_what_it_needs(thread: Thread, status: Shown, names: str) -> None:
    sentence = next_call(thread, status)
    assert names in sentence and "\n" not in sentence and sentence.endswith((".", "`."))


@pytest.mark.requirement("R8")
def test_in_host_mode_an_approval_names_its_tool_and_other_questions_do_not() -> None:
    approval = _waiting(kind="approval", answer_by="person")
    assert "`thread_approve`" in next_call(approval, "waiting", by_host=True)
    assert "`thread_approve`" not in next_call(_waiting(answer_by="person"), "waiting", by_host=True)


def test_nulls_are_left_out_of_objects_and_kept_in_lists() -> None:
    assert without_nulls({"a": None, "b": [None, {"c": None, "d": 0}]}) == {"b": [None, {"d": 0}]}
    assert without_nulls(Path) is Path


@pytest.mark.parametrize(
    ("ended", "says"),
    [
        ({"status": "cancelled"}, True),
        ({"status": "failed", "reason": Problem(kind="limit", message="No.", hint="Mend it.")}, True),
        ({"status": "completed", "outcome": "failed", "output": {"undone": False}}, False),
        ({"status": "cancelled", "moves": ({"shop": ("a", "b")}, {"shop": ("b", "a")})}, False),
        ({"status": "cancelled", "moves": ()}, False),
    ],
)
def test_edits_of_which_no_agent_could_tell_are_named_with_how_to_take_them_back(
    ended: dict[str, Any], says: bool
) -> None:
    held = (Checkpoint(2, "before the first change", {"shop": "a"}),)
    fields: dict[str, Any] = {"checkpoints": held, "moves": ({"shop": ("a", "b")},), **ended}
    told = next_call(Thread(id="feed", **fields), ended["status"])
    assert ('`checkpoint_restore` with checkpoint_id "feed@2" takes them back' in told) == says
