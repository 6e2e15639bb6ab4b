"""Logs that released versions wrote mean the same to this one: rows as they stand in a database, and exports."""

import json
from pathlib import Path
from typing import Any, cast

import pytest

from state.fold import replay
from state.rows import decode
from state.transfer import import_thread
from tests.state.golden_logs import LOGS, record, summary
from tests.state.logs import KINDS
from tests.state.places import SqlitePlace

GOLDEN = sorted(Path(__file__).with_name("golden").glob("*/*.thread.json"))
IDS = [f"{path.parent.name}/{path.name.partition('.')[0]}" for path in GOLDEN]


def lines(path: Path, suffix: str) -> list[str]:
    return path.with_name(path.name.replace(".thread.json", suffix)).read_text(encoding="utf-8").splitlines()


def still_said(now: Any, then: Any) -> bool:
    """Whether all that was said then is said now; what this version adds, that one could not say."""
    if isinstance(now, dict) and isinstance(then, dict):
        known, known_then = cast(dict[str, Any], now), cast(dict[str, Any], then)
        return all(name in known and still_said(known[name], value) for name, value in known_then.items())
    return now == then or json.loads(json.dumps(now)) == then


@pytest.mark.requirement("R1")
@pytest.mark.parametrize("golden", GOLDEN, ids=IDS)
def test_rows_of_a_released_version_mean_what_they_meant(golden: Path) -> None:
    events = [decode(*json.loads(line)) for line in lines(golden, ".rows.jsonl")]
    assert still_said(summary(replay("t", events)), json.loads(golden.read_text(encoding="utf-8")))


@pytest.mark.requirement("R1")
@pytest.mark.parametrize("golden", GOLDEN, ids=IDS)
def test_an_export_of_a_released_version_arrives_as_its_rows_say(golden: Path, tmp_path: Path) -> None:
    """Rows leave out what is default and exports write it out: a default that was changed would tell them apart."""
    store = SqlitePlace(tmp_path).open()
    thread_id = import_thread(store, lines(golden, ".jsonl"), 9.0)
    stored = [decode(*json.loads(line)) for line in lines(golden, ".rows.jsonl")]
    assert [record.event for record in store.read(thread_id)] == stored


def test_the_logs_that_a_release_records_hold_every_kind_of_event() -> None:
    kinds = {event.kind for events in LOGS.values() for event in events}
    assert kinds == {kind.model_fields["kind"].default for kind in KINDS}


def test_a_release_records_what_its_own_tests_accept(tmp_path: Path) -> None:
    for name, events in LOGS.items():
        record(name, events, tmp_path)
        golden = tmp_path / f"{name}.thread.json"
        test_rows_of_a_released_version_mean_what_they_meant(golden)
    assert len(list(tmp_path.iterdir())) == 3 * len(LOGS)
