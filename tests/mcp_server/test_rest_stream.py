"""The stream of a thread's events: from any version on, whoever writes them, until the thread ends."""

import json
import subprocess
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.conftest import repository
from tests.mcp_server.http_server import served
from tests.mcp_server.process import FACTOR12, TOYS, measured
from tests.mcp_server.rest_client import Rest, resting


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return repository(tmp_path / "src/shop", {"README": "A shop."})


@pytest.fixture
def rest(home: Path) -> Generator[Rest]:
    with resting(home) as client:
        yield client


def events(rest: Rest, thread_id: str, last: str = "") -> Iterator[dict[str, Any]]:
    """Yield the events of a stream as they come."""
    headers = {"Last-Event-ID": last} if last else {}
    with (
        httpx.Client(trust_env=False, timeout=20) as client,
        client.stream("GET", f"{rest.url}/agents/{thread_id}/events", headers=headers) as stream,
    ):
        assert stream.status_code == 200 and stream.headers["content-type"].startswith("text/event-stream")
        fields = dict[str, str]()
        for line in stream.iter_lines():
            name, _, value = line.partition(": ")
            if line and name:
                fields[name] = value
            elif fields.get("event"):
                yield {**fields, "data": json.loads(fields["data"])}
                fields = {}


def test_a_stream_replays_then_follows_and_ends_with_the_thread(rest: Rest) -> None:
    asked = rest.errand("ask")
    seen = list[dict[str, Any]]()
    for event in events(rest, asked["thread_id"]):
        seen.append(event)
        if event["event"] == "asked":
            rest.post(f"/agents/{asked['thread_id']}/resume", {"human_response": "red"})
    assert [one["event"] for one in seen][:2] == ["launched", "asked"] and seen[-1]["event"] == "end"
    assert [one["id"] for one in seen[:-1]] == [str(number) for number in range(1, len(seen))]
    assert "id" not in seen[-1] and seen[-1]["data"]["status"] == "completed"


def test_a_stream_goes_on_after_the_last_event_that_its_client_saw(rest: Rest) -> None:
    ended = rest.errand("peek README")
    whole, rest_of_it = ([*events(rest, ended["thread_id"], last)] for last in ("", "2"))
    assert rest_of_it == whole[2:]
    last = str(ended["version"])
    assert [one["event"] for one in events(rest, ended["thread_id"], last)] == ["end"]
    for beyond in (str(ended["version"] + 1), "9" * 40):
        headers = {"Last-Event-ID": beyond}
        assert rest.refused(409, "GET", f"/agents/{ended['thread_id']}/events", headers=headers)["kind"] == "conflict"


def test_what_another_process_does_is_seen(home: Path, rest: Rest) -> None:
    asked = rest.errand("ask")
    seen = list[dict[str, Any]]()
    for event in events(rest, asked["thread_id"]):
        seen.append(event)
        if event["event"] == "asked":
            command = [*FACTOR12, "threads", "cancel", asked["thread_id"]]
            known = measured(home.parent / "state")
            assert subprocess.run(command, cwd=home, env=known, capture_output=True, timeout=30).returncode == 0
    assert seen[-1]["event"] == "end" and seen[-1]["data"]["status"] == "cancelled"


def test_a_stream_ends_without_an_end_when_the_process_does(home: Path) -> None:
    with served(home, command=TOYS) as (process, url):
        rest = Rest(url)
        asked, seen = rest.errand("ask"), list[str]()
        for event in events(rest, asked["thread_id"]):
            seen.append(event["event"])
            if event["event"] == "asked":
                process.terminate()
        assert process.wait(5) == 0
    assert seen == ["launched", "asked"]
