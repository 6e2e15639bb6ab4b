"""A thread's log as a person or a model reads it: one line per event."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, assert_never, cast

from agents.runtime.questions import visible
from state.artifacts import artifact_of
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
from state.thread import Thread

LONGEST_LINE = 300
LONGEST_TEXT = 2000
"""Characters of one text inside an event's data; the whole of it is in `thread://{id}/events`."""


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def entry(record: Record, *, whole: bool = False) -> dict[str, Any]:
    """Return one event for a list of them: what it says in a line, and its data, with long texts cut unless `whole`."""
    data = record.event.model_dump(mode="json", exclude_defaults=True, exclude={"kind"})
    known = {"version": record.version, "at": iso(record.at), "kind": record.event.kind, "says": says(record.event)}
    return {**known, "data": data if whole else _cut(data)} if data else known


def says(event: Event) -> str:
    """Say in one line what happened."""
    return _line(_said(event))


def markdown(thread: Thread, status: str, records: Iterable[Record]) -> str:
    """Return a thread as a page: what it is, what happened, how it ended."""
    places = ", ".join(f"{ref.name} ({ref.mode})" for ref in thread.workspace) or "no repository"
    outcome = f", {thread.outcome}" if thread.outcome else ""
    head = [
        f"# {thread.agent} in {places}",
        "",
        f"Thread `{thread.id}`, session `{thread.session}`: **{status}**{outcome}",
    ]
    rows = [
        f"| {r.version} | {iso(r.at)} | {r.event.kind} | {says(r.event).replace('|', chr(92) + '|')} |" for r in records
    ]
    table = ["", "| version | at | event | what |", "|---|---|---|---|", *rows]
    asked = (
        ["", f"**Waits for an answer to `{thread.question.key}`:** {thread.question.text}"] if thread.question else []
    )
    return "\n".join([*head, *table, *asked, ""])


def _said(event: Event) -> str:
    match event:
        case Launched() | Interrupted() | Resumed() | Rewound() | Finished() | Aborted():
            return _turn(event)
        case Started() | Resolved() | Failed() | Settled():
            return _effect(event)
        case Asked() | Answered() | Denied() | BudgetExtended():
            return _question(event)
        case Spawned() | ChildEnded():
            return _family(event)
        case CheckpointTaken():
            return f"checkpoint, {event.label}: {', '.join(event.trees)}"
        case Compacted():
            return f"steps up to {event.through} are told shorter: {event.before} tokens became {event.after}"
        case CancelRequested():
            return f"cancel asked for over {event.channel}. {event.reason}"
        case Cancelled():
            return f"cancelled. {event.note}"
    assert_never(event)


def _turn(event: Launched | Interrupted | Resumed | Rewound | Finished | Aborted) -> str:
    match event:
        case Launched():
            places = ", ".join(f"{ref.name} on {ref.branch or 'no branch'}" for ref in event.workspace)
            return f"{event.agent} launched in {places or 'no repository'}: {_brief(event.task)}"
        case Interrupted():
            return f"interrupted: {event.problem}"
        case Resumed():
            return "taken up again"
        case Rewound():
            over = ", ".join(path for paths in event.overwrote.values() for path in paths)
            said = f", over edits of {over} as told over {event.channel}" if over else ""
            return f"rewound to version {event.to} (checkpoint {event.checkpoint}){said}"
        case Finished():
            return f"finished, {event.outcome}: {_brief(event.output)}"
        case Aborted():
            return f"ended, {event.outcome}: {event.problem}"
    assert_never(event)


def _family(event: Spawned | ChildEnded) -> str:
    match event:
        case Spawned():
            started = ", ".join(f"{child.agent} as thread {child.thread}" for child in event.children)
            return f"{event.key}: started {started}"
        case ChildEnded():
            told = event.problem or (_brief(event.output) if event.output is not None else "")
            return f"{event.key}: thread {event.thread} ended, {event.outcome or event.status}: {told}"
    assert_never(event)


def _effect(event: Started | Resolved | Failed | Settled) -> str:
    match event:
        case Started():
            return f"{event.key}: {event.tool} begins"
        case Resolved():
            return f"{event.key}: {_brief(event.value)} ({event.seconds:.1f} s)"
        case Failed():
            return f"{event.key} failed: {event.problem}"
        case Settled(verdict="again"):
            return f"{event.key} was cut off and is tried again ({event.by})"
        case Settled():
            return f"{event.key} was cut off, and had happened ({event.by})"
    assert_never(event)


