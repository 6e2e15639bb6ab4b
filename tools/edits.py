"""Turn edits, a snippet and what it becomes, into exact replacements in one text: all of them or none (R12)."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from tools.errors import ToolError
from tools.ladder import Match, Rung, applied, find

REDACTED = "«redacted»"
"""Stands for a secret in every outward copy. Whoever sends it back has not seen the text (SECURITY row 24)."""
SHOWN = 60
_LISTED = 8


class Edit(BaseModel):
    """Where `old` stands, put `new`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    old: Annotated[str, Field(min_length=1)]
    new: str
    line: Annotated[int, Field(ge=1)] | None = None
    """The line `old` starts on; needed only if it stands more than once."""


class Span(BaseModel):
    """One replacement in a text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: int
    """Offset in the old text, in characters; so is `end`."""
    end: int
    old: str
    new: str
    line: int
    """In the old text, from 1."""
    rung: Rung


class Replaced(BaseModel):
    """One replacement that was made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    line: int
    """In the old text, from 1."""
    rung: Rung
    old: str
    new: str


def plan_edits(text: str, edits: Sequence[Edit], path: str) -> tuple[Span, ...]:
    """Return the replacements in the order of the text; every edit is found in `text` as it is.

    Raises:
        ToolError: `not_found` or `ambiguous` for an edit without its one place, `conflict` for one that is done
            already, `bad_input` for edits that overlap.
    """
    return in_order([plan_edit(text, edit, path) for edit in edits], path)


def plan_edit(text: str, edit: Edit, path: str) -> Span:
    """Return the one replacement that an edit asks for.

    Raises:
        ToolError: As `plan_edits`.
    """
    require_text(edit.old + edit.new, path)
    match find(text, edit.old, edit.line, edit.new):
        case [place]:
            return span_of(place, edit.new)
        case []:
            where = f" on line {edit.line}" if edit.line else ""
            if applied(text, edit.old, edit.new):
                raise ToolError("conflict", f"{path!r} has {shown(edit.new)} already.", "Leave this edit out.")
            raise ToolError("not_found", f"{shown(edit.old)} does not stand in {path!r}{where}.", "Read the file.")
        case places:
            lines = [str(place.line) for place in places[:_LISTED]] + ["…"] * (len(places) > _LISTED)
            message = f"{shown(edit.old)} stands {len(places)} times in {path!r}: lines {', '.join(lines)}."
            raise ToolError("ambiguous", message, "Give more of the lines around it, or its `line`.")


def span_of(place: Match, new: str) -> Span:
    """Return the replacement that puts `new` at a place."""
    text = place.replacement(new)
    return Span(start=place.start, end=place.end, old=place.found, new=text, line=place.line, rung=place.rung)


def in_order(spans: Sequence[Span], path: str) -> tuple[Span, ...]:
    """Sort replacements by place.

    Raises:
        ToolError: Two of them overlap.
    """
    ordered = sorted(spans, key=lambda span: (span.start, span.end))
    for one, other in pairwise(ordered):
        if other.start < one.end:
            message = f"Two edits of {path!r} change the same text: lines {one.line} and {other.line}."
            raise ToolError("bad_input", message, "Make them one edit.")
    return tuple(ordered)


def reverse(text: str, made: Sequence[Replaced], path: str) -> tuple[Span, ...]:
    """Return the replacements that take others back, in a text that has changed since.

    Raises:
        ToolError: `conflict`, unless what each of them put there stands exactly once.
    """
    spans: list[Span] = []
    for done in made:
        at = text.find(done.new) if done.new else -1
        if at < 0 or text.find(done.new, at + 1) >= 0:
            how = "was removed there" if not done.new else "does not stand there any more" if at < 0 else "stands twice"
            message = f"{path!r} has changed since, and {shown(done.new or done.old)} {how}."
            raise ToolError("conflict", message, "Take the edit back by hand.")
        line = text.count("\n", 0, at) + 1
        spans.append(Span(start=at, end=at + len(done.new), old=done.new, new=done.old, line=line, rung="exact"))
    return in_order(spans, path)


def splice(text: str, spans: Sequence[Span]) -> str:
    """Return the text with the replacements made. They are in order and do not overlap."""
    parts: list[str] = []
    at = 0
    for span in spans:
        parts += text[at : span.start], span.new
        at = span.end
    return "".join([*parts, text[at:]])


def line_ranges(spans: Sequence[Span], *, after: bool) -> str:
    """Say which lines the replacements cover, such as `12-14, 30`: in the old text, or in the one they lead to."""
    ranges: list[str] = []
    moved = 0
    for span in spans:
        text = span.new if after else span.old
        first = span.line + (moved if after else 0)
        last = first + text.removesuffix("\n").count("\n")
        ranges.append(f"{first}-{last}" if last > first else f"{first}")
        moved += span.new.count("\n") - span.old.count("\n")
    return ", ".join(ranges)


def require_text(text: str, path: str) -> None:
    """Refuse what must not be put into a file.

    Raises:
        ToolError: The text has a redacted secret, or characters that no text file has.
    """
    if REDACTED in text:
        message = f"The edit of {path!r} has {REDACTED}, which stands for a secret that was not shown."
        raise ToolError("refused", message, "Leave lines with secrets out of edits.")
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise ToolError("bad_input", f"The text for {path!r} has a NUL or half a character.", "Send plain text.")


def shown(snippet: str) -> str:
    """Name a snippet in an error by its first line."""
    first, *more = snippet.strip().splitlines() or [""]
    return f"{first[:SHOWN]!r}{'…' if more or len(first) > SHOWN else ''}"
