"""A thread is its log, folded: what each event does, and what holds for every log."""

import sys
from copy import copy
from math import inf, isfinite, nan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from state.events import (
    Aborted,
    Answered,
    BudgetExtended,
    Cancelled,
    CancelRequested,
    CheckpointTaken,
    Denied,
    Event,
    Failed,
    Finished,
    Interrupted,
    Resolved,
    Resumed,
    Rewound,
    Settled,
    Started,
)
from state.fold import InvalidTransition, reduce, replay
from state.identity import identity
from state.spending import Budget
from state.thread import Thread
from tests.state.logs import ENDS, PROBLEM, accepted, any_event, ending_event, logs, plausible_event
from tests.state.places import asked, launched

START = Started(key="one", hash="h1", risk="write", tool="paint", args={"wall": "north"})
RESULT = Resolved(key="one", hash="h1", value={"walls": 1}, seconds=2.0)
READ = Resolved(key="two", value="seen", seconds=0.5, tool="look", args={"at": "wall"})
FAILED = Failed(key="one", hash="h1", problem=PROBLEM, seconds=1.0)
YES = Answered(key="q", answer="yes", channel="cli")
NO = Denied(key="q", reason="not today", channel="cli")
CANCEL = CancelRequested(channel="cli")


def fold(*events: Event) -> Thread:
    return replay("t", [launched(), *events])


# What each event does


def test_a_launch_fixes_who_asked_for_what_and_where() -> None:
    thread = fold()
    assert (thread.agent, thread.session, thread.task) == ("painter", "s-1", {"wall": "north"})
    assert (thread.status, thread.version, thread.generation, thread.launched_at) == ("running", 1, 0, 5.0)


@pytest.mark.requirement("R4")
def test_an_intent_is_pending_until_its_outcome_is_known() -> None:
    assert fold(START).pending == START
    for outcome in (RESULT, FAILED, Settled(key="one", verdict="happened", by="probe", value=1)):
        assert fold(START, outcome).pending is None


@pytest.mark.requirement("R3")
def test_an_outcome_is_remembered_with_what_was_done() -> None:
    known = fold(START, RESULT).effects["one"]
    assert (known.risk, known.version, known.hash) == ("write", 3, "h1")
    assert fold(START, RESULT).results["one"] == {"walls": 1}


@pytest.mark.requirement("R3")
def test_a_short_read_carries_what_its_hash_is_computed_from() -> None:
    known = fold(READ).effects["two"]
    assert (known.risk, known.hash) == ("read", identity("look", {"at": "wall"}))


@pytest.mark.requirement("R5")
@pytest.mark.parametrize(("verdict", "known"), [("happened", True), ("again", False)])
def test_a_settled_effect_is_known_or_will_be_tried_again(verdict: Any, known: bool) -> None:
    thread = fold(START, Settled(key="one", verdict=verdict, by="person", value=7))
    assert ("one" in thread.effects) is known
    assert thread.results.get("one") == (7 if known else None)


@pytest.mark.requirement("F9")
def test_failures_of_one_key_add_up_until_a_person_says_retry() -> None:
    thread = fold(START, FAILED, START, FAILED)
    assert [failure.version for failure in thread.failures["one"]] == [3, 5]
    again = asked("q", "failures", about="one")
    assert "one" not in fold(START, FAILED, again, YES).failures


def test_each_attempt_costs_a_step_and_its_seconds() -> None:
    thread = fold(START, FAILED, START, RESULT, READ)
    assert (thread.steps, thread.seconds) == (3, 3.5)


def test_a_budget_grows_by_what_a_person_adds() -> None:
    before, after = fold().budget, fold(BudgetExtended(steps=5, seconds=60.0)).budget
    assert (after.steps, after.seconds) == (before.steps + 5, before.seconds + 60)


@pytest.mark.parametrize("seconds", [-1.0, 1e308, inf, nan])
@pytest.mark.parametrize("event", [BudgetExtended(), FAILED, RESULT])
def test_no_event_holds_a_time_that_would_make_a_sum_of_times_useless(event: Event, seconds: float) -> None:
    with pytest.raises(ValidationError, match="seconds"):
        type(event).model_validate({**event.model_dump(), "seconds": seconds})


