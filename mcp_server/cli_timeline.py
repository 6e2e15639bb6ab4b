"""A thread's log on a terminal: the timeline's words, with a mark that the eye finds."""

from collections.abc import Iterable
from datetime import datetime
from typing import assert_never

from rich.console import Console
from rich.text import Text

from mcp_server.terminal import one_line
from mcp_server.timeline import says
from state.events import (
    Aborted,
    Answered,
    Asked,
    BudgetExtended,
    Cancelled,
    CancelRequested,
    CheckpointTaken,
    ChildEnded,
    Compacted,
    Denied,
    Event,
    Failed,
    Finished,
    Interrupted,
    Launched,
    Resolved,
    Resumed,
    Rewound,
    Settled,
    Spawned,
    Started,
)
from state.store import Record

COLOURS = {
    "fixed": "green",
    "done": "green",
    "completed": "green",
    "no_change": "cyan",
    "running": "cyan",
    "changed_unverified": "yellow",
    "waiting": "yellow",
    "interrupted": "yellow",
}


def colour(state: str) -> str:
    """Return how a status or an outcome is coloured; what is not named went wrong."""
    return COLOURS.get(state, "red")


def print_timeline(console: Console, records: Iterable[Record]) -> None:
    """Print a line per event, with its time of day."""
    for record in records:
        at = datetime.fromtimestamp(record.at).astimezone()
        console.print(Text(f"{at:%H:%M:%S} ", style="dim") + line(record.event))


def line(event: Event) -> Text:
    """Return the event's line."""
    mark, style = _mark(event)
    return Text.assemble((mark, style), " ", one_line(says(event)))


def _mark(event: Event) -> tuple[str, str]:
    match event:
        case Started():
            return "…", "dim"
        case Resolved() | Settled(verdict="happened"):
            return "✓", "green"
        case Failed() | Interrupted():
            return "✗", "red"
        case Settled() | Resumed() | Rewound():
            return "↻", "yellow"
        case Asked() | Answered() | Denied() | BudgetExtended() | CancelRequested():
            return "?" if isinstance(event, Asked) else "→", "yellow"
        case CheckpointTaken() | Compacted():
            return "◆", "cyan"
        case Launched() | Spawned():
            return "▶", "cyan"
        case ChildEnded():
            return "■", colour(event.outcome or event.status)
        case Finished() | Aborted() | Cancelled():
            return "■", colour(event.outcome if isinstance(event, Finished) else event.kind)
    assert_never(event)
