"""What every door does to find threads again and to read their logs."""

import json
from typing import Any

from mcp_server.arguments import Listing
from mcp_server.compose import Runtime
from mcp_server.timeline import entry, iso
from state.store import Row, Search
from state.thread import Thread

MOST_EVENTS = 50
MOST_BYTES = 24_000


def listed(runtime: Runtime, wanted: Listing) -> list[dict[str, Any]]:
    """Return the caller's threads that match, the latest first.

    Raises:
        ProblemError: `not_found`; there is no such session, agent or repository.
    """
    search = wanted.model_dump(exclude_none=True)
    if wanted.session is not None:
        runtime.session(wanted.session)
    if wanted.agent is not None:
        runtime.engine.agent(wanted.agent)
    if wanted.repo is not None and "/" in wanted.repo:
        search["repo"] = str(runtime.repositories.resolve(wanted.repo))
    return [_row(row) for row in runtime.store.list(Search(**search), runtime.principal)]


def page(runtime: Runtime, thread: Thread, after: int) -> tuple[list[dict[str, Any]], int]:
    """Return the thread's events past version `after`, oldest first, as many as fit, and the version of the last.

    Texts in them are cut, but not of the open question when the page begins with it: that is how it is asked for.
    """
    events, size = list[dict[str, Any]](), 0
    for record in runtime.store.read(thread.id, after, MOST_EVENTS):
        events.append(entry(record, whole=not events and record.event == thread.asked))
        size += len(json.dumps(events[-1]))
        if size > MOST_BYTES:
            break
    return events, events[-1]["version"] if events else after


def _row(row: Row) -> dict[str, Any]:
    fields = row.model_dump(mode="json", exclude_none=True)
    return {**fields, "created_at": iso(row.created_at), "updated_at": iso(row.updated_at)}
