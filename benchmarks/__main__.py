"""Measure everything, tell it, and write RESULTS.md; exit code 1 if a budget is missed."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import boxes, checkpoints, engine, http, judging, report, server, threads


def main() -> int:
    with TemporaryDirectory(prefix="factor12-bench-") as place:
        folder = Path(place)
        measured = (engine, threads, server, http, checkpoints, boxes, judging)
        figures = [figure for module in measured for figure in module.figures(folder)]
    report.tell(figures)
    report.write(figures)
    return int(any(figure.kept is False for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