def test_the_largest_budget_can_be_extended_without_end() -> None:
    granted = launched(budget=Budget(seconds=sys.float_info.max))
    thread = replay("t", [granted, *[BudgetExtended(seconds=1e9)] * 100])
    assert isfinite(thread.budget.seconds)


@pytest.mark.requirement("R7", "F7")
def test_a_question_makes_a_thread_wait_and_an_answer_lets_it_go_on() -> None:
    waiting = fold(asked("q"))
    assert (waiting.status, waiting.waiting_on, waiting.question) == ("waiting", "question", asked("q").question)
    running = reduce(waiting, YES)
    assert (running.status, running.waiting_on, running.question) == ("running", None, None)


@pytest.mark.requirement("R9")
def test_an_answer_to_the_agents_own_question_is_a_result_and_stays_known() -> None:
    thread = fold(asked("q"), YES)
    assert (thread.results["q"], thread.answers["q"]) == ("yes", "yes")


def test_a_decision_is_a_result_bound_to_its_prompt() -> None:
    thread = fold(asked("q", "decision", binding="h9"), Answered(key="q", answer={"word": "sun"}, channel="mcp"))
    assert thread.results["q"] == {"word": "sun"}
    assert thread.effects["q"].hash == "h9"
    assert "q" not in thread.answers


@pytest.mark.requirement("R8")
def test_an_approval_is_for_one_exact_effect_and_is_used_up_by_its_start() -> None:
    approved = fold(asked("q", "approval", about="one", binding="h1"), YES)
    assert approved.approvals["one"] == "h1"
    assert "one" not in reduce(approved, START).approvals


@pytest.mark.requirement("R8")
def test_a_denial_is_known_under_the_effects_key() -> None:
    thread = fold(asked("q", "approval", about="one", binding="h1"), NO)
    assert (thread.status, thread.denials["one"]) == ("running", "not today")
    assert "one" not in thread.approvals


@pytest.mark.parametrize("topic", ["cut_off", "budget"])
def test_answers_that_only_the_engine_reads_are_no_results(topic: Any) -> None:
    thread = fold(asked("q", topic), YES)
    assert (thread.status, "q" in thread.results) == ("running", False)


def test_a_cancel_withdraws_the_question_and_lets_the_effect_in_flight_be_settled() -> None:
    cancelling = fold(asked("q"), CANCEL)
    assert (cancelling.status, cancelling.cancelling, cancelling.asked) == ("running", True, None)
    assert fold(START, CANCEL).pending == START
    ended = fold(START, CANCEL, Cancelled(note="unknown"))
    assert (ended.status, ended.pending) == ("cancelled", None)


@pytest.mark.requirement("R6")
def test_trouble_lasts_until_the_next_event() -> None:
    troubled = fold(START, Interrupted(problem=PROBLEM))
    assert (troubled.trouble, troubled.status, troubled.pending) == (PROBLEM, "running", START)
    assert reduce(troubled, Resumed()).trouble is None


@pytest.mark.parametrize(
    ("event", "status", "outcome"),
    [
        (Finished(output=1, outcome="fixed"), "completed", "fixed"),
        (Finished(output=1, outcome="no_change"), "completed", "no_change"),
        (Finished(output=1, outcome="failed"), "failed", "failed"),
        (Finished(output=1, outcome="denied"), "failed", "denied"),
        (Aborted(problem=PROBLEM), "failed", "failed"),
        (Aborted(problem=PROBLEM, outcome="denied"), "failed", "denied"),
    ],
)
def test_how_a_thread_ended_is_its_status_and_outcome(event: Event, status: str, outcome: str) -> None:
    thread = fold(event)
    assert (thread.status, thread.outcome, thread.ended) == (status, outcome, True)


