"""Measure everything, tell it, and write RESULTS.md; exit code 1 if a budget is missed."""

import gc
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import boxes, checkpoints, engine, http, judging, report, server, threads
from benchmarks.figures import Figure


def main() -> int:
    with TemporaryDirectory(prefix="factor12-bench-") as place:
        folder = Path(place)
        measured = (engine, threads, server, http, checkpoints, boxes, judging)
        figures = [figure for module in measured for figure in _alone(module.figures(folder))]
    report.tell(figures)
    report.write(figures)
    return int(any(figure.kept is False for figure in figures))


def _alone(measuring: Iterator[Figure]) -> Iterator[Figure]:
    """Measure without what was measured before: the garbage collector would go through all of that, too."""
    gc.collect()
    gc.freeze()
    return measuring


if __name__ == "__main__":
    sys.exit(main())
