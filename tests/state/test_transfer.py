"""A thread travels as JSON lines and arrives whole, checked, and driven by nobody; or not at all."""

import json
from collections.abc import Callable
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import given, settings

from state.artifacts import Artifact
from state.events import Answered, CancelRequested, Event, Finished, Resolved, Started
from state.log import SqliteStore
from state.problem import ProblemError
from state.store import Lease, Search, UnknownThread
from state.thread import Thread
from state.transfer import LARGEST, export_thread, import_thread
from state.upkeep import drift, integrity
from tests.state.logs import ENDS, KINDS, accepted, logs
from tests.state.places import LEASE_S, THREAD, Clock, SqlitePlace, asked, launched, writing

DONE = Finished(output={"text": "é\u2028\x00"}, outcome="fixed")
START = Started(key="one", hash="h", risk="write", tool="paint", args={})
Lines = list[str]


@pytest.fixture
def here(tmp_path: Path) -> SqliteStore:
    return at(tmp_path / "here")


@pytest.fixture
def there(tmp_path: Path) -> SqliteStore:
    return at(tmp_path / "there")


def at(folder: Path) -> SqliteStore:
    folder.mkdir()
    return SqlitePlace(folder, Clock()).open()


def write(store: SqliteStore, *events: Event, **fields: Any) -> Thread:
    """Create a thread with these events; its lease is still held."""
    thread = store.create(THREAD, launched(**fields)).thread
    lease = store.claim(THREAD)
    assert isinstance(lease, Lease)
    return store.append(lease, thread, *events)


def exported(store: SqliteStore) -> Lines:
    return list(export_thread(store, THREAD))


def refusal(store: SqliteStore, lines: Lines) -> ProblemError:
    """Return why the lines are refused; nothing of them may stay."""
    before = (store.list(Search()), store.database.rows("select count(*) from events"))
    with pytest.raises(ProblemError) as refused:
        import_thread(store, lines, 9.0)
    assert (store.list(Search()), store.database.rows("select count(*) from events")) == before
    assert "\n" not in str(refused.value)
    return refused.value


# Travelling


@pytest.mark.requirement("R1")
def test_an_ended_thread_arrives_as_it_was(here: SqliteStore, there: SqliteStore) -> None:
    artifact = Artifact(digest=here.put(b"\x00\xff" * 9000), size=18000, preview="…")
    result = Resolved(key="one", value={"$artifact": artifact.model_dump()}, tool="look", args={})
    thread = write(here, result, DONE)
    assert import_thread(there, exported(here), 9.0) == THREAD
    assert there.load(THREAD) == thread
    assert there.read(THREAD) == here.read(THREAD)
    assert there.get(artifact.digest) == b"\x00\xff" * 9000
    assert exported(there) == exported(here)
    assert (integrity(there.database), drift(there.database)) == ([], [])


@pytest.mark.requirement("R1", "F5")
@given(log=logs())
@settings(max_examples=25, deadline=None)
def test_any_log_arrives_with_what_it_means(log: list[Event]) -> None:
    folder = Path(mkdtemp())
    try:
        here, there = at(folder / "here"), at(folder / "there")
        thread = write(here, *accepted([*log, *ENDS])[1:])
        import_thread(there, exported(here), 9.0)
        arrived = there.load(THREAD)
        assert arrived.effects == thread.effects and arrived.results == thread.results
        assert arrived.version == thread.version + (thread.status == "running")
        assert drift(there.database) == []
        here.database.close()
        there.database.close()
    finally:
        rmtree(folder)


@pytest.mark.requirement("R6", "R21")
def test_a_running_thread_arrives_interrupted_and_nobody_drives_it_unasked(
    here: SqliteStore, there: SqliteStore
) -> None:
    write(here, START)
    assert here.driven(THREAD)
    import_thread(there, exported(here), 9.0)
    thread = there.load(THREAD)
    assert (thread.status, thread.pending) == ("running", START)
    assert thread.trouble is not None and "imported" in thread.trouble.message
    assert not there.driven(THREAD)
    assert there.due(since=0.0) == []
    assert [row.status for row in there.list(Search())] == ["interrupted"]
    assert isinstance(there.claim(THREAD), Lease), "whoever is asked to may drive it"


