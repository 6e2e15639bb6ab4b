"""The identity of an effect says what is done, with what, and nothing else."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state.identity import identity
from tests.state.logs import JSON

ARGS = st.dictionaries(st.text(max_size=8), JSON, max_size=4)


@pytest.mark.requirement("R3")
@given(args=ARGS)
@settings(max_examples=100)
def test_an_identity_survives_the_log_and_the_order_of_arguments(args: dict[str, object]) -> None:
    again = json.loads(json.dumps(dict(reversed(args.items()))))
    assert identity("tool", again) == identity("tool", args)
    assert len(identity("tool", args)) == 16


@pytest.mark.requirement("R3")
@pytest.mark.parametrize(
    ("what", "args"),
    [("tool2", {"a": 1}), ("tool", {"a": "1"}), ("tool", {"b": 1}), ("tool", {"a": 1, "b": None}), ("tool", {})],
)
def test_another_tool_or_another_argument_is_another_effect(what: str, args: dict[str, object]) -> None:
    assert identity(what, args) != identity("tool", {"a": 1})


@pytest.mark.parametrize("text", ["é", "\u2028", "\udcff", "\x00"])
def test_any_text_can_be_part_of_an_effect(text: str) -> None:
    assert identity(text, {text: text}) != identity("", {})
