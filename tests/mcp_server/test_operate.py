"""What those who run the server ask of it: alive, ready, how much it does; and rules that would never work stop it."""

import os
import re
import sqlite3
import subprocess
from functools import partial
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mcp_server import http
from mcp_server.loop import run
from state.problem import ProblemError
from tests.conftest import repository
from tests.mcp_server.door import settings_in
from tests.mcp_server.http_server import caller, token
from tests.mcp_server.process import FACTOR12, measured
from tests.mcp_server.rest_client import Rest, resting
from tests.mcp_server.test_webhooks import RULES, SECRET

pytestmark = pytest.mark.anyio


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return repository(tmp_path / "src/shop", {"README": "A shop."})


def samples(rest: Rest) -> dict[tuple[str, ...], float]:
    """Return what `/metrics` says, by name and labels."""
    answered = rest.send("GET", "/metrics")
    assert answered.status_code == 200 and answered.headers["content-type"].startswith("text/plain")
    families = text_string_to_metric_families(answered.text)
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


async def test_metrics_count_threads_and_calls_of_every_door(home: Path) -> None:
    with resting(home) as rest:
        rest.errand("peek README")
        rest.errand("ask")
        rest.refused(404, "GET", "/agents/nobody/status")
        async with caller(rest.url, "") as client:
            await client.told("health")
            await client.problem("thread_wait", thread_id="nobody")
        known = samples(rest)
    assert known["factor12_threads", "errand", "completed"] == known["factor12_threads", "errand", "waiting"] == 1
    assert known["factor12_events",] > 4
    assert known["factor12_calls_total", "rest", "POST /agents/start", "ok"] == 2
    assert known["factor12_calls_total", "rest", "GET /agents/{thread_id}/status", "not_found"] == 1
    assert known["factor12_calls_total", "mcp", "health", "ok"] == 1
    assert known["factor12_calls_total", "mcp", "thread_wait", "not_found"] == 1
    assert known["factor12_call_seconds_count", "mcp", "health"] == 1
    assert known["factor12_call_seconds_bucket", "mcp", "+Inf", "health"] == 1
    assert "nobody" not in str(known)


async def test_metrics_are_for_who_may_see_everybodys_and_can_be_switched_off(home: Path) -> None:
    with resting(home, ENABLE_METRICS="false") as rest:
        assert "ENABLE_METRICS" in rest.refused(404, "GET", "/metrics")["hint"]
    reads, all_of_it = token(home, "ada", "read,run"), token(home, "ada", "read,admin")
    approves = token(home, "ada", "approve")
    with resting(home, secret=reads) as rest:
        assert "read" in Rest(rest.url, approves).send("GET", "/health").json()["error"]["message"]
        assert "admin" in rest.refused(403, "GET", "/metrics")["message"]
        assert samples(Rest(rest.url, all_of_it))
        assert rest.refused(401, "GET", "/metrics", headers={"Authorization": ""})["kind"] == "refused"


async def test_it_is_alive_and_ready_without_a_token_and_says_why_it_is_not(home: Path) -> None:
    secret = token(home, "ada")
    database = home.parent / "state/factor12.db"
    with resting(home) as rest:
        assert rest.get("/healthz") == rest.get("/readyz") == {"status": "ok"}
        assert rest.send("GET", "/health").status_code == 401
        with sqlite3.connect(database) as other:
            other.execute("begin exclusive")
            error = rest.refused(503, "GET", "/readyz")
            other.execute("rollback")
        assert error["kind"] == "store" and "locked" in error["message"] and os.sep not in error["message"]
        assert rest.get("/readyz") == {"status": "ok"}
        assert Rest(rest.url, secret).send("GET", "/health").status_code == 200


def stopped(home: Path, rules: str, **variables: str) -> str:
    """Start a server with such a file, which must not start, and return why."""
    path = home.parent.parent / "webhooks.toml"
    path.write_text(rules)
    known = {"FACTOR12_WEBHOOKS": str(path), "HOOK_SECRET": SECRET, **variables}
    with pytest.MonkeyPatch.context() as patch, pytest.raises(ProblemError) as refused:
        for name, value in known.items():
            patch.setenv(name, value)
        run(partial(http.serve, settings_in(home.parent, API_PORT=0, **known), home, "http"))
    return str(refused.value)


def test_a_server_that_cannot_start_says_why_in_one_line(home: Path) -> None:
    known = measured(home.parent / "state", FACTOR12_WEBHOOKS=str(home.parent / "nowhere.toml"))
    command = [*FACTOR12, "serve", "--transport", "http", "--port", "0"]
    done = subprocess.run(command, cwd=home, env=known, capture_output=True, text=True, timeout=30)
    assert done.returncode in (1, 2) and done.stderr.count("\n") == 1 and "nowhere.toml" in done.stderr


@pytest.mark.requirement("R15")
@pytest.mark.parametrize(
    ("old", "new", "stands", "says"),
    [
        ('agent = "testing"', 'agnet = "testing"', "agnet", "there is no such key"),
        (
            'agent = "testing"',
            'agent = "nobody"',
            "[[rule]]",
            "there are: issue_fixer, intelligent_issue",
        ),
        ("paths = [", "path = [", "[[rule]]", "testing has no field 'path'"),
        ('task = { issue = "${message}" }', "task = {}", "[[rule]]", "issue_fixer needs 'issue'"),
        ('"HOOK_SECRET"', '"PATH"', '"PATH"', "must end in _SECRET"),
        ('"HOOK_SECRET"', '"NO_SECRET"', '"NO_SECRET"', "it is not set"),
        ("[trigger]\n", "[triggers]\n", "[triggers]", "there is no such key"),
        ("[github]", "[github", "[github", "Expected"),
        ('event = "issues"', "event = 3", "event = 3", "valid string"),
        ('isolation = "worktree"', 'isolation = "moon"', '"moon"', "in_place"),
    ],
)
def test_rules_that_would_never_work_stop_the_start_with_their_line(
    home: Path, old: str, new: str, stands: str, says: str
) -> None:
    assert old in RULES
    rules = RULES.replace(old, new, 1)
    told = stopped(home, rules)
    line = re.search(r"line (\d+)", told)
    assert line and stands in rules.split("\n")[int(line[1]) - 1] and says in told


def test_a_secret_that_can_be_guessed_and_a_file_of_a_repository_are_refused(home: Path) -> None:
    assert "shorter than 16 bytes" in stopped(home, RULES, HOOK_SECRET="hunter2")
    assert "base64" in stopped(home, RULES, HOOK_SECRET="whsec_not base 64")
    (home / "webhooks.toml").write_text(RULES)
    assert "lies in a repository" in stopped(home, RULES, FACTOR12_WEBHOOKS=str(home / "webhooks.toml"))
    assert "cannot be read" in stopped(home, RULES, FACTOR12_WEBHOOKS=str(home.parent.parent / "nowhere.toml"))