@pytest.mark.requirement("F6", "F11")
def test_a_waiting_thread_can_be_answered_where_it_arrived(here: SqliteStore, there: SqliteStore) -> None:
    waiting = write(here, asked("q"))
    import_thread(there, exported(here), 9.0)
    assert there.load(THREAD) == waiting
    assert there.signal(waiting, Answered(key="q", answer="yes", channel="cli")).status == "running"


def test_importing_the_same_log_or_an_earlier_state_of_it_changes_nothing(
    here: SqliteStore, there: SqliteStore
) -> None:
    waiting = write(here, asked("q"))
    early = exported(here)
    assert import_thread(here, early, 9.0) == THREAD
    assert here.load(THREAD) == waiting
    import_thread(there, early, 9.0)
    there.signal(waiting, CancelRequested(channel="cli"))
    assert import_thread(there, early, 9.0) == THREAD
    assert there.load(THREAD).version == waiting.version + 1


def test_a_running_thread_may_be_imported_twice(here: SqliteStore, there: SqliteStore) -> None:
    write(here, START)
    for _ in range(2):
        import_thread(there, exported(here), 9.0)
    assert there.load(THREAD).version == 3


def test_another_log_under_the_same_id_is_a_conflict(here: SqliteStore, there: SqliteStore) -> None:
    write(here, asked("q"))
    mine = write(there, asked("p"))
    assert refusal(there, exported(here)).problem.kind == "conflict"
    assert there.load(THREAD) == mine


def test_a_log_that_went_on_elsewhere_is_a_conflict_and_not_merged(here: SqliteStore, there: SqliteStore) -> None:
    waiting = write(here, asked("q"))
    import_thread(there, exported(here), 9.0)
    here.signal(waiting, CancelRequested(channel="cli"))
    assert refusal(there, exported(here)).problem.kind == "conflict"


@pytest.mark.requirement("R20")
def test_a_thread_does_not_arrive_in_a_work_tree_that_another_one_writes(here: SqliteStore, there: SqliteStore) -> None:
    write(here, asked("q"), workspace=(writing("tree"),))
    holder = there.create("holder", launched(workspace=(writing("tree"),))).thread
    assert refusal(there, exported(here)).problem.kind == "busy"
    there.signal(holder, DONE)
    import_thread(there, exported(here), 9.0)
    with pytest.raises(ProblemError, match=THREAD):
        there.create("next", launched(workspace=(writing("tree"),)))


def test_an_unknown_thread_cannot_be_exported(here: SqliteStore) -> None:
    with pytest.raises(UnknownThread):
        exported(here)


# Secrets


def hidden(value: Any) -> Any:
    """Replace a secret in JSON data as the process's own cleaning does."""
    return json.loads(json.dumps(value).replace("hunter2", "[REDACTED]"))


@pytest.mark.requirement("R18")
def test_secrets_stay_at_home_and_the_rest_still_arrives(here: SqliteStore, there: SqliteStore) -> None:
    blobs = {name: here.put(data) for name, data in (("secret", b"pass: hunter2"), ("plain", b"\xffplain"))}
    kept = Resolved(key="one", value=blobs, tool="look", args={"password": "hunter2"})
    write(here, kept, DONE)
    lines = list(export_thread(here, THREAD, hidden))
    assert "hunter2" not in "".join(lines) and "aHVudGVyM" not in "".join(lines)
    import_thread(there, lines, 9.0)
    assert there.load(THREAD).effects["one"].args == {"password": "[REDACTED]"}
    assert (there.get(blobs["secret"]), there.get(blobs["plain"])) == (None, b"\xffplain")
    assert here.load(THREAD).effects["one"].args == {"password": "hunter2"}, "the store stays exact"


# Refusing

Change = Callable[[list[dict[str, Any]]], object]


