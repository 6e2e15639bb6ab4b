"""Tell the figures: as a table on the terminal, and in RESULTS.md with date, versions and machine."""

import os
import platform
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure

RESULTS = Path(__file__).with_name("RESULTS.md")
HEADINGS = ("what", "factor12", "beside", "ratio", "budget", "kept")
PACKAGES = ("factor12", "mcp", "pydantic", "anyio", "langgraph", "langgraph-checkpoint-sqlite")


def tell(figures: Sequence[Figure]) -> None:
    table = Table(*HEADINGS, title=_machine())
    for figure in figures:
        style = "red" if figure.kept is False else ""
        table.add_row(*cells(figure), style=style)
    Console().print(table)


def write(figures: Sequence[Figure]) -> None:
    rows = [HEADINGS, ("---", *["---:"] * 3, "---", "---"), *(cells(figure) for figure in figures)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    RESULTS.write_text(
        f"# Measured\n\nWritten by `make bench`: {_machine()}. {versions}.\n\n{table}\n\n"
        "Both sides of a row run in the same minutes on the same machine. The synchronous setting of a row is SQLite's "
        'and the same on both sides, each with a write-ahead log; LangGraph runs with `durability="sync"`, so that '
        "both have written a step before they take the next. LangGraph is not run for 10,000 steps: it writes its "
        "whole state at each, which would be 21 GB.\n",
        encoding="utf-8",
    )


def cells(figure: Figure) -> tuple[str, ...]:
    beside = "" if figure.beside is None else f"{_number(figure.beside)} {figure.unit} ({figure.beside_what})"
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
    kept = {True: "yes", False: "MISSED", None: ""}[figure.kept]
    return figure.what, f"{_number(figure.ours)} {figure.unit}", beside, ratio, figure.budget, kept


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _machine() -> str:
    now = datetime.now(UTC)
    python = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    cores = f"{os.cpu_count()} cores (load {os.getloadavg()[0]:.1f} at the end)"
    return f"{now:%Y-%m-%d}, {cores}, {platform.system()} {platform.machine()}, {python}"
