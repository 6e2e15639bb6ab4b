"""The same steps as a LangGraph loop with its SqliteSaver: one node per step, the results kept in its state."""

import sqlite3
from operator import add
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph

from benchmarks.echoing import RESULT


class Steps(TypedDict):
    wanted: int
    results: Annotated[list[str], add]


def _step(_: Steps) -> dict[str, Any]:
    return {"results": [RESULT]}


def _onward(steps: Steps) -> str:
    return END if len(steps["results"]) >= steps["wanted"] else "step"


def seconds_per_step(folder: Path, steps: int, durability: str) -> float:
    """Run the loop with every checkpoint written before the next step, as factor12's events are."""
    path = database(folder, steps, durability)
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path, check_same_thread=False)
    saver = SqliteSaver(connection)
    saver.setup()
    connection.execute(f"pragma synchronous={durability}")
    graph = StateGraph(Steps)
    graph.add_node("step", _step)
    graph.add_edge(START, "step")
    graph.add_conditional_edges("step", _onward)
    loop = graph.compile(checkpointer=saver)
    start = perf_counter()
    config: Any = {"configurable": {"thread_id": "bench"}, "recursion_limit": steps + 10}
    end = loop.invoke({"wanted": steps, "results": []}, config, durability="sync")
    taken = perf_counter() - start
    assert len(end["results"]) == steps
    connection.execute("pragma wal_checkpoint(truncate)")
    connection.close()
    return taken / steps


def database(folder: Path, steps: int, durability: str) -> Path:
    return folder / f"langgraph-{durability}-{steps}.db"
