"""REST: the seeds' calls as they stand, everything a thread can be asked, and every failure with its status."""

import json
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.agents.shop import FIXED, SHOP
from tests.conftest import repository
from tests.mcp_server.http_server import token
from tests.mcp_server.process import FACTOR12, measured
from tests.mcp_server.rest_client import WAIT_S, Rest, resting
from tools.edits import REDACTED

README = {"README": "A shop."}
NOTHING_TO_DO = "# Issue #9: It is slow\n\n## Description\nNobody knows why."


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return repository(tmp_path_factory.mktemp("rest") / "src/shop", README)


@pytest.fixture(scope="module")
def rest(place: Path) -> Generator[Rest]:
    with resting(place) as client:
        yield client


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return repository(tmp_path / "src/shop", SHOP)


def typed(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Type a command beside the server."""
    known = measured(home.parent / "state")
    return subprocess.run([*FACTOR12, *words], cwd=home, env=known, capture_output=True, text=True, timeout=30)


@pytest.mark.requirement("F6", "F11")
def test_what_the_agents_document_calls_does_what_it_says(shop: Path) -> None:
    with resting(shop, toys=False) as rest:
        wish = {
            "message": "Deploy api-backend v1.2.3 to production",
            "agent_type": "deployment",
            "user_id": "user123",
        }
        error = rest.refused(404, "POST", "/agents/start", json=wish)
        assert "'deployment'" in error["message"] and "issue_fixer" in error["hint"]
        begun = rest.post("/agents/start", {"message": "123", "agent_type": "issue_fixer", "user_id": "user123"})
        at = f"/agents/{begun['thread_id']}"
        ended = rest.get(f"{at}/status?wait={WAIT_S}")
        assert (ended["status"], ended["outcome"]) == ("completed", "fixed")
        assert (shop / "auth.py").read_text() == FIXED
        assert rest.get("/agents")["threads"][0]["thread_id"] == begun["thread_id"]
        launched = rest.get(f"{at}/history")["events"][0]
        assert launched["kind"] == "launched" and launched["data"]["client"].endswith("for user123")
        assert rest.post(f"{at}/resume", {"human_response": None})["outcome"] == "fixed"


@pytest.mark.requirement("F6", "F12")
def test_a_state_is_launched_polled_and_resumed_and_resuming_a_running_one_is_a_conflict(shop: Path) -> None:
    with resting(shop, toys=False) as rest:
        state = rest.post("/agent/launch", {"input_prompt": "123", "agent": "issue_fixer"})
        error = rest.refused(409, "POST", "/agent/resume", json={"id": state["id"]})
        assert error["kind"] == "busy" and state["id"] in error["message"]
        rest.get(f"/agents/{state['id']}/status?wait={WAIT_S}")
        ended = rest.get(f"/agent/state/{state['id']}")
        assert (ended["status"], ended["outcome"], ended["context"]["task"]) == ("completed", "fixed", {"issue": "123"})
        assert [step["version"] for step in ended["steps"]] == [*range(1, ended["version"] + 1)]
        assert ended["result"]["evidence"]["outcome"] == "fixed"
        assert rest.post("/agent/resume", {"id": state["id"]}) == ended


@pytest.mark.requirement("F1", "F6")
def test_a_prompt_that_names_no_agent_is_a_request_in_plain_words(place: Path) -> None:
    with resting(place, toys=False) as rest:
        state = rest.post("/agent/launch", {"input_prompt": "What is (7 + 3) * 2?"})
        assert state["agent"] == "assistant" and state["context"]["task"] == {"request": "What is (7 + 3) * 2?"}
        at, steps = f"/agents/{state['id']}", [("sum_numbers", [7, 3]), ("multiply_numbers", [10, 2])]
        decisions = [{"do": tool, "args": {"numbers": numbers}} for tool, numbers in steps]
        for turn, step in enumerate([*decisions, {"do": "answer", "answer": {"answer": "20"}}]):
            asked = rest.get(f"{at}/status?wait={WAIT_S}")["question"]
            assert (asked["kind"], asked["key"]) == ("decision", f"turn:{turn}")
            rest.post(f"{at}/answer", {"key": asked["key"], "answer": {"why": "It is next.", "next": step}})
        assert rest.get(f"{at}/status?wait={WAIT_S}")["outcome"] == "done"
        ended = rest.get(f"/agent/state/{state['id']}")
        assert ended["status"] == "completed" and ended["result"] == {"answer": "20"}
        results = [step["data"]["value"] for step in ended["steps"] if step["data"].get("key", "").startswith("call:")]
        assert results == [10, 20]


def test_a_prompt_names_an_agent_that_is_told_in_one_text(shop: Path) -> None:
    with resting(shop, toys=False) as rest:
        state = rest.post("/agent/launch", {"input_prompt": NOTHING_TO_DO, "agent": "issue_fixer"})
        assert rest.get(f"/agents/{state['id']}/status?wait={WAIT_S}")["outcome"] == "no_change"
        error = rest.refused(422, "POST", "/agent/launch", json={"input_prompt": "x", "agent": "testing"})
        assert "not told what to do in one text" in error["message"] and "paths" in error["hint"]
        assert (
            "'nobody'"
            in rest.refused(404, "POST", "/agent/launch", json={"input_prompt": "x", "agent": "nobody"})["message"]
        )


@pytest.mark.requirement("R9")
def test_a_human_response_answers_the_open_question(rest: Rest) -> None:
    asked = rest.errand("ask")
    assert asked["status"] == "waiting" and f"/agents/{asked['thread_id']}/answer" in asked["next"]
    at = f"/agents/{asked['thread_id']}"
    rest.post(f"{at}/resume", {"human_response": "Approved for deployment"})
    ended = rest.get(f"{at}/status?wait={WAIT_S}")
    assert ended["output"]["results"] == {"0:ask": "Approved for deployment"}
    assert rest.refused(409, "POST", f"{at}/resume", json={"human_response": "again"})["kind"] == "conflict"


def test_an_answer_names_its_key(rest: Rest) -> None:
    asked = rest.errand("ask")
    at = f"/agents/{asked['thread_id']}/answer"
    assert rest.refused(404, "POST", at, json={"key": "other", "answer": "red"})["kind"] == "not_found"
    assert rest.refused(422, "POST", at, json={"key": "0:ask", "answer": " "})["kind"] == "bad_input"
    rest.post(at, {"key": "0:ask", "answer": "red"})


@pytest.mark.requirement("R8")
@pytest.mark.parametrize("body", [{"human_response": "red"}, {"human_response": "approve"}])
def test_where_nobody_says_who_they_are_nobody_answers_for_a_person(rest: Rest, body: dict[str, str]) -> None:
    asked = rest.errand("ask person")
    at = f"/agents/{asked['thread_id']}"
    assert "token" in rest.refused(403, "POST", f"{at}/resume", json=body)["hint"]
    assert rest.refused(403, "POST", f"{at}/answer", json={"key": "0:ask", "answer": "red"})["kind"] == "refused"
    assert rest.get(f"{at}/status")["status"] == "waiting"


@pytest.mark.requirement("R8")
def test_a_token_that_may_approve_answers_for_a_person_and_the_log_says_where(tmp_path: Path) -> None:
    home = repository(tmp_path / "src/shop", README)
    runs = token(home, "ada", "read,run")
    approves = token(home, "ada", "read,run,approve")
    with resting(home, secret=runs) as weak:
        asked = weak.errand("send box 1")
        assert asked["question"]["kind"] == "approval"
        at, body = f"/agents/{asked['thread_id']}", {"key": asked["question"]["key"], "answer": "approve"}
        assert "approve" in weak.refused(403, "POST", f"{at}/answer", json=body)["message"]
        strong = Rest(weak.url, approves)
        strong.post(f"{at}/answer", body)
        assert strong.get(f"{at}/status?wait={WAIT_S}")["output"]["results"] == {"0:send": "sent"}
        events = strong.get(f"{at}/history")["events"]
    assert [one["data"]["channel"] for one in events if one["kind"] == "answered"] == ["rest"]


@pytest.mark.requirement("R8")
def test_a_person_can_leave_rest_out(tmp_path: Path) -> None:
    home = repository(tmp_path / "src/shop", README)
    secret = token(home, "ada", "read,run,approve")
    with resting(home, secret=secret, FACTOR12_APPROVAL_CHANNELS="terminal") as rest:
        asked = rest.errand("ask person")
        body = {"key": "0:ask", "answer": "red"}
        error = rest.refused(403, "POST", f"/agents/{asked['thread_id']}/answer", json=body)
    assert "FACTOR12_APPROVAL_CHANNELS" in error["hint"]


def test_the_same_key_finds_the_same_thread(rest: Rest) -> None:
    first = rest.errand("peek README", idempotency_key="one")
    assert rest.errand("peek README", idempotency_key="one")["thread_id"] == first["thread_id"]
    body = {"agent": "errand", "idempotency_key": "one"}
    assert rest.refused(409, "POST", "/agents/start", json=body)["kind"] == "conflict"


def test_a_thread_is_cancelled(rest: Rest) -> None:
    held = rest.post("/agents/start", {"agent": "holder"})
    at = f"/agents/{held['thread_id']}"
    assert rest.refused(409, "POST", f"{at}/resume")["kind"] == "busy"
    assert rest.post(f"{at}/cancel", {"reason": "enough"})["status"] == "cancelled"
    assert rest.post(f"{at}/cancel")["status"] == "cancelled"


def test_a_deleted_thread_is_cancelled_and_hidden_until_gc_forgets_it(tmp_path: Path) -> None:
    home = repository(tmp_path / "src/shop", README)
    with resting(home) as rest:
        kept, gone = rest.errand("peek README"), rest.errand("ask")
        at = f"/agents/{gone['thread_id']}"
        assert rest.delete(at)["status"] == "cancelled"
        assert [one["thread_id"] for one in rest.get("/agents")["threads"]] == [kept["thread_id"]]
        assert rest.get(f"{at}/history")["events"][-1]["kind"] == "cancelled"
        assert rest.delete(at)["hidden"] is True
        done = typed(home, "gc", "--older-than", "30d")
        assert done.returncode == 0 and "Forgot 1 thread" in done.stdout, done.stderr
        assert rest.refused(404, "GET", f"{at}/history")["kind"] == "not_found"
        assert rest.get(f"/agents/{kept['thread_id']}/status")["status"] == "completed"


def test_files_are_held_compared_and_taken_back(tmp_path: Path) -> None:
    home = repository(tmp_path / "src/shop", README)
    with resting(home) as rest:
        ended = rest.errand("add a 2", isolation="in_place")
        at = f"/agents/{ended['thread_id']}/checkpoints"
        first = rest.get(at)["checkpoints"][0]["checkpoint_id"].rpartition("@")[2]
        assert rest.post(at, {"label": "mine"})["checkpoint_id"].startswith(ended["thread_id"])
        shown = rest.get(f"{at}/{first}/diff")
        assert [row["path"] for row in shown["files"]] == ["a"] and "+2" in shown["patch"]
        assert rest.post(f"{at}/{first}/restore")["done"] is False and (home / "a").exists()
        assert rest.post(f"{at}/{first}/restore", {"dry_run": False})["done"] is True
        assert not (home / "a").exists()
        again = rest.post(f"/agents/{ended['thread_id']}/resume")
        assert rest.get(f"/agents/{again['thread_id']}/status?wait={WAIT_S}")["status"] == "completed"
        forked = rest.post(f"/agents/{ended['thread_id']}/fork", {"checkpoint_id": f"{ended['thread_id']}@{first}"})
        assert rest.get(f"/agents/{forked['thread_id']}/status?wait={WAIT_S}")["worktree"]["checkout"] == str(home)
        assert rest.refused(404, "GET", f"{at}/999/diff")["kind"] == "not_found"


def test_threads_are_found_by_what_they_are_and_read_in_pages(rest: Rest) -> None:
    ended = rest.errand(*["peek README"] * 20)
    assert ended["thread_id"] in [one["thread_id"] for one in rest.get("/agents?agent=errand&limit=100")["threads"]]
    assert rest.get("/agents?status=cancelled&agent=moody") == {"threads": [], "next": "None matches."}
    first = rest.get(f"/agents/{ended['thread_id']}/history?after=3")
    assert first["events"][0]["version"] == 4 and first["version"] == ended["version"]
    assert rest.refused(404, "GET", "/agents?agent=nobody")["kind"] == "not_found"


def raw(content: str | bytes, media: str = "application/json") -> dict[str, Any]:
    return {"content": content, "headers": {"Content-Type": media}}


def start(**body: Any) -> dict[str, Any]:
    return {"json": {"agent": "errand", **body}}


START = ("POST", "/agents/start")


@pytest.mark.requirement("R15")
@pytest.mark.parametrize(
    ("call", "how", "status", "kind", "says"),
    [
        (START, start(tsk={}), 422, "bad_input", "tsk"),
        (START, start(task={"x": 1}), 422, "bad_input", "'x'"),
        (START, start(task={"tolerant": "true"}), 422, "bad_input", "bool"),
        (START, start(agent="nobody"), 404, "not_found", "'nobody'"),
        (START, start(repo="nowhere"), 404, "not_found", "'nowhere'"),
        (START, start(repo="/etc"), 403, "refused", "outside"),
        (START, start(session="s"), 404, "not_found", "session"),
        (START, start(wait=51), 422, "bad_input", "wait"),
        (START, start(wait=True), 422, "bad_input", "wait"),
        (START, start(agent="holder", isolation="worktree"), 422, "bad_input", "reads"),
        (START, {"json": {"message": "x", "agent_type": "moody"}}, 422, "bad_input", "one text"),
        (START, {"json": {"message": "x", "user": "y"}}, 422, "bad_input", "user"),
        (START, {"json": []}, 422, "bad_input", "dictionary"),
        (START, {}, 422, "bad_input", "required"),
        (START, raw("{"), 422, "bad_input", "JSON"),
        (START, raw("[" * 5000 + "]" * 5000), 422, "bad_input", "JSON"),
        (START, raw('{"agent": "\\ud800"}'), 422, "bad_input", "JSON"),
        (START, raw('{"wait": NaN}'), 422, "bad_input", "JSON"),
        (START, raw(b"\xff"), 422, "bad_input", "JSON"),
        (START, raw("{}", "text/plain"), 422, "bad_input", "Content-Type"),
        (START, {"data": {"agent": "errand"}}, 422, "bad_input", "Content-Type"),
        (("GET", "/agents?colour=red"), {}, 422, "bad_input", "colour"),
        (("GET", "/agents?limit=0"), {}, 422, "bad_input", "limit"),
        (("GET", "/agents/nobody/status"), {}, 404, "not_found", "'nobody'"),
        (("GET", "/agents/nobody/status?wait=x"), {}, 422, "bad_input", "wait"),
        (("GET", "/agents/%0A%ED%A0%80/history"), {}, 404, "not_found", ""),
        (("GET", "/agents/nobody/events"), {"headers": {"Last-Event-ID": "x"}}, 422, "bad_input", "last-event-id"),
        (("POST", "/agents/nobody/answer"), {"json": {"key": "k"}}, 422, "bad_input", "answer"),
        (("DELETE", "/agents/nobody"), {}, 404, "not_found", "'nobody'"),
        (("PUT", "/agents/nobody"), {}, 405, "bad_input", "Not Allowed"),
        (("OPTIONS", "/openapi.json"), {}, 405, "bad_input", "Not Allowed"),
        (("GET", "/nowhere"), {}, 404, "not_found", "Not Found"),
        (("POST", "/agent/resume"), {"json": {"id": "nobody"}}, 404, "not_found", "'nobody'"),
        (("POST", "/webhooks/github"), {"json": {}}, 404, "not_found", "github"),
    ],
)
def test_each_failure_has_its_status_its_kind_and_its_line(
    rest: Rest, call: tuple[str, str], how: dict[str, Any], status: int, kind: str, says: str
) -> None:
    error = rest.refused(status, *call, **how)
    assert error["kind"] == kind and says in error["message"]
    assert len(error["message"]) < 1100


@pytest.mark.requirement("R16")
def test_a_failure_about_a_thread_names_it(rest: Rest) -> None:
    asked = rest.errand("ask")
    answered = rest.send("POST", f"/agents/{asked['thread_id']}/answer", json={"key": "x", "answer": "y"})
    assert answered.json()["thread_id"] == asked["thread_id"]


def test_a_secret_in_a_failure_is_marked_in_the_answer_and_in_the_log(tmp_path: Path) -> None:
    home, secret = repository(tmp_path / "src/shop", README), "hunter2-hunter2"
    like = "ghp_" + "a" * 36
    with resting(home, MY_PASSWORD=secret, LOG_LEVEL="INFO", STRUCTURED_LOGGING="true") as rest:
        for text in (secret, like):
            answered = rest.send("GET", f"/agents/{text}/status").text
            assert text not in answered and REDACTED in answered
            assert text not in rest.send("POST", "/agents/start", json={"agent": text}).text


def test_the_page_of_the_document_loads_nothing_and_names_every_call(rest: Rest) -> None:
    page, openapi = rest.send("GET", "/docs"), rest.get("/openapi.json")
    assert page.status_code == 200 and "default-src 'none'" in page.headers["content-security-policy"]
    assert "http://" not in page.text and "https://" not in page.text
    assert [path for path in openapi["paths"] if path not in page.text] == []
    assert "Start-errand" in json.dumps(openapi["paths"]["/agents/start"]) and "tolerant" in page.text
