"""A log in words: every kind of event has a line, long texts are cut, nothing breaks the page."""

from typing import Any, get_args

import pytest

from mcp_server.timeline import LONGEST_LINE, LONGEST_TEXT, entry, iso, markdown, says
from state.events import (
    Aborted,
    Answered,
    Asked,
    BudgetExtended,
    Cancelled,
    CancelRequested,
    CheckpointTaken,
    ChildEnded,
    Compacted,
    Denied,
    Event,
    Failed,
    Finished,
    Interrupted,
    Launched,
    Question,
    RepositoryRef,
    Resolved,
    Resumed,
    Rewound,
    Settled,
    Spawned,
    Started,
)
from state.fold import replay
from state.offspring import ChildRef
from state.problem import Problem
from state.store import Record

SHOP = RepositoryRef(name="shop", root="/src/shop", mode="write", branch="main")
TROUBLE = Problem(kind="limit", message="Too much.", hint="Ask for less.")
ASKED = Question(key="k", kind="question", answer_by="anyone", text="Which | one?")
ONE, TWO = ChildRef(key="a", thread="t1", agent="fixer"), ChildRef(key="b", thread="t2", agent="tester")
LAUNCHED = Launched(agent="fixer", session="s", task={"issue": "7"}, at=0.0, workspace=(SHOP,))
LINES: list[tuple[Event, str]] = [
    (LAUNCHED, 'fixer launched in shop on main: {"issue": "7"}'),
    (Launched(agent="fixer", session="s", task={}, at=0.0), "fixer launched in no repository: {}"),
    (Started(key="e", hash="h", risk="write", tool="edit_file", args={}), "e: edit_file begins"),
    (Resolved(key="e", hash="h", value={"summary": "Two lines."}, seconds=1.25), "e: Two lines. (1.2 s)"),
    (Resolved(key="e", hash="h", value="plain"), "e: plain (0.0 s)"),
    (
        Resolved(key="e", hash="h", value={"edits": [{"path": "a.py"}], "ambiguous": [{}, {}]}),
        "e: 2 of the texts in more than one place (0.0 s)",
    ),
    (Resolved(key="e", hash="h", value={"edits": [], "missing": [{}]}), "e: 1 of the texts not found (0.0 s)"),
    (Resolved(key="e", hash="h", value={"edits": [], "already": [0]}), "e: all of it stands there already (0.0 s)"),
    (Resolved(key="e", hash="h", value={"edits": [{"path": "a.py"}], "already": [1]}), "e: a.py (0.0 s)"),
    (
        Resolved(key="e", hash="h", value={"$artifact": {"digest": "d", "size": 99, "preview": "x"}}),
        "e: 99 bytes, kept beside the log (0.0 s)",
    ),
    (Resolved(key="e", hash="h", value={"edits": [{"path": "a.py"}, 7]}), "e: a.py (0.0 s)"),
    (
        Resolved(key="e", hash="h", value={"files": [{"path": "a.py", "text": "x = 1"}, {"path": "b.py"}]}),
        "e: a.py, b.py (0.0 s)",
    ),
    (Resolved(key="e", hash="h", value={"files": [], "absent": ["a.py"]}), "e: not there: a.py (0.0 s)"),
    (Resolved(key="e", hash="h", value=[{"file": "a.py"}, {"file": "a.py"}]), "e: a.py (0.0 s)"),
    (Resolved(key="e", hash="h", value={"path": "a.py", "lines": ""}), "e: a.py (0.0 s)"),
    (Resolved(key="e", hash="h", value={"path": "a.py", "text": "x = 1"}), "e: a.py (0.0 s)"),
    (Resolved(key="e", hash="h", value={"wrong": "It adds.", "files": ["a.py"]}), "e: It adds. (0.0 s)"),
    (Resolved(key="e", hash="h", value={"level": "simple", "rules": []}), "e: simple (0.0 s)"),
    (Resolved(key="e", hash="h", value={"compared": "a with b", "files": 1}), "e: a with b (0.0 s)"),
    (Resolved(key="e", hash="h", value={"repo": "shop", "found": {"a": 2, "b": 0}}), "e: shop: a 2 (0.0 s)"),
    (Resolved(key="e", hash="h", value={"repo": "shop", "found": {}}), "e: shop: nothing found (0.0 s)"),
    (Resolved(key="e", hash="h", value={"runs": 1, "findings": []}), "e: 1 earlier review (0.0 s)"),
    (Resolved(key="e", hash="h", value={"findings": []}), "e: no findings (0.0 s)"),
    (Resolved(key="e", hash="h", value={"searches": [{}]}), "e: 1 thing to search for (0.0 s)"),
    (Resolved(key="e", hash="h", value={"claims": [{}, {}]}), "e: 2 statements (0.0 s)"),
    (Resolved(key="e", hash="h", value={"hits": []}), "e: no lines (0.0 s)"),
    (Resolved(key="e", hash="h", value={"paths": ["a.py", "b.py"], "total": 2}), "e: 2 files (0.0 s)"),
    (Resolved(key="e", hash="h", value={"b": [1], "a": {}}), 'e: {"b": [1], "a": {}} (0.0 s)'),
    (Finished(output={"answer": "It is red."}, outcome="done"), "finished, done: It is red."),
    (Resolved(key="e", hash="h", value=[{"path": "a.py", "doubt": ""}, {"path": "b.py"}]), "e: a.py, b.py (0.0 s)"),
    (Resolved(key="e", hash="h", value=[1]), "e: [1] (0.0 s)"),
    (Resolved(key="e", hash="h", value={"edits": [7, {"path": 7}]}), 'e: {"edits": [7, {"path": 7}]} (0.0 s)'),
    (Failed(key="e", hash="h", problem=TROUBLE), "e failed: Too much. Ask for less."),
    (Settled(key="e", verdict="again", by="probe"), "e was cut off and is tried again (probe)"),
    (Settled(key="e", verdict="happened", by="person"), "e was cut off, and had happened (person)"),
    (Asked(key="k", question=ASKED, topic="agent"), "k asked of anyone: Which | one?"),
    (Answered(key="k", answer="this", channel="mcp", client="host 1"), "k answered over mcp host 1: this"),
    (Answered(key="k", answer={"a": 1}, channel="mcp"), 'k answered over mcp : {"a": 1}'),
    (Denied(key="k", reason="A person denied it.", channel="terminal"), "k denied. A person denied it."),
    (BudgetExtended(steps=25, seconds=60), "budget extended by 25 steps, 60 s"),
    (Compacted(through=9, before=8000, after=3000), "steps up to 9 are told shorter: 8000 tokens became 3000"),
    (CancelRequested(channel="mcp", reason="enough"), "cancel asked for over mcp. enough"),
    (Cancelled(note="edit_file was cut off."), "cancelled. edit_file was cut off."),
    (Interrupted(problem=TROUBLE), "interrupted: Too much. Ask for less."),
    (Resumed(), "taken up again"),
    (Spawned(key="c", hash="h", children=(ONE, TWO)), "c: started fixer as thread t1, tester as thread t2"),
    (
        ChildEnded(key="c", thread="t1", status="completed", outcome="fixed", output={"summary": "Fixed it."}),
        "c: thread t1 ended, fixed: Fixed it.",
    ),
    (ChildEnded(key="c", thread="t2", status="failed", problem=TROUBLE), "c: thread t2 ended, failed: Too much."),
    (ChildEnded(key="c", thread="t2", status="cancelled"), "c: thread t2 ended, cancelled"),
    (CheckpointTaken(label="by hand", trees={"shop": "c0"}), "checkpoint, by hand: shop"),
    (Rewound(to=3, checkpoint="c"), "rewound to version 3 (checkpoint c)"),
    (
        Rewound(to=3, checkpoint="c", overwrote={"shop": ["a.py"]}, channel="terminal"),
        "rewound to version 3 (checkpoint c), over edits of a.py as told over terminal",
    ),
    (Finished(output={"summary": "Fixed it."}, outcome="fixed"), "finished, fixed: Fixed it."),
    (Aborted(problem=TROUBLE), "ended, failed: Too much. Ask for less."),
]


