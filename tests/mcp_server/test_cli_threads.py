"""`factor12 threads`: threads are found again by anything, shown, followed, resumed, cancelled, carried elsewhere."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from time import time

import pytest

from mcp_server.terminal import age
from state.events import Launched, Rewound
from state.log import SqliteStore
from state.sqlite import Database
from tests.mcp_server.shell import FACTOR12, Shell, open_shell, read_until


@pytest.fixture
def shop(make_repository: Callable[..., Path], tmp_path: Path) -> Shell:
    return open_shell(make_repository, tmp_path)


@pytest.fixture
def waiting(shop: Shell) -> tuple[Shell, str]:
    """A thread that waits for an approval."""
    shell = shop.wary()
    return shell, shell.quick("run", "testing", "--json").json["thread_id"]


def test_a_thread_is_found_by_each_of_its_properties(waiting: tuple[Shell, str]) -> None:
    shell, thread_id = waiting
    for words in (
        (),
        ("--status", "waiting"),
        ("--agent", "testing"),
        ("--repo", "shop"),
        ("--repo", "."),
        ("--repo", "../shop"),
        ("--branch", "main"),
        ("--session", "default"),
    ):
        assert [row["thread_id"] for row in shell.quick("threads", "list", *words, "--json").json] == [thread_id], words
    for words in (("--status", "running"), ("--repo", "portal"), ("--branch", "next"), ("--issue", "7")):
        assert shell.quick("threads", "list", *words, "--json").json == [], words


def test_a_list_for_people_names_what_they_look_for(waiting: tuple[Shell, str]) -> None:
    shell, thread_id = waiting
    listed = shell.quick("threads", "list").out
    assert thread_id in listed and "waiting" in listed and "shop (main)" in listed and "just now" in listed


def test_a_thread_that_was_rewound_waits_to_be_resumed(waiting: tuple[Shell, str]) -> None:
    shell, thread_id = waiting
    database = Database(shell.state / "factor12.db")
    store = SqliteStore(database)
    store.signal(store.load(thread_id), Rewound(to=1, checkpoint="c"))
    database.close()
    shown = shell.quick("threads", "show", thread_id).out
    assert "rewound to version 1" in shown and f"factor12 threads resume {thread_id}" in shown


def test_a_beginning_that_fits_several_threads_is_ambiguous(waiting: tuple[Shell, str]) -> None:
    shell, _ = waiting
    database = Database(shell.state / "factor12.db")
    for last in "12":
        SqliteStore(database).create(f"abcd{last}", Launched(agent="testing", session="default", task={}, at=0.0))
    database.close()
    wrong = shell.quick("threads", "show", "abcd")
    assert wrong.code == 2 and "2 threads begin with 'abcd'" in wrong.complaint and "abcd2, abcd1" in wrong.complaint


def test_watching_a_thread_that_rests_says_how_it_stands(waiting: tuple[Shell, str]) -> None:
    shell, thread_id = waiting
    watched = shell.quick("threads", "watch", thread_id)
    assert watched.code == 5 and f"factor12 answer {thread_id}" in watched.out


def test_how_long_ago_is_said_in_one_unit() -> None:
    now = time()
    assert [age(now - seconds) for seconds in (-5, 0, 42, 300, 7200, 200_000)] == [
        "just now",
        "just now",
        "42 s ago",
        "5 min ago",
        "2 h ago",
        "2 d ago",
    ]


def test_an_empty_list_says_how_to_begin(shop: Shell) -> None:
    assert "factor12 run" in shop.quick("threads", "list").out
    assert shop.quick("threads", "list", "--json").json == []
    assert "No thread is like that" in shop.quick("threads", "list", "--status", "failed").out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("show", "nope"), "There is no thread 'nope'"),
        (("list", "--session", "nobody"), "There is no session 'nobody'"),
        (("list", "--agent", "tester"), "There is no agent 'tester'"),
        (("list", "--status", "asleep"), "'asleep' is not one of"),
        (("shwo",), "Did you mean 'show'"),
    ],
)
def test_what_is_not_there_is_named_with_the_next_step(shop: Shell, words: tuple[str, ...], says: str) -> None:
    wrong = shop.quick("threads", *words)
    assert wrong.code == 2 and says in wrong.complaint


def test_the_beginning_of_an_id_is_enough_and_a_slip_is_pointed_out(waiting: tuple[Shell, str]) -> None:
    shell, thread_id = waiting
    assert shell.quick("threads", "show", thread_id[:6], "--json").json["thread_id"] == thread_id
    assert shell.quick("threads", "show", thread_id[:3]).code == 2
    slip = thread_id[:-1] + ("0" if thread_id[-1] != "0" else "1")
    assert f"Did you mean {thread_id}" in shell.quick("threads", "show", slip).complaint


def test_show_has_every_step_and_the_open_question(waiting: tuple[Shell, str]) -> None:
    shell, thread_id = waiting
    shown = shell.quick("threads", "show", "latest").out
    assert "testing launched in shop" in shown and "NOT SANDBOXED" in shown
    assert f"factor12 answer {thread_id}" in shown


def test_cancel_stops_for_good_and_says_so_again(waiting: tuple[Shell, str]) -> None:
    shell, thread_id = waiting
    assert shell.quick("threads", "cancel", thread_id, "--reason", "wrong branch").code == 0
    assert shell.quick("threads", "cancel", thread_id).code == 0
    assert "wrong branch" in shell.quick("threads", "show", thread_id).out
    assert shell.quick("threads", "resume", thread_id).code == 1


def test_a_thread_of_another_folder_is_not_resumed_from_here(shop: Shell, tmp_path: Path) -> None:
    shop.wary().quick("run", "testing")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    refused = Shell(elsewhere, shop.state).quick("threads", "resume", "latest")
    assert refused.code == 1 and "FACTOR12_ALLOWED_ROOTS" in refused.complaint


def test_a_thread_is_carried_to_another_store_and_goes_on_there(waiting: tuple[Shell, str], tmp_path: Path) -> None:
    shell, thread_id = waiting
    file = tmp_path / "thread.jsonl"
    assert shell.quick("threads", "export", thread_id, "--output", str(file)).code == 0
    assert shell.quick("threads", "export", "latest").out == file.read_text()
    other = Shell(shell.folder, tmp_path / "other", shell.variables)
    assert other.quick("threads", "import", str(file)).out.strip() == thread_id
    assert other.quick("threads", "show", thread_id, "--json").json["status"] == "waiting"
    assert other.quick("threads", "cancel", thread_id).code == 0


def test_an_export_overwrites_nothing_and_a_broken_one_is_not_imported(
    waiting: tuple[Shell, str], tmp_path: Path
) -> None:
    shell, thread_id = waiting
    file = tmp_path / "thread.jsonl"
    file.write_text('{"factor12_thread": 1}\n')
    assert "File exists" in shell.quick("threads", "export", thread_id, "--output", str(file)).complaint
    assert "Line 1 of the export" in shell.quick("threads", "import", str(file)).complaint
    assert "cannot be read" in shell.quick("threads", "import", "nothing.jsonl").complaint
    file.write_bytes(b"\xff\xfe")
    assert "not UTF-8" in shell.quick("threads", "import", str(file)).complaint


@pytest.mark.requirement("R15")
def test_a_file_without_an_end_is_not_read_to_it(shop: Shell) -> None:
    limited = 'ulimit -v 2000000; exec "$@"'
    command = ["bash", "-c", limited, "bash", *FACTOR12, "threads", "import", "/dev/zero"]
    done = subprocess.run(command, cwd=shop.folder, env=shop.environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "more than 134217728 characters" in done.stderr, done.stderr


def test_secrets_stay_out_of_an_export(shop: Shell) -> None:
    shell = shop.where(MY_API_KEY="very-secret-value")
    shell.quick("run", "testing", "select=very-secret-value")
    assert "very-secret-value" not in shell.quick("threads", "export").out


def test_watch_shows_what_another_process_does_and_ends_with_it(shop: Shell) -> None:
    (shop.folder / "tests" / "test_auth.py").write_text(
        "import pathlib, time, unittest\n"
        "class T(unittest.TestCase):\n"
        "    def test_waits(self):\n"
        "        while not pathlib.Path('go').exists():\n"
        "            time.sleep(0.05)\n"
    )
    running = shop.start("run", "testing")
    read_until(running, "begins")
    watching = shop.start("threads", "watch", "latest")
    read_until(watching, "begins")
    (shop.folder / "go").touch()
    out, err = watching.communicate(timeout=30)
    running.communicate(timeout=30)
    assert (watching.returncode, running.returncode) == (0, 0)
    assert "finished, done" in err and out.startswith("done  testing in shop")
