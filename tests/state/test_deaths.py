"""kill -9 at any moment: what was acknowledged is there, the file is sound, and the next process goes on at once."""

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

from state.log import SqliteStore
from state.sqlite import SCHEMA_VERSION, Database
from state.upkeep import drift, integrity
from tests.state.dying import Ended, Job
from tests.state.places import THREAD, SqlitePlace, launched

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[[Job], Ended]
RunAll = Callable[[list[Job]], list[Ended]]


@pytest.fixture(scope="module")
def run_all() -> Iterator[RunAll]:
    """Start the program that forks; return the call that runs jobs at the same time."""
    command = [sys.executable, "-m", "tests.state.dying"]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdin is not None and program.stdout is not None

        def run(jobs: list[Job]) -> list[Ended]:
            assert program.stdin is not None and program.stdout is not None
            program.stdin.write(f"{json.dumps(jobs)}\n")
            program.stdin.flush()
            return cast(list[Ended], json.loads(program.stdout.readline()))

        yield run
        program.stdin.close()


@pytest.fixture
def run(run_all: RunAll) -> Run:
    return lambda job: run_all([job])[0]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a store with one thread."""
    place = SqlitePlace(tmp_path)
    place.open().create(THREAD, launched())
    return place.path


def check(path: Path, acknowledged: int) -> int:
    """Look at a file that a process died over, as the next process would; return the version it goes on from."""
    database = Database(path)
    thread = SqliteStore(database).load(THREAD)
    assert thread.version >= acknowledged, "an acknowledged event is lost"
    assert integrity(database) == []
    assert drift(database) == []
    database.close()
    return thread.version


@pytest.mark.requirement("R1", "R4", "R6")
def test_a_death_before_any_statement_of_an_append_loses_nothing_acknowledged(run: Run, path: Path) -> None:
    version, places = 1, 40
    for statement in range(1, places):
        ended = run(Job(work="appending", path=str(path), count=100, before_statement=statement))
        assert ended["killed"], ended
        acknowledged = int(ended["said"][-1]) if ended["said"] else version
        version = check(path, acknowledged)
        assert version == acknowledged, "what was not acknowledged was not committed yet"
    assert version > places, "some of these processes got something done"


@pytest.mark.requirement("R1", "R4", "R6")
def test_kills_at_random_moments_lose_nothing_acknowledged(run: Run, path: Path) -> None:
    die_at_random(run, path, kills=20)


@pytest.mark.chaos
@pytest.mark.requirement("R1", "R4", "R6")
def test_kills_at_two_hundred_random_moments_lose_nothing_acknowledged(run: Run, path: Path) -> None:
    die_at_random(run, path, kills=200)


def die_at_random(run: Run, path: Path, kills: int) -> None:
    moments, version = random.Random(7), 1
    for _ in range(kills):
        ended = run(Job(work="appending", path=str(path), count=100_000, after_s=moments.uniform(0.0, 0.01)))
        assert ended["killed"], ended
        acknowledged = int(ended["said"][-1])
        assert acknowledged > version
        version = check(path, acknowledged)
        assert version - acknowledged in (0, 1), "one may be committed and not acknowledged yet"


@pytest.mark.requirement("R1")
def test_a_death_before_any_statement_of_the_first_opening_leaves_a_file_that_opens(run: Run, tmp_path: Path) -> None:
    for statement in range(1, 200):
        path = tmp_path / f"{statement}.db"
        ended = run(Job(work="opening", path=str(path), before_statement=statement))
        database = Database(path)
        assert integrity(database) == []
        assert database.row("pragma user_version") == (SCHEMA_VERSION,)
        assert database.row("select count(*) from threads") == (0,)
        database.close()
        if not ended["killed"]:
            assert ended["said"] == ["opened"]
            assert statement > 30, "the first opening takes more statements than this"
            return
    raise AssertionError("the opening never came to its end")


@pytest.mark.requirement("R1")
def test_processes_that_make_the_same_file_at_the_same_moment_all_open_it(run_all: RunAll, tmp_path: Path) -> None:
    make_at_once(run_all, tmp_path, rounds=5)


@pytest.mark.chaos
@pytest.mark.requirement("R1")
def test_processes_that_make_many_files_at_the_same_moment_all_open_them(run_all: RunAll, tmp_path: Path) -> None:
    make_at_once(run_all, tmp_path, rounds=200)


def make_at_once(run_all: RunAll, folder: Path, rounds: int) -> None:
    for number in range(rounds):
        job = Job(work="opening", path=str(folder / f"{number}.db"))
        assert [ended["said"] for ended in run_all([job] * 4)] == [["opened"]] * 4


@pytest.mark.requirement("R1", "R6")
def test_several_processes_append_to_one_file_and_nothing_but_locked_gets_in_their_way(
    run_all: RunAll, tmp_path: Path
) -> None:
    path, count = tmp_path / "factor12.db", 150
    names = [f"thread{number}" for number in range(4)]
    ended = run_all([Job(work="crowding", path=str(path), thread=name, count=count) for name in names])
    assert [each["said"] for each in ended] == [[str(count + 1)]] * len(names)
    database = Database(path)
    store = SqliteStore(database)
    for name in names:
        assert [record.version for record in store.read(name)] == list(range(1, count + 2))
    assert integrity(database) == []
    assert drift(database) == []
