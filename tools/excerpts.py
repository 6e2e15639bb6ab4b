"""Show what matters of a file in few characters: its beginning, and the lines around those that are meant. Pure."""

from collections.abc import Iterable, Sequence

from pydantic import BaseModel

AROUND = 12
"""Lines shown before and after one that is meant."""
HEAD = 12
GAP = "\u2026"
_LONGEST = 400


class Excerpt(BaseModel):
    """A file, or those lines of it that fit."""

    path: str
    text: str
    """Whole lines as they stand in the file; a line with only `…` stands for lines that are left out."""
    lines: str
    """Which they are: `1-12, 40-64 of 200`."""
    whole: bool


def excerpt(path: str, text: str, meant: Iterable[int], most: int) -> Excerpt:
    """Return the file in at most about `most` characters; `meant` are lines from 1, the most important first."""
    lines = text.split("\n")
    count = len(lines) - (not lines[-1])
    if len(text) <= most:
        return Excerpt(path=path, text=text, lines=f"1-{count} of {count}", whole=True)
    shown, left = set[int](), most
    for start, end in [*((line - AROUND, line + AROUND) for line in meant), (1, HEAD), (1, count)]:
        for number in range(max(1, start), min(count, end) + 1):
            size = min(len(lines[number - 1]), _LONGEST) + 1
            if number in shown or size > left:
                continue
            shown.add(number)
            left -= size
    return Excerpt(path=path, text=_text(lines, sorted(shown)), lines=_ranges(sorted(shown), count), whole=False)


def _text(lines: Sequence[str], shown: Sequence[int]) -> str:
    parts: list[str] = []
    last = 0
    for number in shown:
        if number != last + 1:
            parts.append(GAP)
        parts.append(lines[number - 1] if len(lines[number - 1]) <= _LONGEST else lines[number - 1][:_LONGEST] + GAP)
        last = number
    return "\n".join([*parts, GAP] if last < len(lines) else parts)


def _ranges(shown: Sequence[int], count: int) -> str:
    ranges: list[list[int]] = []
    for number in shown:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    told = ", ".join(f"{first}-{last}" if last > first else f"{first}" for first, last in ranges[:20])
    return f"{told} of {count}"
