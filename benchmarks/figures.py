"""One figure of the report: what was measured, beside what, and the budget it has to keep."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter


@dataclass(frozen=True, slots=True)
class Figure:
    """`ours` and `beside` are in `unit`."""

    what: str
    ours: float
    unit: str
    beside: float | None = None
    beside_what: str = ""
    budget: str = ""
    kept: bool | None = None
    """None: there is no budget; the figure is for information."""

    @property
    def ratio(self) -> float | None:
        return self.ours / self.beside if self.beside else None


def at_most(what: str, ours: float, unit: str, limit: float) -> Figure:
    return Figure(what, ours, unit, budget=f"≤ {limit:g} {unit}", kept=ours <= limit)


def at_most_times(what: str, ours: float, unit: str, beside: float, beside_what: str, limit: float) -> Figure:
    return Figure(what, ours, unit, beside, beside_what, f"≤ {limit:g}x", ours <= limit * beside)


def times_faster(what: str, ours: float, unit: str, beside: float, beside_what: str, factor: float | None) -> Figure:
    if factor is None:
        return Figure(what, ours, unit, beside, beside_what)
    return Figure(what, ours, unit, beside, beside_what, f"≥ {factor:g}x faster", ours * factor <= beside)


def timed(act: Callable[[], object], times: int = 1) -> float:
    """Return the median time of one call, in seconds."""
    taken: list[float] = []
    for _ in range(times):
        start = perf_counter()
        act()
        taken.append(perf_counter() - start)
    return median(taken)