def _question(event: Asked | Answered | Denied | BudgetExtended) -> str:
    match event:
        case Asked():
            return f"{event.key} asked of {event.question.answer_by}: {event.question.text}"
        case Answered():
            return f"{event.key} answered over {event.channel} {event.client}: {_brief(event.answer)}"
        case Denied():
            return f"{event.key} denied. {event.reason}"
        case BudgetExtended():
            return f"budget extended by {_more(event)}"
    assert_never(event)


def _more(event: BudgetExtended) -> str:
    more = {
        f"{event.steps} steps": event.steps,
        f"{event.seconds:.0f} s": event.seconds,
        f"{event.tokens:,} tokens": event.tokens,
        f"${event.money:.2f}": event.money,
        f"{event.session_tokens:,} tokens beyond its session's": event.session_tokens,
        f"${event.session_money:.2f} beyond its session's": event.session_money,
    }
    return ", ".join(told for told, amount in more.items() if amount)


def _brief(value: Any) -> str:
    """Return what a value says of itself, else the files it is about, else how much it is, else all of it."""
    if (artifact := artifact_of(value)) is not None:
        return f"{artifact.size} bytes, kept beside the log"
    told = _own_words(value) or _place(value) or _files(value) or _counted(value)
    return told or json.dumps(value, ensure_ascii=False)


def _own_words(value: Any) -> str:
    match value:
        case str() if value:
            return value
        case {"summary": str(told)} | {"why": str(told)} | {"title": str(told)} if told:
            return told
        case {"wrong": str(told)} | {"answer": str(told)} | {"compared": str(told)} | {"level": str(told)}:
            return told
        case _:
            return ""


def _place(value: Any) -> str:
    """Say where a text stands, or why it is not known."""
    match value:
        case {"path": str(path), "lines": str(lines)} if lines:
            return f"{path}, {'line' if lines.isdecimal() else 'lines'} {lines}"
        case {"ambiguous": [_, *_] as several}:
            return f"{len(several)} of the texts in more than one place"
        case {"missing": [_, *_] as missing}:
            return f"{len(missing)} of the texts not found"
        case {"edits": [], "already": [_, *_]}:
            return "all of it stands there already"
        case _:
            return ""


def _files(value: Any) -> str:
    match value:
        case {"edits": [*files]} | {"files": [*files]} | {"paths": [*files]} | [*files] if paths := _paths(files):
            return ", ".join(paths)
        case {"files": [], "absent": [_, *_] as absent}:
            return f"not there: {', '.join(str(path) for path in absent)}"
        case {"path": str(path)}:
            return path
        case _:
            return ""


def _paths(files: list[Any]) -> list[str]:
    """Return each file once; a text in a list may be anything."""
    named = dict[str, None]()
    for file in files:
        match file:
            case {"path": str(path)} | {"file": str(path)}:
                named[path] = None
            case _:
                continue
    return [*named]


def _counted(value: Any) -> str:
    match value:
        case {"repo": str(repo), "found": dict()}:
            found = cast("dict[str, dict[str, int]]", value)["found"]
            counts = [f"{name} {count}" for name, count in found.items() if count]
            return f"{repo}: {', '.join(counts) or 'nothing found'}"
        case {"runs": int(runs)}:
            return _of(runs, "earlier review")
        case {"findings": [*rows]}:
            return _of(len(rows), "finding")
        case {"searches": [*rows]}:
            return _of(len(rows), "thing") + " to search for"
        case {"claims": [*rows]}:
            return _of(len(rows), "statement")
        case {"hits": [*rows]}:
            return _of(len(rows), "line")
        case {"paths": [*rows]}:
            return _of(len(rows), "file")
        case _:
            return ""


def _of(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"


def _line(text: str) -> str:
    line = visible(" ".join(text.split()))
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…"


def _cut(value: Any) -> Any:
    match value:
        case str() if len(value) > LONGEST_TEXT:
            return f"{value[:LONGEST_TEXT]}… ({len(value)} characters)"
        case dict():
            return {name: _cut(inner) for name, inner in cast(dict[str, Any], value).items()}
        case list():
            return [_cut(inner) for inner in cast(list[Any], value)]
        case _:
            return value