@pytest.mark.parametrize(
    "events",
    [
        (START, START),
        (START, Finished(output=1, outcome="done")),
        (RESULT,),
        (START, Resolved(key="two", hash="h", value=1)),
        (START, READ),
        (START, Failed(key="two", hash="h", problem=PROBLEM)),
        (Settled(key="one", verdict="again", by="probe"),),
        (YES,),
        (asked("p"), YES),
        (asked("p"), NO),
        (asked("q"), START),
        (asked("q"), Finished(output=1, outcome="done")),
        (Cancelled(),),
        (START, Rewound(to=1, checkpoint="c")),
        (Rewound(to=9, checkpoint="c"),),
        (launched(),),
        (Aborted(problem=PROBLEM), CANCEL),
    ],
    ids=lambda events: "+".join(event.kind for event in events),
)
def test_an_event_that_contradicts_the_log_is_refused(events: tuple[Event, ...]) -> None:
    before = fold(*events[:-1])
    with pytest.raises(InvalidTransition, match="'t'"):
        reduce(before, events[-1])


def test_a_log_begins_with_its_launch() -> None:
    with pytest.raises(InvalidTransition):
        replay("t", [READ])


# What holds for every log


@pytest.mark.requirement("R1", "F5", "F12")
@given(events=st.lists(any_event() | plausible_event() | ending_event(), max_size=20))
@settings(max_examples=80, deadline=None)
def test_whatever_comes_is_folded_or_refused_and_nothing_else(events: list[Event]) -> None:
    log = accepted([launched(), *events])
    assert replay("t", log).version == len(log)


@pytest.mark.requirement("R1", "R2", "F12")
@given(log=logs(), event=plausible_event() | ending_event())
@settings(max_examples=80, deadline=None)
def test_folding_is_pure(log: list[Event], event: Event) -> None:
    thread = replay("t", log)
    before = copy(thread)
    once, twice = accepted([*log, event]), accepted([*log, event])
    assert replay("t", once) == replay("t", twice)
    assert thread == before


@pytest.mark.requirement("R1")
@given(log=logs(), cut=st.integers(0, 31))
@settings(max_examples=60, deadline=None)
def test_a_log_may_be_folded_in_any_portions(log: list[Event], cut: int) -> None:
    thread = replay("t", log[:cut])
    for event in log[cut:]:
        thread = reduce(thread, event)
    assert thread == replay("t", log)


@given(log=logs(), end=ending_event(), late=any_event() | plausible_event() | ending_event())
@settings(max_examples=80, deadline=None)
def test_an_ended_thread_accepts_nothing_but_checkpoints_and_being_rewound(
    log: list[Event], end: Event, late: Event
) -> None:
    ended = replay("t", accepted([*log, *ENDS, CANCEL, end, Aborted(problem=PROBLEM)]))
    assert ended.ended
    match late:
        case CheckpointTaken():
            assert reduce(ended, late).ended
        case Rewound(to=to) if to <= ended.version:
            assert reduce(ended, late).waiting_on == "resume"
        case _:
            with pytest.raises(InvalidTransition):
                reduce(ended, late)


@given(log=logs())
@settings(max_examples=80, deadline=None)
def test_status_question_and_intent_fit_together(log: list[Event]) -> None:
    thread = replay("t", log)
    assert thread.asked is None or thread.status == "waiting"
    assert set(thread.effects.keys()) == set(thread.results.keys())
    assert all(1 < known.version <= thread.version for known in thread.effects.values())
    assert all(failures for failures in thread.failures.values())


@pytest.mark.requirement("R1", "R3")
@given(log=logs(), to=st.integers(0, 31))
@settings(max_examples=120, deadline=None)
def test_a_rewind_forgets_later_reads_and_writes_and_keeps_what_is_dangerous(log: list[Event], to: int) -> None:
    before = replay("t", accepted([*log, Settled(key="one", verdict="again", by="probe")]))
    if before.pending is not None or before.family is not None or to > before.version:
        return
    after = reduce(before, Rewound(to=to, checkpoint="c"))
    for key, known in before.effects.items():
        stays = known.version <= to or known.risk == "danger"
        assert after.effects.get(key) == (known if stays else None)
        assert (key in after.results) is stays
        assert not stays or after.results[key] == before.results[key]
    assert all(failure.version <= to for failures in after.failures.values() for failure in failures)
    assert (after.generation, after.version) == (before.generation + 1, before.version + 1)
    assert (after.status, after.asked) == ("waiting", None)
    assert not after.approvals and not after.denials
