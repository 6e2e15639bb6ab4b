"""The product's own agents in a real server: an issue is fixed, and what a server left is finished by another."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from time import monotonic

import psutil
import pytest

from mcp_server.__main__ import main
from state.sqlite import Database
from tests.agents.shop import AUTH_ISSUE, FIXED, SHOP
from tests.conftest import run_git
from tests.mcp_server.byhand import Host, hosted
from tests.mcp_server.door import structured, text_of
from tests.mcp_server.process import REAL, piped, started
from tests.processes import pid_from

pytestmark = pytest.mark.anyio

WAITS = """\
import os
import time
import unittest
from pathlib import Path

from auth import User, authenticate

HERE = Path({folder!r})


class Authentication(unittest.TestCase):
    def test_a_valid_user_may_enter(self):
        self.assertTrue(authenticate(User("ada")))
        if not (HERE / "go").exists():
            (HERE / "began").write_text(str(os.getpid()))
        while not (HERE / "go").exists():
            time.sleep(0.02)
"""


@pytest.fixture
def shop(make_repository: Callable[..., Path]) -> Path:
    return make_repository("shop", SHOP)


@pytest.fixture
def slow(make_repository: Callable[..., Path], tmp_path: Path) -> Path:
    """A repository whose test, once the code is right, writes its pid to the pipe `began` and waits for `go`.

    Both are beside the repository, where no box lets a test reach.
    """
    os.mkfifo(tmp_path / "began")
    waits = WAITS.format(folder=str(tmp_path))
    return make_repository("slow", {**SHOP, "tests/test_auth.py": waits, "issues/124.md": AUTH_ISSUE})


def go(folder: Path) -> None:
    (folder / "go").touch()


@pytest.mark.requirement("R13", "R19")
@pytest.mark.parametrize(("mode", "version"), [("auto", "2026-07-28"), ("legacy", "2025-11-25")])
async def test_an_issue_ends_fixed_with_its_evidence_in_both_eras(shop: Path, mode: str, version: str) -> None:
    async with piped(shop, mode) as at:
        assert at.client.protocol_version == version
        result = await at.call("issue_fixer", issue="123")
    fixed, text = structured(result), text_of(result)
    assert fixed["outcome"] == "fixed", text
    (proof,) = fixed["output"]["evidence"]["fixed"]
    assert (proof["before"], proof["after"]) == ("fail", "pass")
    assert "test_a_valid_user_may_enter" in proof["id"] and proof["id"] in text
    assert (shop / "auth.py").read_text() == FIXED
    assert run_git(shop, "status", "--porcelain") == " M auth.py\n"


async def leave(client: Host, how: str) -> None:
    """End the connection as a host or a person would."""
    if how == "end of input":
        await client.hang_up()
    else:
        client.process.send_signal(signal.Signals[how])


@pytest.mark.requirement("R11", "R17", "F6")
@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "end of input"])
async def test_leaving_during_a_check_answers_the_call_and_another_process_finishes(
    tmp_path: Path, slow: Path, how: str
) -> None:
    async with hosted(slow, REAL, FACTOR12_SANDBOX="off") as client:
        begun = await client.call("issue_fixer", issue="123")
        checking = await pid_from(tmp_path / "began")
        await leave(client, how)
        left = await client.result(begun)
        assert left["status"] == "running" and "thread_wait" in left["next"]
        assert await client.ends(3) == 0
        assert await client.rest() == b""
    assert not psutil.pid_exists(checking)
    go(tmp_path)
    async with piped(slow, FACTOR12_SANDBOX="off") as other:
        done = await other.told("thread_wait", thread_id=left["thread_id"])
    assert done["outcome"] == "fixed"
    assert (slow / "auth.py").read_text() == FIXED


@pytest.mark.requirement("R5", "R6")
async def test_after_kill_9_during_a_check_another_server_finishes_and_the_edit_is_applied_once(
    tmp_path: Path, slow: Path
) -> None:
    async with hosted(slow, REAL, FACTOR12_SANDBOX="off") as client:
        await client.call("issue_fixer", issue="123")
        await pid_from(tmp_path / "began")
        client.process.kill()
        assert await client.ends(3) == -signal.SIGKILL
    edited = (slow / "auth.py").stat()
    go(tmp_path)
    async with piped(slow, FACTOR12_SANDBOX="off") as second:
        done = await second.told("thread_wait", thread_id="latest")
        assert done["outcome"] == "fixed"
        log = await second.told("thread_history", thread_id=done["thread_id"])
    writes = [event for event in log["events"] if event.get("data", {}).get("tool") == "edit_file"]
    assert [event["kind"] for event in writes].count("started") == 1, log
    assert (slow / "auth.py").read_text() == FIXED
    assert (slow / "auth.py").stat().st_mtime_ns == edited.st_mtime_ns


@pytest.mark.requirement("R10", "F6")
async def test_a_cancel_from_another_process_stops_a_running_check_within_two_seconds(
    tmp_path: Path, slow: Path
) -> None:
    async with hosted(slow, REAL, FACTOR12_SANDBOX="off") as client, piped(slow, FACTOR12_SANDBOX="off") as other:
        begun = await client.call("issue_fixer", issue="123")
        checking = await pid_from(tmp_path / "began")
        start = monotonic()
        cancelled = await other.told("thread_cancel", thread_id="latest", reason="enough")
        assert cancelled["status"] == "cancelled"
        assert monotonic() - start < 2
        assert not psutil.pid_exists(checking)
        assert (await client.result(begun))["status"] == "cancelled"


@pytest.mark.requirement("R20")
async def test_a_second_writer_of_another_process_hears_the_holders_thread(tmp_path: Path, slow: Path) -> None:
    async with hosted(slow, REAL, FACTOR12_SANDBOX="off") as client, piped(slow, FACTOR12_SANDBOX="off") as other:
        begun = await client.call("issue_fixer", issue="123")
        await pid_from(tmp_path / "began")
        holder = (await other.told("thread_list", limit=1))["threads"][0]["thread_id"]
        second = await other.problem("issue_fixer", issue="124")
        assert second["kind"] == "busy" and holder in second["message"]
        go(tmp_path)
        assert (await client.result(begun))["outcome"] == "fixed"
        assert (await other.told("issue_fixer", issue="124"))["outcome"] == "no_change"


@pytest.mark.requirement("R11")
async def test_with_every_log_line_on_stdout_carries_nothing_but_protocol(tmp_path: Path, shop: Path) -> None:
    async with hosted(shop, REAL, LOG_LEVEL="DEBUG", STRUCTURED_LOGGING="true") as client:
        begun = await client.call("testing")
        assert (await client.result(begun))["outcome"] == "failed"
        await client.hang_up()
        assert await client.ends(3) == 0
        assert await client.rest() == b""
    lines = (tmp_path / "stderr").read_text().splitlines()
    assert lines and all("message" in json.loads(line) for line in lines), lines


@pytest.mark.requirement("R15")
@pytest.mark.parametrize(
    ("variables", "code", "names"),
    [
        ({"MAX_CONCURRENT_AGENTS": "many"}, 2, "MAX_CONCURRENT_AGENTS"),
        ({"FACTOR12_APPROVAL_CHANNELS": "pigeon"}, 2, "pigeon"),
        ({"FACTOR12_DATABASE_URL": "/proc/nowhere/factor12.db"}, 1, "/proc/nowhere"),
    ],
)
def test_a_server_that_cannot_start_says_why_in_one_line_on_stderr(
    shop: Path, variables: dict[str, str], code: int, names: str
) -> None:
    how = started(shop, REAL, **variables)
    ran = subprocess.run(REAL, cwd=shop, env=how.env, input="", capture_output=True, text=True, timeout=30)
    assert (ran.returncode, ran.stdout) == (code, "")
    assert ran.stderr.startswith("factor12: ") and ran.stderr.count("\n") == 1, ran.stderr
    assert names in ran.stderr


@pytest.mark.requirement("R15")
def test_a_server_whose_file_of_settings_is_missing_does_not_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["factor12", "serve", "--env-file", "nowhere.env"])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert (ended.value.code, said.out) == (1, "")
    assert said.err.startswith("factor12: There is no file 'nowhere.env'.") and said.err.count("\n") == 1


@pytest.mark.requirement("R15")
def test_a_key_that_is_cut_short_is_one_line_too(shop: Path) -> None:
    state = shop.parent / "state"
    state.mkdir()
    (state / "factor12.db.key").write_bytes(b"short")
    how = started(shop, REAL)
    ran = subprocess.run(REAL, cwd=shop, env=how.env, input="", capture_output=True, text=True, timeout=30)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("factor12: ") and ran.stderr.count("\n") == 1 and "factor12.db.key" in ran.stderr


@pytest.mark.requirement("R15")
async def test_a_log_that_is_damaged_fails_each_call_and_not_the_server(shop: Path) -> None:
    state = shop.parent / "state"
    state.mkdir()
    path = state / "factor12.db"
    with closing(Database(path)) as database:
        database.connection.execute("pragma wal_checkpoint(truncate)").fetchall()
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(4096)
        file.write(b"\xaa" * (size - 4096))
    async with hosted(shop, REAL) as client:
        fix = {"issue": "123"}
        calls: list[tuple[str, dict[str, str]]] = [("health", {}), ("thread_list", {}), ("issue_fixer", fix)]
        for tool, arguments in calls:
            error = (await client.told(tool, **arguments))["error"]
            assert error["kind"] == "store" and str(path) in error["message"]
        await client.hang_up()
        assert await client.ends(10) == 0
    assert run_git(shop, "status", "--porcelain") == ""
