"""Find the one place where a snippet stands in a file, more leniently rung by rung, never by a guess (R12).

The rungs: `exact`; `newlines` (CRLF where the other has LF); `trailing_space` (of a line, ignored); `reindented` (all
lines indented by the same amount more, or less). The first rung with any match decides, and the caller needs exactly
one. A snippet stands for whole lines if it can, else for a part of lines; then it must not begin or end inside a word:
`return x` does not stand in `return xy`. Pure.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, chain, islice, takewhile
from typing import Literal, TypeAlias, get_args

Rung: TypeAlias = Literal["exact", "newlines", "trailing_space", "reindented"]
RUNGS: tuple[Rung, ...] = get_args(Rung)
MOST = 200
"""Matches that are looked for. Where there are as many, there may be more."""
BOM = "\ufeff"
_SPACE = " \t\f\v"
_NO_WORD = re.compile(r"\W")


@dataclass(frozen=True, slots=True)
class Match:
    """A place of a snippet in a text."""

    start: int
    """Offset in the text, in characters; so is `end`."""
    end: int
    line: int
    """From 1."""
    rung: Rung
    found: str
    """What stands there; whole lines with the end of the last one."""
    old: str
    """The snippet."""
    newline: str
    """What a line of the replacement ends with."""
    whole: bool
    """Whether it stands for whole lines."""
    add: str = ""
    """Indentation that the file has and the snippet lacks."""
    cut: str = ""
    """Indentation that the snippet has and the file lacks."""

    def replacement(self, new: str) -> str:
        """Return what to put in the place of `found`: indented, and its lines ended, as the file does it there.

        Whole lines that `old` and `new` begin or end with alike stay as the file has them. With nothing in `new`, whole
        lines go with their line ends.
        """
        ended = self.old.endswith("\n")
        before, after = _bodies(self.old, ended=ended), _bodies(new, ended=ended)
        ending = _ending(self.found)
        if not self.whole:
            return self.newline.join([*after[:1], *map(self._shifted, after[1:])]) + ending
        if not new or not after:
            return ""
        head = _alike(before, after)
        tail = _alike(before[head:][::-1], after[head:][::-1])
        there = [line if _ending(line) else line + self.newline for line in _raw_lines(self.found)]
        middle = [self._shifted(body) + self.newline for body in after[head : len(after) - tail]]
        joined = "".join([*there[:head], *middle, *there[len(there) - tail :]])
        return joined.removesuffix(_ending(joined)) + ending

    def _shifted(self, body: str) -> str:
        if not (self.add or self.cut):
            return body
        return self.add + body[_alike(body, self.cut) :] if body.strip() else ""


def find(text: str, old: str, line: int | None = None, new: str | None = None) -> list[Match]:
    """Return the places of `old` on the first rung that has any, in order, at most `MOST`.

    With `line`, only those that start there. With `new`, only those where it does not stand yet: if `old` is a part of
    `new`, putting it once more would repeat it.
    """
    file, snippet = _Lines(text), _Lines(old.removeprefix(BOM))
    words = snippet.text.split()
    if not words or max(words, key=len) not in text:
        return []
    for rung in _LADDER:
        found = rung(file, snippet, 0)
        if (first := next(found, None)) is None:
            continue
        if line is None:
            found = islice(chain([first], found), MOST)
        else:
            found = takewhile(lambda match: match.line == line, rung(file, snippet, line - 1))
        return [match for match in found if new is None or not _stands(text, match, new)]
    return []


def applied(text: str, old: str, new: str) -> bool:
    """Tell whether `new` stands in the text, and `old` nowhere but as a part of it.

    Of text that was to be removed nothing is left to tell this by, so without `new` the answer is no.
    """
    return bool(find(text, new)) and not find(text, old, new=new)


class _Lines:
    """A text, cut into lines."""

    def __init__(self, text: str) -> None:
        self.text = text
        first = len(BOM) if text.startswith(BOM) else 0
        self.raw = _raw_lines(text[first:])
        self.bodies = [line.removesuffix(_ending(line)) for line in self.raw]
        self.starts = list(accumulate(map(len, self.raw), initial=first))
        """Of each line, and the end of the last."""

    def newline_at(self, index: int) -> str:
        """Return the line end that new text at a line should have: that line's, or the one most used."""
        often = "\r\n" if 2 * self.text.count("\r\n") > self.text.count("\n") else "\n"
        return _ending(self.raw[index]) or often

    def whole(self, index: int, snippet: "_Lines", rung: Rung, add: str = "", cut: str = "") -> Match:
        start, end = self.starts[index], self.starts[index + len(snippet.raw)]
        found = self.text[start:end]
        return Match(start, end, index + 1, rung, found, snippet.text, self.newline_at(index), True, add, cut)


def _exact_lines(file: _Lines, snippet: _Lines, begin: int) -> Iterator[Match]:
    *inner, last = snippet.raw
    for index in _runs(file.bodies, snippet.bodies, begin):
        end = index + len(inner)
        if file.raw[index:end] == inner and (not _ending(last) or file.raw[end] == last):
            yield file.whole(index, snippet, "exact")


def _exact_parts(file: _Lines, snippet: _Lines, begin: int) -> Iterator[Match]:
    return _parts(file, snippet, snippet.text, "exact", begin)


def _lines_but_for_newlines(file: _Lines, snippet: _Lines, begin: int) -> Iterator[Match]:
    for index in _runs(file.bodies, snippet.bodies, begin):
        yield file.whole(index, snippet, "newlines")


