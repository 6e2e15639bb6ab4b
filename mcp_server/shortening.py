"""What of a result is too long for a host's context is shown by its beginning; where all of it is, is said."""

from typing import Any, cast

from mcp_types import ResourceLink

from mcp_server import plain
from mcp_server.envelope import Envelope

LONG = ("output", "changed", "kept", "clashes", "left_out", "repositories", "threads")
"""Fields that grow with what an agent found. Others have bounds of their own, or are needed whole."""
END = 4000
"""Characters of each end of a text in a question's context that are kept."""
WHOLE = "The whole question"
STEPS = ((4000, 100), (1000, 40), (300, 15), (80, 5))
"""Characters of a text and entries of a list that are kept, until the result fits."""


def fitted(fields: Envelope, most: int) -> tuple[Envelope, list[ResourceLink]]:
    """Return the result in at most so many characters, as far as that can be, and a link to what was cut."""
    if len(plain.text(fields)) <= most:
        return fields, []
    if (asks := _long_question(fields)) is not None:
        return asks
    short = fields
    for text, entries in STEPS:
        cut = {name: _cut(fields[name], text, entries) for name in LONG if name in fields}
        short = {**fields, **cut}
        if len(plain.text(short)) <= most:
            break
    if short == fields:
        return fields, []
    link = _link(fields)
    where = f" The resource {link.uri} has all of it." if link else ""
    return {**short, "next": f"{fields['next']} This result is shortened.{where}"}, [link] if link else []


def _long_question(fields: Envelope) -> tuple[Envelope, list[ResourceLink]] | None:
    """Return the result with both ends of what its question quotes; `None` if that is not what makes it long.

    A prompt ends with what must not be overlooked. All of it comes by one reading, or one call for clients that have
    nothing else (R19).
    """
    match fields:
        case {"thread_id": str(thread), "version": int(version), "question": {"context": dict(), **asked}}:
            thread, version = asked.get("thread_id", thread), asked.get("version", version)
        case _:
            return None
    question = fields["question"]
    context = _ends(question["context"])
    if context == question["context"]:
        return None
    uri = f"thread://{thread}/question"
    link = ResourceLink(type="resource_link", uri=uri, name="thread_question", title=WHOLE, mime_type="text/plain")
    call = f'`thread_history` with thread_id "{thread}" and after {version - 1}'
    first = f"The question is shortened: read the resource {uri}, or call {call}, to see all of it before you answer."
    return {**fields, "question": {**question, "context": context}, "next": f"{first} {fields['next']}"}, [link]


def _ends(value: Any) -> Any:
    match value:
        case str() if (more := len(value) - 2 * END) > 0:
            return f"{value[:END]}\n… {more} characters are left out here …\n{value[-END:]}"
        case list():
            return [_ends(inner) for inner in cast(list[Any], value)]
        case dict():
            return {name: _ends(inner) for name, inner in cast(dict[str, Any], value).items()}
        case _:
            return value


def _cut(value: Any, text: int, entries: int) -> Any:
    match value:
        case str() if len(value) > text:
            return f"{value[:text]}… ({len(value) - text} more)"
        case list():
            return [_cut(inner, text, entries) for inner in cast(list[Any], value)[:entries]]
        case dict():
            known = cast(dict[str, Any], value)
            return {name: _cut(inner, text, entries) for name, inner in known.items()}
        case _:
            return value


def _link(fields: Envelope) -> ResourceLink | None:
    """Return where the output is: an ended thread's is in its last event."""
    match fields:
        case {"thread_id": str(thread), "output": _, "version": int(version)}:
            uri = f"thread://{thread}/events?after={version - 1}"
            title = "The whole output"
            return ResourceLink(
                type="resource_link", uri=uri, name="thread_events", title=title, mime_type="application/x-ndjson"
            )
        case _:
            return None
