"""A thread as JSON lines: to carry it to another store, or to keep it beside a bug report.

A header `{"factor12_thread": ID, "format": 1}`, a line per event `{"version", "recorded_at", "kind", …}` with every
field of `state.events` written out, a line per blob that an event names `{"blob": SHA256, "data": BASE64}`, and at last
`{"end": {"events": N, "blobs": N}}`, without which the file was cut off.
"""

import hashlib
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import from_json

from state.blobs import insert_blob
from state.events import ChildEnded, Event, Interrupted, event_adapter
from state.fold import InvalidTransition, reduce
from state.kinship import ending
from state.log import SqliteStore
from state.opening import EVENT, open_row
from state.problem import Problem, ProblemError
from state.rows import encode
from state.store import Record, Store, UnknownThread
from state.thread import Thread
from state.upkeep import DIGEST

FORMAT = 1
LARGEST = 128 * 1024 * 1024
"""Characters of one export that are read."""
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_HINT = "An export is imported whole, as `factor12 threads export` wrote it."
_ARRIVED = Problem(kind="conflict", message="The thread was imported.", hint="`thread_resume` goes on with it here.")


def export_thread(store: Store, thread_id: str, clean: Callable[[Any], Any] = lambda value: value) -> Iterator[str]:
    """Yield the thread's lines, without line ends.

    `clean` removes secrets from JSON data. What it changes is exported changed; a blob that it would change is left
    out, as its bytes must keep their digest.

    Raises:
        UnknownThread: No such thread.
    """
    yield _line({"factor12_thread": thread_id, "format": FORMAT})
    digests: dict[str, None] = {}
    events = blobs = 0
    for record in store.read(thread_id):
        event = clean(record.event.model_dump(mode="json"))
        text = _line({"version": record.version, "recorded_at": record.at, **event})
        digests.update(dict.fromkeys(DIGEST.findall(text)))
        events += 1
        yield text
    for digest in digests:
        if (data := store.get(digest)) is not None and clean(text := data.decode("utf-8", "replace")) == text:
            blobs += 1
            yield _line({"blob": digest, "data": b64encode(data).decode("ascii")})
    yield _line({"end": {"events": events, "blobs": blobs}})


def import_thread(store: SqliteStore, lines: Iterable[str], now: float) -> str:
    """Add the thread and return its id. All of it is checked by replaying it, and all of it is written, or nothing.

    It arrives without a lease, and one that was running interrupted: nobody drives it unasked. Importing what is here
    already, or an earlier state of it, changes nothing. What persons approved in the log counts as approved.

    Raises:
        ProblemError: `bad_input` (names the line), `limit` (too large), `conflict` (another log has this id), `busy` (a
            work tree it writes to is taken).
    """
    thread_id, records, blobs = read_export(lines)
    thread, added = _replayed(thread_id, records), list[Record]()
    for event in _lost(store, thread):
        thread = reduce(thread, event)
        added.append(Record(thread.version, now, event))
    if thread.status == "running":
        event = Interrupted(problem=_ARRIVED)
        thread = reduce(thread, event)
        added.append(Record(thread.version, now, event))
    with store.database.transaction(durable=True) as db:
        if not _is_here(store, thread_id, records):
            row = open_row(db, thread, now)
            for record in (*records, *added):
                db.execute(EVENT, (row, record.version, *encode(record.event), record.at))
            for data in blobs:
                insert_blob(db, data, now)
    return thread_id