def _parts_but_for_newlines(file: _Lines, snippet: _Lines, begin: int) -> Iterator[Match]:
    unified = snippet.text.replace("\r\n", "\n").replace("\n", file.newline_at(0))
    return _parts(file, snippet, unified, "newlines", begin)


def _lines_but_for_trailing_space(file: _Lines, snippet: _Lines, begin: int) -> Iterator[Match]:
    for index in _runs([b.rstrip(_SPACE) for b in file.bodies], [b.rstrip(_SPACE) for b in snippet.bodies], begin):
        yield file.whole(index, snippet, "trailing_space")


def _lines_but_for_indentation(file: _Lines, snippet: _Lines, begin: int) -> Iterator[Match]:
    for index in _runs([b.strip(_SPACE) for b in file.bodies], [b.strip(_SPACE) for b in snippet.bodies], begin):
        if (shift := _shift(file.bodies[index : index + len(snippet.bodies)], snippet.bodies)) is not None:
            yield file.whole(index, snippet, "reindented", *shift)


_LADDER: tuple[Callable[[_Lines, _Lines, int], Iterator[Match]], ...] = (
    _exact_lines,
    _exact_parts,
    _lines_but_for_newlines,
    _parts_but_for_newlines,
    _lines_but_for_trailing_space,
    _lines_but_for_indentation,
)


def _runs(lines: Sequence[str], wanted: Sequence[str], begin: int) -> Iterator[int]:
    """Yield each index, from `begin`, at which the wanted lines follow one another; they may overlap."""
    starts = list(accumulate((len(line) + 1 for line in lines), initial=0))
    text, sought = "\n".join(["", *lines, ""]), "\n".join(["", *wanted, ""])
    at = text.find(sought, starts[begin]) if begin < len(starts) else -1
    while at >= 0:
        yield bisect_right(starts, at) - 1
        at = text.find(sought, at + 1)


def _parts(file: _Lines, snippet: _Lines, sought: str, rung: Rung, begin: int) -> Iterator[Match]:
    """Yield where the snippet stands as a part of lines, or alone on its line but indented."""
    at = file.text.find(sought, file.starts[begin]) if begin < len(file.starts) else -1
    while at >= 0:
        end, next_at = at + len(sought), at + 1
        if _within_word(file.text, at):
            next_at = gap.start() if (gap := _NO_WORD.search(file.text, at)) else len(file.text)
        elif not _within_word(file.text, end):
            yield _part(file, snippet, at, end, rung)
        at = file.text.find(sought, next_at)


def _part(file: _Lines, snippet: _Lines, at: int, end: int, rung: Rung) -> Match:
    index = bisect_right(file.starts, at, hi=len(file.raw)) - 1
    before = file.text[file.starts[index] : at]
    lead = before if len(snippet.raw) == 1 and not before.strip(_SPACE) else ""
    if len(snippet.raw) == 1 and file.bodies[index].rstrip(_SPACE) == lead + snippet.bodies[0].rstrip(_SPACE):
        return file.whole(index, snippet, "reindented" if lead else "trailing_space", lead)
    newline = file.newline_at(index)
    return Match(at, end, index + 1, rung, file.text[at:end], snippet.text, newline, False, lead)


def _shift(there: Sequence[str], snippet: Sequence[str]) -> tuple[str, str] | None:
    """Return the indentation to add and to cut that makes all of the snippet's lines the file's, if there is one."""
    pairs = [(_indent(a), _indent(b)) for a, b in zip(there, snippet, strict=True) if b.strip(_SPACE)]
    have, want = pairs[0]
    add, cut = have[: max(0, len(have) - len(want))], want[: max(0, len(want) - len(have))]
    return (add, cut) if all(cut + have == add + want for have, want in pairs) else None


def _stands(text: str, match: Match, new: str) -> bool:
    """Tell whether the replacement stands around the match already: shifted like it, or just as it was given."""
    return any(_surrounds(text, one, new) for one in (match, replace(match, add="", cut="")))


def _surrounds(text: str, match: Match, new: str) -> bool:
    wanted = match.replacement(new)
    wanted = wanted.removesuffix(_ending(wanted))
    found = match.found.removesuffix(_ending(match.found))
    at = wanted.find(found) if wanted.strip() else -1
    while at >= 0:
        start, end = match.start - at, match.start - at + len(wanted)
        if start >= 0 and text.startswith(wanted, start) and _is_free(text, start, end, match.whole):
            return True
        at = wanted.find(found, at + 1)
    return False


def _is_free(text: str, start: int, end: int, whole: bool) -> bool:
    """Tell whether a stretch is bounded as it should: by line ends, or not inside a word."""
    if not whole:
        return not (_within_word(text, start) or _within_word(text, end))
    return text[max(0, start - 1) : start] in ("", "\n", BOM) and text[end : end + 1] in ("", "\n", "\r")


def _within_word(text: str, at: int) -> bool:
    return 0 < at < len(text) and _is_word(text[at - 1]) and _is_word(text[at])


def _is_word(char: str) -> bool:
    return char == "_" or char.isalnum()


def _bodies(text: str, *, ended: bool) -> list[str]:
    """Return the lines of a snippet; if snippets come `ended`, a last line end does not begin another line."""
    bodies = text.removeprefix(BOM).replace("\r\n", "\n").split("\n")
    return bodies[:-1] if ended and not bodies[-1] else bodies


def _raw_lines(text: str) -> list[str]:
    """Cut into lines with their ends. Only LF and CRLF end a line, unlike in `str.splitlines`."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _ending(text: str) -> str:
    if not text.endswith("\n"):
        return ""
    return "\r\n" if text.endswith("\r\n") else "\n"


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many items both begin with."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
