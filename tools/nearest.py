"""Say why a snippet does not stand in a text: where it comes closest, and what is different there."""

from collections.abc import Callable, Sequence
from difflib import get_close_matches

from tools.issue_names import latin

SHOWN = 80
_LINES = 3000
"""Lines that are compared by likeness."""
_LONGEST = 300
_PLACES = 200


def nearest(text: str, snippet: str) -> tuple[str, int | None]:
    """Return one sentence, and the line from 1 that it is about."""
    lines, wanted = _lines(text), [line for _, line in _lines(snippet)]
    starts = [place for place, (_, line) in enumerate(lines) if line == wanted[0]][:_PLACES]
    if not starts:
        return _likeness(lines, wanted[0])
    best = max(starts, key=lambda place: _agreeing(lines, place, wanted))
    alike = _agreeing(lines, best, wanted)
    number = lines[best][0]
    if alike == len(wanted):
        return f"Its lines stand on line {number}, but indented or spaced differently.", number
    if best + alike == len(lines):
        return f"It begins on line {number}, but the file ends before it does.", number
    at, found = lines[best + alike]
    there, told = _apart(found, wanted[alike])
    return f"It begins on line {number}, but line {at} is {there}, not {told}.", at


def _lines(text: str) -> list[tuple[int, str]]:
    """Return number and content of the lines that are not blank."""
    return [(number, line) for number, raw in enumerate(text.split("\n"), 1) if (line := raw.strip())]


def _agreeing(lines: Sequence[tuple[int, str]], place: int, wanted: Sequence[str]) -> int:
    """Return how many of the wanted lines follow one another from `place` on."""
    most = min(len(wanted), len(lines) - place)
    return next((n for n in range(most) if lines[place + n][1] != wanted[n]), most)


def _likeness(lines: Sequence[tuple[int, str]], first: str) -> tuple[str, int | None]:
    compared = {line: number for number, line in reversed(lines[:_LINES]) if len(line) <= _LONGEST}
    if len(first) <= _LONGEST and (close := get_close_matches(first, compared, n=1, cutoff=0.75)):
        number = compared[close[0]]
        told, there = _apart(first, close[0])
        return f"Its first line {told} is nowhere; the closest is line {number}: {there}.", number
    return f"Its first line {_cut(first)} is nowhere in the file.", None


def _apart(one: str, other: str) -> tuple[str, str]:
    """Quote two lines so that what differs shows: not cut away, and as escapes where a reader sees no difference."""
    differs = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    begin = differs - SHOWN // 2 if differs >= SHOWN else 0
    quote = ascii if latin(one) == latin(other) else repr
    return _cut(one, begin, quote), _cut(other, begin, quote)


def _cut(line: str, begin: int = 0, quote: Callable[[str], str] = repr) -> str:
    quoted, end = quote(line[begin : begin + SHOWN]), begin + SHOWN
    return f"{quoted[0]}{'…' if begin else ''}{quoted[1:-1]}{'…' if end < len(line) else ''}{quoted[-1]}"