@pytest.mark.parametrize(("event", "line"), LINES)
def test_every_event_is_told_in_one_line(event: Event, line: str) -> None:
    assert says(event).startswith(line)


def test_the_lines_cover_every_kind_of_event() -> None:
    kinds: set[Any] = set(get_args(get_args(Event)[0]))
    assert {type(event) for event, _ in LINES} == kinds


def test_a_line_is_one_short_line_without_tricks() -> None:
    line = says(Resolved(key="e", hash="h", value="a\n\x1b[31m" + "b" * 1000))
    assert len(line) == LONGEST_LINE and line.startswith("e: a \\u{1b}[31mbbb") and line.endswith("…")


def test_an_entry_has_the_data_with_long_texts_cut_wherever_they_are() -> None:
    long = "x" * (LONGEST_TEXT + 1)
    event = Resolved(key="e", hash="h", value={"deep": [long, {"text": long}], "short": "s"})
    told = entry(Record(3, 0.5, event))
    assert (told["version"], told["at"], told["kind"]) == (3, "1970-01-01T00:00:00.500Z", "resolved")
    cut = f"{'x' * LONGEST_TEXT}… ({LONGEST_TEXT + 1} characters)"
    assert told["data"]["value"] == {"deep": [cut, {"text": cut}], "short": "s"}
    assert "data" not in entry(Record(4, 0.5, Resumed()))


def test_a_page_has_a_row_for_each_event_and_the_open_question() -> None:
    events: list[Event] = [LAUNCHED, Asked(key="k", question=ASKED, topic="agent")]
    page = markdown(replay("feed", events), "waiting", [Record(n, 0.0, e) for n, e in enumerate(events, 1)])
    assert page.startswith("# fixer in shop (write)\n\nThread `feed`, session `s`: **waiting**\n")
    assert f"| 2 | {iso(0)} | asked | k asked of anyone: Which \\| one? |" in page
    assert "**Waits for an answer to `k`:** Which | one?" in page


def test_a_page_of_an_ended_thread_says_its_outcome_and_asks_nothing() -> None:
    page = markdown(replay("feed", [LAUNCHED, Finished(output={}, outcome="fixed")]), "completed", [])
    assert "**completed**, fixed" in page and "Waits" not in page
