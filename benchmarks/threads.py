"""Logs made directly through the store: a long thread to resume, many threads that wait, one that has ended."""

from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, time

import anyio

from agents.issue_fixer import Fix
from agents.runtime.dispatcher import InProcessDispatcher
from agents.runtime.driver import drive
from benchmarks.echoing import PLENTY, RESULT, echoing, engine_over
from benchmarks.figures import Figure, at_most, timed
from state.events import Asked, Event, Finished, Launched, Question, Resolved
from state.log import SqliteStore
from state.sqlite import Database
from state.store import Held, Search

LONG = 10_000
MANY = 10_000


def figures(folder: Path) -> Iterator[Figure]:
    taken = [anyio.run(_resume, folder / f"long-{turn}.db") for turn in range(5)]
    yield at_most("resume of a 10,000-event thread, from opening the file to its end", 1e3 * min(taken), "ms", 150)


async def _resume(path: Path) -> float:
    database = Database(path)
    steps = [
        Resolved(key=f"echo:{turn}", value=RESULT, tool="echo", args={"turn": turn}, seconds=0.001)
        for turn in range(LONG)
    ]
    launched = Launched(agent=echoing.name, session="bench", task={"steps": LONG}, at=time(), budget=PLENTY)
    _write(SqliteStore(database), "long", launched, *steps)
    database.close()
    start = perf_counter()
    database = Database(path)
    engine = engine_over(database, InProcessDispatcher(1))
    await drive(engine, "long")
    taken = perf_counter() - start
    assert engine.store.list(Search())[0].status == "completed"
    database.close()
    return taken


def make_waiting(path: Path, many: int = MANY) -> Figure:
    """Fill a database with threads that wait for an answer, and measure how they are listed."""
    database = Database(path)
    store = SqliteStore(database)
    for turn in range(many):
        key = "colour"
        question = Question(key=key, kind="question", answer_by="anyone", text="Which colour?", options=("red", "blue"))
        launched = Launched(agent="issue_fixer", session="default", task={"issue": str(turn)}, at=time())
        _write(store, f"{turn:032x}", launched, Asked(key=key, question=question, topic="agent"))
    taken = timed(lambda: store.list(Search(status="waiting")), 21)
    database.close()
    return at_most("thread_list with 10,000 waiting threads, in the store", 1e3 * taken, "ms", 20)


def make_finished(path: Path) -> str:
    """Make a database with one thread that has ended, and return its id."""
    database = Database(path)
    launched = Launched(agent="issue_fixer", session="default", task={"issue": "1"}, at=time())
    output = Fix(summary="Nothing was to be done.").model_dump(mode="json")
    _write(SqliteStore(database), "f" * 32, launched, Finished(output=output, outcome="no_change"))
    database.close()
    return "f" * 32


def _write(store: SqliteStore, thread_id: str, launched: Launched, *events: Event) -> None:
    created = store.create(thread_id, launched)
    lease = store.claim(thread_id)
    assert not isinstance(lease, Held)
    store.release(lease, store.append(lease, created.thread, *events))
