"""`factor12 doctor` finds what would stop a run and says what to do; `factor12 gc` forgets only what ended."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from agents.runtime import patience
from mcp_server import diagnosis
from tests.conftest import run_git
from tests.mcp_server.process import CHECKOUT
from tests.mcp_server.shell import Shell, open_shell


@pytest.fixture
def shop(make_repository: Callable[..., Path], tmp_path: Path) -> Shell:
    return open_shell(make_repository, tmp_path)


def findings(shell: Shell, *words: str) -> dict[str, dict[str, Any]]:
    return {finding["part"]: finding for finding in shell.quick("doctor", "--json", *words).json}


def test_a_doctor_who_finds_nothing_says_what_was_looked_at(shop: Shell) -> None:
    shop.quick("run", "testing")
    well = shop.quick("doctor")
    assert well.code == 0
    for part in (
        "git version",
        "factor12.db",
        "every row says what its log says",
        "can be worked on",
        "sandbox",
    ):
        assert part in well.out, part


def test_the_sandbox_is_told_with_what_follows_from_it(shop: Shell) -> None:
    off = findings(shop.where(FACTOR12_SANDBOX="off"))["sandbox"]
    assert off["state"] == "note" and "run with your rights" in off["says"] and "is `off`" in off["says"]
    boxed = shop.where(FACTOR12_TRUSTED_ROOTS="", FACTOR12_SANDBOX="require")
    found = findings(boxed)["sandbox"]
    if found["state"] == "good":
        assert found["says"].startswith("bwrap: ") and "not trusted" in findings(boxed)["repository"]["says"]
        assert boxed.quick("run", "testing", "--json").json["output"]["check"]["sandbox"] == "bwrap"
    else:
        assert found["state"] == "bad" and "no tests run" in found["says"]
        refused = boxed.quick("run", "testing", "--json").json
        assert "FACTOR12_SANDBOX is `require`" in str(refused)


@pytest.mark.requirement("R1")
def test_a_row_that_contradicts_its_log_is_found_and_rebuilt(shop: Shell) -> None:
    shop.quick("run", "testing")
    with sqlite3.connect(shop.state / "factor12.db") as database:
        database.execute("update threads set status = 'running', outcome = 'fixed'")
    ill = shop.quick("doctor")
    assert ill.code == 1 and "factor12 doctor --rebuild" in ill.out
    assert shop.quick("doctor", "--rebuild").code == 0
    assert findings(shop)["index"]["state"] == "good"
    assert shop.quick("threads", "show", "--json").json["outcome"] == "failed"


@pytest.mark.requirement("R15")
def test_a_database_that_cannot_be_used_keeps_the_doctor_from_nothing_else(
    shop: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis, "LEAST_FREE", 1 << 62)
    shop.state.mkdir(exist_ok=True)
    (shop.state / "factor12.db").write_bytes(b"not a database at all" * 100)
    ill = findings(shop)
    assert ill["database"]["state"] == "bad" and "factor12.db" in ill["database"]["says"]
    assert "factor12 doctor" not in ill["database"]["next"] and ill["database"]["next"]
    assert ill["git"]["state"] == "good" and ill["disk"]["next"] and "sandbox" in ill
    assert shop.quick("doctor").code == 1


def test_a_folder_of_repositories_that_is_not_there_is_named(shop: Shell) -> None:
    assert "folders" not in findings(shop)
    ill = findings(shop.where(SISTER_REPO_BASE_PATH="/nowhere/at/all"))["folders"]
    assert ill["state"] == "bad" and "/nowhere/at/all" in ill["says"]


@pytest.mark.requirement("R15")
@pytest.mark.parametrize(
    "words",
    [
        ("gc", "--older-than", "1m"),
        ("repo", "switch", "shop"),
        ("repo", "trust", ".", "--yes"),
        ("repo", "distrust", "."),
        ("threads", "import", "thread.jsonl"),
    ],
)
def test_a_database_that_another_process_writes_to_is_waited_for(
    shop: Shell, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PATIENCE_S", 0.5)
    shop.quick("repo", "trust", ".", "--yes")
    shop.quick("run", "testing")
    shop.quick("threads", "export", "latest", "--output", "thread.jsonl")
    with sqlite3.connect(shop.state / "factor12.db", isolation_level=None) as other:
        other.execute("begin immediate")
        start = monotonic()
        refused = shop.quick(*words)
        assert refused.code == 1 and "locked by another process" in refused.complaint
        assert monotonic() - start > 0.5
        other.execute("rollback")
    assert shop.quick(*words).code == 0
    other.close()


def test_a_damaged_log_is_named(shop: Shell) -> None:
    thread_id = shop.quick("run", "testing", "--json").json["thread_id"]
    with sqlite3.connect(shop.state / "factor12.db") as database:
        database.execute("update events set data = '{' where version = 2")
    ill = findings(shop)["integrity"]
    assert ill["state"] == "bad" and thread_id in ill["says"] and ill["next"]


def test_what_stops_a_run_in_this_repository_is_said_with_the_remedy(shop: Shell) -> None:
    assert findings(shop.wary())["repository"]["next"].startswith("factor12 repo trust")
    head = run_git(shop.folder, "rev-parse", "HEAD").strip()
    (shop.folder / ".git" / "MERGE_HEAD").write_text(f"{head}\n")
    ill = findings(shop)["repository"]
    assert ill["state"] == "bad" and "merge" in ill["says"]


def test_a_folder_without_repositories_says_what_to_set(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ill = findings(Shell(tmp_path / "empty", tmp_path / "state"))["repository"]
    assert ill["state"] == "bad" and "SISTER_REPO_BASE_PATH" in ill["next"]


def test_a_repository_that_may_not_be_opened_is_named(shop: Shell) -> None:
    (shop.folder / ".git" / "HEAD").unlink()
    assert findings(shop)["repository"]["state"] == "bad"


def test_without_git_nothing_works_and_the_doctor_says_so(shop: Shell, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    assert findings(shop.where(PATH=str(tmp_path / "bin")))["git"]["says"] == "not on the PATH"
    old = tmp_path / "bin" / "git"
    old.write_text("#!/bin/sh\necho git version 2.20.1\n")
    old.chmod(0o755)
    ill = findings(shop.where(PATH=f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"))["git"]
    assert ill["state"] == "bad" and "2.20.1" in ill["says"]


def test_a_foreign_package_in_the_place_of_ours_is_named(shop: Shell, tmp_path: Path) -> None:
    (tmp_path / "path" / "prompts").mkdir(parents=True)
    (tmp_path / "path" / "prompts" / "__init__.py").write_text("render = None\n")
    wrong = shop.where(PYTHONPATH=f"{tmp_path / 'path'}{os.pathsep}{CHECKOUT}").run("doctor")
    assert wrong.code == 1 and "prompts" in wrong.out + wrong.err and "Traceback" not in wrong.err


def test_threads_that_wait_or_were_interrupted_are_told_with_their_next_step(shop: Shell) -> None:
    waiting = shop.wary().quick("run", "testing", "--json").json["thread_id"]
    assert findings(shop)["threads"]["next"] == f"factor12 answer {waiting}"
    shop.quick("threads", "cancel", waiting)
    running = shop.quick("run", "testing", "--wait", "0", "--json").json["thread_id"]
    assert running in findings(shop)["threads"]["says"]


def test_threads_beyond_those_that_are_named_are_counted(shop: Shell) -> None:
    asking = shop.wary().where(FACTOR12_MODEL="host")
    for number in range(4):
        asking.quick("run", "assistant", f"What is {number} + 1?")
    told = [row for row in shop.quick("doctor", "--json").json if row["part"] == "threads"]
    assert [row["says"] for row in told][3:] == ["1 more is waiting"]
    assert told[-1]["next"] == "factor12 threads list --status waiting"


def test_another_process_that_uses_the_database_is_named(shop: Shell) -> None:
    shop.quick("threads", "list")
    assert "in use" not in findings(shop)
    opens = (
        "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('select * from threads'); print(flush=True)"
    )
    command = [sys.executable, "-c", f"{opens}; sys.stdin.read()", str(shop.state / "factor12.db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline()
        assert f"process {other.pid}" in findings(shop)["in use"]["says"]


def test_only_threads_that_ended_long_ago_are_forgotten(shop: Shell) -> None:
    ended = shop.quick("run", "testing", "--json").json["thread_id"]
    waiting = shop.wary().quick("run", "testing", "--json").json["thread_id"]
    assert "0 threads" in shop.quick("gc", "--older-than", "1d").out
    with sqlite3.connect(shop.state / "factor12.db") as database:
        database.execute("update threads set updated_at = updated_at - 8 * 86400")
    dry = shop.quick("gc", "--older-than", "1w", "--dry-run").out
    assert "1 thread would be forgotten" in dry and "0 checkpoints would be dropped" in dry
    assert ended in shop.quick("threads", "show", ended).out
    assert "Forgot 1 thread and 0 kept outputs" in shop.quick("gc", "--older-than", "1w").out
    assert [row["thread_id"] for row in shop.quick("threads", "list", "--json").json] == [waiting]


def test_a_forgotten_threads_work_tree_goes_with_it_unless_edits_would_be_lost(shop: Shell) -> None:
    words = ("run", "issue_fixer", "123", "--isolation", "worktree", "--json")
    first, second = (shop.quick(*words).json for _ in range(2))
    roots = [Path(done["worktree"]["root"]) for done in (first, second)]
    with sqlite3.connect(shop.state / "factor12.db") as database:
        database.execute("update threads set updated_at = updated_at - 8 * 86400")
    for more in (("--dry-run",), ()):
        told = shop.quick("gc", "--older-than", "1w", *more)
        assert f"Thread {first['thread_id']} stays: auth.py in {str(roots[0])!r}" in told.err
        assert f"factor12 threads apply {first['thread_id']}" in told.err and "0 threads" in told.out
        assert all((root / "auth.py").exists() for root in roots)
    shop.quick("threads", "apply", first["thread_id"])
    (roots[1] / "notes.txt").write_text("mine")
    assert "1 thread would be forgotten, with 1 work tree." in shop.quick("gc", "--older-than", "1w", "--dry-run").out
    told = shop.quick("gc", "--older-than", "1w")
    assert "Removed 1 work tree" in told.out and "notes.txt" in told.err
    assert not roots[0].exists() and (roots[1] / "notes.txt").exists()
    assert run_git(shop.folder, "branch", "--list", "agent/*").count("agent/") == 1
    assert "worktrees" in run_git(shop.folder, "worktree", "list")


def test_a_work_tree_that_may_not_be_looked_at_keeps_its_thread(shop: Shell) -> None:
    done = shop.quick("run", "issue_fixer", "123", "--isolation", "worktree", "--json").json
    with sqlite3.connect(shop.state / "factor12.db") as database:
        database.execute("update threads set updated_at = updated_at - 8 * 86400")
    run_git(shop.folder, "config", "evil.program", "x")
    shop.quick("repo", "distrust", ".")
    told = shop.where(FACTOR12_TRUSTED_ROOTS="").quick("gc", "--older-than", "1w")
    assert f"Thread {done['thread_id']} stays" in told.err and "evil.program" in told.err


def test_checkpoints_are_dropped_by_age_and_their_absence_is_said(shop: Shell) -> None:
    shop.quick("run", "issue_fixer", "123")
    first = shop.quick("checkpoints", "list", "--json").json["checkpoints"][0]["checkpoint_id"]
    assert "Dropped 0 checkpoints" in shop.quick("gc").out
    with sqlite3.connect(shop.state / "factor12.db") as database:
        database.execute("update events set at = at - 31 * 86400")
    for ref in (shop.state / "checkpoints").glob("*/git/refs/factor12/*"):
        ref.rename(ref.with_name(f"1.0-{ref.name}"))
    dry = shop.quick("gc", "--dry-run").out
    assert "1 checkpoint would be dropped" in dry and "MB" not in dry
    assert "0 checkpoints" in shop.where(FACTOR12_CHECKPOINT_DAYS="60").quick("gc", "--dry-run").out
    (pointer,) = (shop.state / "checkpoints").glob("*/current.json")
    pointer.write_text(json.dumps({**json.loads(pointer.read_text()), "former": []}))
    assert "Dropped 1 checkpoint; " in shop.quick("gc").out
    assert "dropped by gc" in shop.quick("checkpoints", "list").out
    for words in (("diff", first), ("restore", first, "--yes")):
        gone = shop.quick("checkpoints", *words)
        assert gone.code == 1 and "is gone" in gone.complaint and "gc" in gone.complaint


def test_a_store_of_checkpoints_that_cannot_be_packed_is_named_and_the_rest_is_done(shop: Shell) -> None:
    shop.quick("run", "issue_fixer", "123")
    (pointer,) = (shop.state / "checkpoints").glob("*/current.json")
    pointer.write_text("{")
    told = shop.quick("gc")
    assert told.code == 1 and "Dropped 0 checkpoints" in told.out and "current.json" in told.complaint


def test_a_store_of_checkpoints_goes_with_its_repository_and_its_threads(shop: Shell) -> None:
    shop.quick("run", "issue_fixer", "123")
    thread_id = shop.quick("threads", "list", "--json").json[0]["thread_id"]
    shop.folder.rename(shop.folder.with_name("moved"))
    moved = Shell(shop.folder.with_name("moved"), shop.state, shop.variables)
    assert "Dropped 0 checkpoints;" in moved.quick("gc").out
    with sqlite3.connect(shop.state / "factor12.db") as database:
        database.execute("update threads set updated_at = updated_at - 31 * 86400")
    assert thread_id in moved.quick("threads", "list").out
    assert "and 1 store of a repository that is gone" in moved.quick("gc").out


@pytest.mark.requirement("R15")
def test_an_age_that_is_none_is_refused_with_the_form_it_has(shop: Shell) -> None:
    wrong = shop.quick("gc", "--older-than", "soon")
    assert wrong.code == 2 and "30d" in wrong.complaint
