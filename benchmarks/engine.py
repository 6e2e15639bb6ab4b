"""What one step costs, how that grows, and how large the log becomes."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from types import ModuleType

from benchmarks import echoing, graph
from benchmarks.figures import Figure, at_most_times, times_faster

LANGGRAPH = "LangGraph, SqliteSaver"
REPEATS = {100: 5, 1000: 3, 10_000: 1}


def figures(folder: Path) -> Iterator[Figure]:
    for warm in (echoing, graph):
        warm.seconds_per_step(folder, 50, "normal")
    yield from _beside_langgraph(folder, "normal")
    yield from _beside_langgraph(folder, "full")
    yield _growth(folder)
    yield _size(folder)


def _beside_langgraph(folder: Path, durability: str) -> Iterator[Figure]:
    for steps in (100, 1000):
        ours, theirs = (1e3 * _median(program, folder, steps, durability) for program in (echoing, graph))
        what = f"engine per step, {steps:,} steps, synchronous={durability.upper()}"
        budget = 10 if steps == 1000 else None
        yield times_faster(what, ours, "ms", theirs, LANGGRAPH, budget)


def _growth(folder: Path) -> Figure:
    """LangGraph is not run so long: it writes its whole state at each step, which would be 21 GB."""
    short, long = (1e3 * _median(echoing, folder, steps, "normal") for steps in (100, 10_000))
    return at_most_times("engine per step, 10,000 steps, NORMAL", long, "ms", short, "itself at 100 steps", 1.5)


def _median(program: ModuleType, folder: Path, steps: int, durability: str) -> float:
    run = program.seconds_per_step
    return median(run(folder, steps, durability) for _ in range(REPEATS[steps]))


def _size(folder: Path) -> Figure:
    payload = 1000 * len(echoing.RESULT) / 1e6
    ours = (folder / "normal-1000.db").stat().st_size / 1e6
    theirs = graph.database(folder, 1000, "normal").stat().st_size / 1e6
    what = f"store of a 1,000-step thread, 420-byte results (LangGraph: {theirs:.0f} MB)"
    return at_most_times(what, ours, "MB", payload, "the results themselves", 1.5)
