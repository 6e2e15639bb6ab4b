"""The text beside a structured result says all that the result says, in a form that reads well."""

from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_server.plain import text

NAMES = st.text("xyz", min_size=1, max_size=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab \n", max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("xyz", min_size=1, max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


def test_a_thread_reads_as_a_headline_its_ids_and_an_indented_list() -> None:
    fields: dict[str, Any] = {
        "thread_id": "feed",
        "session": "default",
        "agent": "fixer",
        "status": "completed",
        "outcome": "fixed",
        "output": {
            "summary": "Two lines\nof text.",
            "files": [{"path": "a.py", "lines": [1, 2]}, {"path": "b.py", "notes": []}],
            "undone": False,
            "deep": [[1], {}],
        },
        "version": 7,
        "next": "Show it.",
    }
    assert (
        text(fields)
        == """\
fixer: completed (fixed)
thread_id: feed
session: default
version: 7
output:
  summary:
    Two lines
    of text.
  files:
    - path: a.py
      lines:
        - 1
        - 2
    - path: b.py
      notes: none
  undone: false
  deep:
    -
      - 1
    - none
next: Show it."""
    )


def test_a_thread_without_an_outcome_and_a_result_without_a_thread_have_their_own_headlines() -> None:
    assert text({"agent": "fixer", "status": "running"}) == "fixer: running"
    assert text({"status": "ok", "next": "Go on."}) == "status: ok\nnext: Go on."
    assert text({"error": {"kind": "busy", "message": "No."}}) == "error:\n  kind: busy\n  message: No."


def _leaves(value: Any) -> list[str]:
    match value:
        case dict():
            fields = cast(dict[str, Any], value)
            return [leaf for name, inner in fields.items() for leaf in (name, *_leaves(inner))]
        case list():
            return [leaf for inner in cast(list[Any], value) for leaf in _leaves(inner)]
        case None | bool():
            return [{None: "null", True: "true", False: "false"}[value]]
        case _:
            return [str(value)]


@given(st.dictionaries(NAMES, JSON, max_size=4))
@settings(max_examples=150, deadline=None)
def test_every_name_and_every_value_stands_in_the_text(fields: dict[str, Any]) -> None:
    shown = " ".join(text(fields).split())
    for leaf in _leaves(fields):
        assert " ".join(leaf.split()) in shown
