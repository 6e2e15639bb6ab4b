"""What the doors count of their calls, for `/metrics`. Nothing of Prometheus is needed for that."""

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Doorway: TypeAlias = Literal["mcp", "rest", "webhook"]
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds; a call ends within a minute."""


@dataclass
class Took:
    """How long the calls of one name took."""

    within: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    """How many ended at or before each bound and after the one before; the last one counts the rest."""
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        self.within[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds


@dataclass
class Calls:
    """Calls by door and name. Names are those of tools and routes, never what a caller wrote."""

    outcomes: Counter[tuple[Doorway, str, str]] = field(default_factory=Counter[tuple[Doorway, str, str]])
    """Door, name and outcome → how many: `ok`, or the kind of the problem."""
    took: dict[tuple[Doorway, str], Took] = field(default_factory=dict[tuple[Doorway, str], Took])

    def note(self, door: Doorway, name: str, outcome: str, seconds: float) -> None:
        self.outcomes[door, name, outcome] += 1
        self.took.setdefault((door, name), Took()).add(seconds)
