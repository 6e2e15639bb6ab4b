"""Events survive the way into a row and back, exactly, or are refused before anything is acknowledged."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from state.artifacts import Artifact, artifact_of
from state.events import BudgetExtended, Event, Question, Resolved
from state.fold import replay
from state.problem import ProblemError
from state.rows import Damaged, decode, decode_all, encode, indexed, named
from state.spending import Budget
from tests.state.logs import KINDS, any_event, logs
from tests.state.places import asked, launched, writing


@pytest.mark.requirement("R1", "F5")
@given(event=any_event())
@settings(max_examples=200, deadline=None)
def test_every_event_comes_back_as_it_went_in(event: Event) -> None:
    back = decode(*encode(event))
    assert back == event
    assert back.model_dump_json() == event.model_dump_json()


@given(event=any_event())
@settings(max_examples=60, deadline=None)
def test_a_row_holds_plain_json_without_what_its_columns_say(event: Event) -> None:
    kind, key, data = encode(event)
    fields = json.loads(data)
    assert (kind, key) == (event.kind, getattr(event, "key", None))
    assert not {"kind", "key"} & set(fields)


@pytest.mark.requirement("R1")
@given(log=logs())
@settings(max_examples=60, deadline=None)
def test_a_stored_log_folds_to_the_thread_that_was_written(log: list[Event]) -> None:
    thread, again = replay("t", log), replay("t", [decode(*encode(event)) for event in log])
    assert again == thread
    assert (indexed(again), named(again)) == (indexed(thread), named(thread))


def test_the_properties_make_up_every_kind_of_event() -> None:
    assert {kind.__name__ for kind in KINDS} >= {"Launched", "Started", "Rewound", "Aborted"}
    assert len(KINDS) == len({kind.model_fields["kind"].default for kind in KINDS}) > 14


@pytest.mark.parametrize(
    "value", ["\ud800", ["\udfff"], {"\ud800": 1}, 10**4400], ids=["text", "list", "key", "number"]
)
def test_what_could_not_be_read_back_is_refused(value: Any) -> None:
    with pytest.raises(ProblemError, match="'resolved'") as refusal:
        encode(Resolved(key="one", hash="h", value=value))
    assert refusal.value.problem.kind == "bad_input"
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("depth", [190, 205, 300])
def test_what_is_nested_too_deeply_to_be_read_back_is_refused(depth: int) -> None:
    value: Any = 0
    for _ in range(depth):
        value = [value]
    event = Resolved(key="one", hash="h", value=value)
    if depth == 190:
        assert decode(*encode(event)) == event
    else:
        with pytest.raises(ProblemError):
            encode(event)


def test_a_log_is_read_whole_also_where_one_more_bracket_is_one_too_many() -> None:
    value: Any = 0
    rows: list[tuple[str, str | None, str]] = []
    with pytest.raises(ProblemError):
        for _ in range(300):
            value = [value]
            rows.append(encode(Resolved(key="one", hash="h", value=value)))
    events = decode_all(rows)
    assert len(events) == len(rows) > 190
    assert events[-1] == decode(*rows[-1])


@pytest.mark.parametrize("data", ["{", "[]", '{"hash":"h"}', '{"hash":"h","value":1},{"kind":"resumed"}', ""])
def test_the_first_damaged_row_of_a_log_is_named_by_its_place(data: str) -> None:
    good = encode(Resolved(key="one", hash="h", value=1))
    with pytest.raises(Damaged) as damage:
        decode_all([good, ("resolved", "two", data), good, ("resolved", "three", data)])
    assert damage.value.place == 1


@pytest.mark.parametrize("endless", [float("inf"), float("-inf"), float("nan")])
def test_numbers_that_json_does_not_have_are_refused_where_they_would_count(endless: float) -> None:
    makers = (lambda: Budget(seconds=endless), lambda: BudgetExtended(seconds=endless), lambda: launched_at(endless))
    for make in makers:
        with pytest.raises(ValidationError):
            make()


def launched_at(at: float) -> Event:
    return type(launched()).model_validate({**launched().model_dump(), "at": at})


def test_a_question_is_stored_with_the_name_its_schema_has_outside() -> None:
    question = Question(key="q", kind="decision", answer_by="anyone", text="?", schema={"type": "string"})
    event = asked("q", "decision").model_copy(update={"question": question})
    assert json.loads(encode(event)[2])["question"]["schema"] == {"type": "string"}
    assert decode(*encode(event)) == event


@pytest.mark.parametrize(
    ("issue", "column"),
    [("7", "7"), ("issues/007.md", "issues/007.md"), ("# Title\ntext", None), ("x" * 200, None), (7, None)],
)
def test_an_issue_is_found_again_by_its_name_and_never_by_its_text(issue: Any, column: str | None) -> None:
    thread = replay("t", [launched(task={"issue": issue}, workspace=(writing("key"),))])
    assert column in named(thread) and named(thread)[-2] == column
    assert "shop" in named(thread)


def test_an_artifact_stands_for_a_result_that_was_too_large() -> None:
    artifact = Artifact(digest="0" * 64, size=9, preview="…")
    assert artifact_of({"$artifact": artifact.model_dump()}) == artifact
    assert artifact_of({"artifact": 1}) is None
    assert artifact_of("text") is None