def read_export(lines: Iterable[str]) -> tuple[str, list[Record], list[bytes]]:
    """Return id, log and blobs of an exported thread.

    Raises:
        ProblemError: `bad_input` (names the line), `limit` (too large).
    """
    rows = _rows(lines)
    first = next(rows, None)
    thread_id = _header(first[1] if first else {})
    records: list[Record] = []
    blobs: list[bytes] = []
    for number, row in rows:
        match row:
            case {"version": int(version), "recorded_at": float(at), **event} if version == len(records) + 1:
                records.append(Record(version, at, _event(number, event)))
            case {"version": _}:
                raise _flaw(number, f"version {len(records) + 1} must come here")
            case {"blob": str(digest), "data": str(data)}:
                blobs.append(_blob(number, digest, data))
            case {"end": {"events": events, "blobs": count}} if (events, count) == (len(records), len(blobs)):
                if extra := next(rows, None):
                    raise _flaw(extra[0], "nothing may follow the end")
                return thread_id, records, blobs
            case _:
                raise _flaw(number, "this is no event, no blob and not the end")
    raise ProblemError("bad_input", "The export ends before its last line.", _HINT)


def _rows(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield line number and content, within the limits of what is read."""
    left = LARGEST
    for number, line in enumerate(lines, 1):
        if (left := left - len(line)) < 0:
            raise ProblemError("limit", f"The export has more than {LARGEST} characters.", "Copy the database instead.")
        try:
            row = from_json(line, allow_inf_nan=False)
        except ValueError as error:
            raise _flaw(number, f"this is not JSON ({error})") from error
        if not isinstance(row, dict):
            raise _flaw(number, "this is not a JSON object")
        yield number, cast(dict[str, Any], row)


def _header(row: dict[str, Any]) -> str:
    match row:
        case {"factor12_thread": str(thread_id), "format": 1} if _ID.fullmatch(thread_id):
            return thread_id
        case {"factor12_thread": str(), "format": int(version)} if version > FORMAT:
            raise _flaw(1, f"format {version} is newer than this program ({FORMAT})", "Upgrade factor12.")
        case _:
            raise _flaw(1, "this is not the header of an exported thread")


def _event(number: int, event: dict[str, Any]) -> Event:
    try:
        return event_adapter.validate_python(event)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise _flaw(number, f"this is no event: {where}: {first['msg']}") from error


def _blob(number: int, digest: str, text: str) -> bytes:
    try:
        data = b64decode(text, validate=True)
    except ValueError as error:
        raise _flaw(number, "this is not base64") from error
    if hashlib.sha256(data).hexdigest() != digest:
        raise _flaw(number, f"the blob is not {digest!r}")
    return data


def _replayed(thread_id: str, records: list[Record]) -> Thread:
    thread = Thread(id=thread_id)
    for record in records:
        try:
            thread = reduce(thread, record.event)
        except InvalidTransition as error:
            raise _flaw(record.version + 1, str(error)) from error
    if not records:
        raise ProblemError("bad_input", "The export holds no event.", _HINT)
    return thread


def _is_here(store: SqliteStore, thread_id: str, records: list[Record]) -> bool:
    """Tell whether the store has this log, or has gone on since.

    Raises:
        ProblemError: `conflict`; it has another one.
    """
    try:
        known = store.read(thread_id)
    except UnknownThread:
        return False
    if [record.event for record in known[: len(records)]] != [record.event for record in records]:
        raise ProblemError("conflict", f"Thread {thread_id!r} is here with another log.", "Nothing was imported.")
    return True


def _lost(store: SqliteStore, thread: Thread) -> Iterator[Event]:
    """Yield the ends of children that can tell of them no more: they are not here, or have ended here already."""
    for child in thread.family.open if thread.family else ():
        assert thread.family is not None
        key = thread.family.spawned.key
        try:
            known = store.load(child.thread)
        except UnknownThread:
            problem = Problem(kind="not_found", message="The child was not imported before its parent.")
            yield ChildEnded(key=key, thread=child.thread, status="failed", problem=problem)
        else:
            yield from (ending(key, known),) if known.ended else ()


def _flaw(number: int, what: str, hint: str = _HINT) -> ProblemError:
    return ProblemError("bad_input", f"Line {number} of the export: {what}.", hint)


def _line(row: dict[str, Any]) -> str:
    return json.dumps(row, separators=(",", ":"))
