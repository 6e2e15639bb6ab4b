"""Events and logs that hypothesis makes up: every kind with every field, and logs that contradict nothing."""

from collections.abc import Iterable
from functools import partial
from operator import ge, le
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from state.events import (
    Aborted,
    Answered,
    BudgetExtended,
    Cancelled,
    CancelRequested,
    CheckpointTaken,
    ChildEnded,
    Denied,
    Event,
    Failed,
    Finished,
    Interrupted,
    Resolved,
    Resumed,
    Rewound,
    Settled,
    Spawned,
    Started,
)
from state.fold import InvalidTransition, reduce
from state.offspring import ChildRef
from state.problem import Problem
from state.steps import Outcome
from state.thread import Thread
from tests.state.places import asked, launched

KINDS: tuple[type[BaseModel], ...] = get_args(get_args(Event)[0])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(("one", "two"))
HASHES = st.sampled_from(("h1", "h2"))
SECONDS = st.sampled_from((0.0, 0.5, 3.0))
CHILDREN = tuple(ChildRef(key=key, thread=key, agent="painter") for key in ("one", "two"))
ENDS = [ChildEnded(key=key, thread=name, status="failed") for key in ("one", "two") for name in ("one", "two")]
"""The ends of all children that a log may have."""
PROBLEM = Problem(kind="limit", message="It was too much.", hint="Take less.")


def any_event() -> SearchStrategy[Any]:
    """Return a strategy for events of every kind with anything their fields may hold."""
    return st.one_of([_model(kind) for kind in KINDS])


def plausible_event() -> SearchStrategy[Event]:
    """Return a strategy for events over two keys, which follow one another often enough."""
    topics = st.sampled_from(("agent", "approval", "failures", "cut_off", "budget", "decision"))
    return st.one_of(
        st.builds(Started, key=KEYS, hash=HASHES, risk=_risks(), tool=st.just("paint"), args=st.just({})),
        st.builds(Resolved, key=KEYS, hash=HASHES, value=JSON, seconds=SECONDS),
        st.builds(Resolved, key=KEYS, value=JSON, seconds=SECONDS, tool=st.just("look"), args=st.just({})),
        st.builds(Failed, key=KEYS, hash=HASHES, problem=st.just(PROBLEM), seconds=SECONDS),
        st.builds(Settled, key=KEYS, verdict=st.sampled_from(("happened", "again")), by=st.just("probe"), value=JSON),
        st.builds(asked, KEYS, topics, about=KEYS, binding=HASHES),
        st.builds(Answered, key=KEYS, answer=st.sampled_from(("yes", 4)), channel=st.just("cli")),
        st.builds(Denied, key=KEYS, reason=st.just("no"), channel=st.just("cli")),
        st.builds(BudgetExtended, steps=st.integers(0, 9), seconds=SECONDS),
        st.builds(Spawned, key=KEYS, hash=HASHES, children=st.just(CHILDREN)),
        st.builds(ChildEnded, key=KEYS, thread=KEYS, status=st.sampled_from(("completed", "cancelled")), output=JSON),
        st.builds(Rewound, to=st.integers(0, 12), checkpoint=st.just("c")),
        st.builds(CheckpointTaken, label=st.just("by hand"), trees=st.sampled_from(({}, {"shop": "c0"}))),
        st.sampled_from((Interrupted(problem=PROBLEM), Resumed(), CancelRequested(channel="cli"), launched())),
    )


def ending_event() -> SearchStrategy[Event]:
    return st.one_of(
        st.builds(Finished, output=JSON, outcome=st.sampled_from(get_args(Outcome))),
        st.builds(Aborted, problem=st.just(PROBLEM), outcome=st.sampled_from(("failed", "denied"))),
        st.just(Cancelled()),
    )


def logs() -> SearchStrategy[list[Event]]:
    """Return a strategy for logs that contradict nothing: what could not follow was refused when it came."""
    return st.lists(plausible_event(), max_size=30).map(lambda events: accepted([launched(), *events]))


def accepted(events: Iterable[Event]) -> list[Event]:
    thread, kept = Thread(id="t"), list[Event]()
    for event in events:
        try:
            thread = reduce(thread, event)
        except InvalidTransition:
            continue
        kept.append(event)
    return kept


def _risks() -> SearchStrategy[Any]:
    return st.sampled_from(("read", "write", "danger"))


def _model(kind: type[BaseModel]) -> SearchStrategy[Any]:
    """Build a model from its fields; those with a default are left out now and then."""
    fields = {name: _field(field) for name, field in kind.model_fields.items() if field.is_required()}
    rest = {name: _field(field) for name, field in kind.model_fields.items() if not field.is_required()}
    return st.fixed_dictionaries(fields, optional=rest).map(lambda values: kind(**values))


def _field(field: FieldInfo) -> SearchStrategy[Any]:
    found = _value(field.annotation)
    for bound in field.metadata:
        match bound:
            case Ge(ge=least):
                found = found.filter(partial(le, least))
            case Le(le=most):
                found = found.filter(partial(ge, most))
            case _:
                raise AssertionError(bound)
    return found


def _value(annotation: Any) -> SearchStrategy[Any]:
    arguments = get_args(annotation)
    match get_origin(annotation) or annotation:
        case origin if origin is Literal:
            return st.sampled_from(arguments)
        case origin if origin in (Union, UnionType):
            return st.one_of([_value(each) for each in arguments])
        case origin if origin is tuple:
            if arguments[-1] is not Ellipsis:
                return st.tuples(*map(_value, arguments))
            return st.lists(_value(arguments[0]), max_size=2).map(tuple)
        case origin if origin is dict:
            return st.dictionaries(st.text(max_size=8), _value(arguments[1]), max_size=3)
        case origin if origin is float:
            return st.floats(allow_nan=False, allow_infinity=False)
        case origin if origin is Any:
            return JSON
        case type() as origin if issubclass(origin, BaseModel):
            return _model(origin)
        case origin:
            return st.from_type(origin)
