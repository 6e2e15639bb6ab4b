"""How events and threads become rows. The thread row is an index over the log, rebuildable from it."""

import json
from collections.abc import Sequence
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import from_json

from state.events import Event, event_adapter
from state.problem import ProblemError
from state.thread import Thread

INDEXED = ("status", "outcome", "waiting_on", "question", "trouble", "generation", "tokens", "money")
NAMED = ("principal", "session", "agent", "parent", "repo", "root", "branch", "issue", "created_at")


class Damaged(Exception):
    """The row at `place` of a log is not an event."""

    def __init__(self, place: int) -> None:
        super().__init__(place)
        self.place = place


def indexed(thread: Thread) -> tuple[Any, ...]:
    """Return the columns that change now and then, in the order of `INDEXED`; `head` moves with every event."""
    question = thread.asked.key if thread.asked else None
    trouble = int(thread.trouble is not None)
    known = thread.status, thread.outcome, thread.waiting_on, question, trouble, thread.generation
    return (*known, thread.spent.tokens, thread.spent.money)


def named(thread: Thread) -> tuple[Any, ...]:
    """Return the columns that `Launched` fixes, in the order of `NAMED`."""
    first = thread.workspace[0] if thread.workspace else None
    issue = thread.task.get("issue")
    return (
        thread.principal,
        thread.session,
        thread.agent,
        thread.parent,
        first.name if first else None,
        (first.source or first.root) if first else None,
        first.branch if first else None,
        issue if isinstance(issue, str) and "\n" not in issue and len(issue) < 200 else None,
        thread.launched_at,
    )


def work_trees(thread: Thread) -> dict[str, str]:
    """Return key -> name of the work trees that nobody else may write to while the thread lives (R20).

    Those it handed down to a child are the child's.
    """
    lent = thread.family.lent if thread.family else ()
    own = (ref for ref in thread.workspace if ref.mode == "write" and ref.key and ref.key not in lent)
    return {} if thread.ended else {ref.key: ref.name for ref in own}


def encode(event: Event) -> tuple[str, str | None, str]:
    """Return kind, key and the rest as JSON.

    Raises:
        ProblemError: `bad_input`; it could not be read back: half a surrogate pair, too deep, a number too long.
    """
    key: str | None = getattr(event, "key", None)
    try:
        data = event.model_dump_json(exclude=_COLUMNS, exclude_defaults=True)
        from_json(data)  # the parser's limits are narrower than the serializer's
    except ValueError as error:
        raise ProblemError("bad_input", f"The log cannot keep this {event.kind!r} event: {error}.") from error
    return event.kind, key, data


def decode(kind: str, key: str | None, data: str) -> Event:
    """Rebuild the event in one pass of the JSON parser.

    Raises:
        ValidationError: The row is damaged.
    """
    return event_adapter.validate_json(_whole(kind, key, data))


def decode_all(rows: Sequence[tuple[str, str | None, str]]) -> list[Event]:
    """Rebuild a log at half the price of its events one by one.

    Raises:
        Damaged: Says which row is the first that is not an event.
    """
    try:
        events = _log_adapter.validate_json(f"[{','.join(_whole(*row) for row in rows)}]")
    except ValidationError:
        events = []
    return events if len(events) == len(rows) else [_decode_nth(place, row) for place, row in enumerate(rows)]


def _decode_nth(place: int, row: tuple[str, str | None, str]) -> Event:
    try:
        return decode(*row)
    except ValidationError as error:
        raise Damaged(place) from error


def _whole(kind: str, key: str | None, data: str) -> str:
    head = f'{{"kind":"{kind}"' if key is None else f'{{"kind":"{kind}","key":{json.dumps(key)}'
    return f"{head}}}" if data == "{}" else f"{head},{data[1:]}"


_log_adapter: TypeAdapter[list[Event]] = TypeAdapter(list[Event], config=ConfigDict(defer_build=True))

_COLUMNS = {"kind", "key"}