CHANGES: tuple[tuple[Change, str], ...] = (
    (lambda rows: rows[0].update(format=2), "Line 1 of the export: format 2 is newer"),
    (lambda rows: rows[0].update(format="1"), "Line 1 of the export: this is not the header"),
    (lambda rows: rows[0].pop("factor12_thread"), "Line 1"),
    (lambda rows: rows[0].update(factor12_thread="../../etc"), "Line 1"),
    (lambda rows: rows[0].update(factor12_thread=""), "Line 1"),
    (lambda rows: rows.pop(0), "Line 1"),
    (lambda rows: rows.pop(1), "Line 2 of the export: version 1 must come here"),
    (lambda rows: rows.pop(2), "Line 3 of the export: version 2 must come here"),
    (lambda rows: rows.insert(2, rows[2]), "Line 4 of the export: version 3 must come here"),
    (lambda rows: rows[1].update(kind="finished"), "Line 2 of the export: this is no event: finished."),
    (lambda rows: rows[1].update(surprise=1), "surprise"),
    (lambda rows: rows[1].pop("agent"), "agent"),
    (lambda rows: rows[2].update(kind="stranger"), "Line 3 of the export: this is no event"),
    (lambda rows: rows[2].update(recorded_at="now"), "Line 3"),
    (lambda rows: rows[2].update(version="2"), "Line 3"),
    (lambda rows: rows[2].update(tool=None, args=None), "Line 3"),
    (lambda rows: rows[-2].update(blob="0" * 64), "Line 5 of the export: the blob is not"),
    (lambda rows: rows[-2].update(data="!"), "Line 5 of the export: this is not base64"),
    (lambda rows: rows.pop(), "ends before its last line"),
    (lambda rows: rows[-1].update(end={"events": 9, "blobs": 1}), "Line 6"),
    (lambda rows: rows.append(rows[1]), "Line 7 of the export: nothing may follow the end"),
    (lambda rows: rows.insert(1, {}), "Line 2"),
    (lambda rows: rows.clear(), "Line 1"),
    (lambda rows: rows.__setitem__(slice(1, 5), []), "Line 2"),
)


@pytest.mark.parametrize(("change", "line"), CHANGES)
def test_an_export_that_was_changed_is_refused_and_named(
    here: SqliteStore, there: SqliteStore, change: Change, line: str
) -> None:
    kept = Resolved(key="one", value=here.put(b"content"), tool="look", args={})
    write(here, kept, DONE)
    rows = [json.loads(text) for text in exported(here)]
    change(rows)
    problem = refusal(there, [json.dumps(row) for row in rows]).problem
    assert problem.kind == "bad_input"
    assert line in problem.message


def test_an_export_without_events_is_refused(there: SqliteStore) -> None:
    lines = ['{"factor12_thread":"t","format":1}', '{"end":{"events":0,"blobs":0}}']
    assert "no event" in str(refusal(there, lines))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[1]",
        "7",
        '{"version":1,"recorded_at":NaN,"kind":"launched"}',
        '{"version":1,"recorded_at":1e999,"kind":"launched"}',
        '{"blob":"\\ud800","data":""}',
        '{"a":' * 300 + "1" + "}" * 300,
        '{"version":' + "9" * 5000 + "}",
    ],
)
def test_a_line_that_is_no_json_object_is_refused(there: SqliteStore, text: str) -> None:
    problem = refusal(there, ['{"factor12_thread":"t","format":1}', text]).problem
    assert (problem.kind, problem.message.startswith("Line 2")) == ("bad_input", True)


def test_an_export_that_is_too_large_is_refused_before_it_is_parsed(there: SqliteStore) -> None:
    assert refusal(there, [" " * (LARGEST + 1)]).problem.kind == "limit"


@pytest.mark.parametrize("depth", [100, 199])
def test_what_one_log_could_keep_another_can(here: SqliteStore, there: SqliteStore, depth: int) -> None:
    deep: Any = 0
    for _ in range(depth):
        deep = [deep]
    write(here, Resolved(key="one", value=deep, tool="look", args={}), DONE)
    import_thread(there, exported(here), 9.0)
    assert there.load(THREAD) == here.load(THREAD)


def test_no_field_of_an_event_is_taken_for_a_field_of_its_record() -> None:
    assert not {"version", "recorded_at", "blob", "end"} & {name for kind in KINDS for name in kind.model_fields}


def test_a_lease_does_not_travel(here: SqliteStore, there: SqliteStore) -> None:
    write(here, asked("q"))
    assert here.driven(THREAD)
    import_thread(there, exported(here), 9.0 + LEASE_S)
    assert not there.driven(THREAD)
