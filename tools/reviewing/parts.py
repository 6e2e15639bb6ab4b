"""Cut a change into parts small enough to be looked at: each a run of lines of one file, known by its content."""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from tools.reviewing.patch import FileDiff, Hunk
from tools.reviewing.symbols import symbol_at

PART_BYTES = 5000
LONGEST_LINE = 400
"""Characters of a line that are shown."""
RULES = "1"
"""What was reviewed under other rules is reviewed anew."""


class Line(NamedTuple):
    """A line of a change, and where it stands before and after; of a new or removed one, where it would."""

    mark: str
    old: int
    new: int
    text: str

    @property
    def number(self) -> int:
        """Return its number in the new file or, of a removed line, in the old one."""
        return self.old if self.mark == "-" else self.new


class Part(BaseModel):
    """A run of lines of one file's change."""

    model_config = ConfigDict(frozen=True)

    file: str
    about: str = ""
    """What else to know of the file: that it is new, or how it was called."""
    old: int
    new: int
    lines: list[str]
    """Each with its mark."""
    symbols: list[tuple[int, str]] = []
    """Line of the new file → what it and those after it stand in."""
    digest: str = ""
    """Of the file's name and these lines: the same after a rebase."""

    def numbered(self) -> Iterator[Line]:
        """Yield the lines with their numbers."""
        old, new = self.old, self.new
        for line in self.lines:
            mark, text = line[0], line[1:]
            yield Line(mark, old, new, text)
            old += mark in " -"
            new += mark in " +"

    def symbol(self, line: Line) -> str:
        """Return what a line stands in, or stood."""
        return symbol_at(self.symbols, line.new)

    def shown(self) -> str:
        """Return the text that a reviewer reads: number, mark, line."""
        return "\n".join(f"{line.number:>5} {line.mark} {line.text}" for line in self.numbered())


def parts(file: FileDiff, symbols: Sequence[tuple[int, str]]) -> Iterator[Part]:
    """Cut the hunks of a file; a large one into several, at lines."""
    for hunk in file.hunks:
        known = symbols or ([(1, hunk.header[:80])] if hunk.header else [])
        for old, new, lines in _cut(hunk):
            yield Part(
                file=file.path,
                about=_about(file),
                old=old,
                new=new,
                lines=lines,
                symbols=_within(known, new, sum(line[0] != "-" for line in lines)),
                digest=digest(file.path, lines),
            )


def clipped(text: str) -> str:
    """Return a line as far as it is shown."""
    return text if len(text) <= LONGEST_LINE else f"{text[:LONGEST_LINE]}…"


def digest(path: str, lines: Sequence[str]) -> str:
    """Return what a part is known by: 16 hex digits."""
    text = "\0".join((RULES, path, *lines))
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _about(file: FileDiff) -> str:
    said = {"added": "new file", "renamed": f"was {file.old_path}"}.get(file.kind, "")
    return f"symbolic link, {said}".removesuffix(", ") if file.mode == "120000" else said


def _cut(hunk: Hunk) -> Iterator[tuple[int, int, list[str]]]:
    old, new, size = hunk.old, hunk.new, 0
    lines: list[str] = []
    for line in hunk.lines:
        short = line[0] + clipped(line[1:])
        if lines and size + len(short.encode("utf-8", "replace")) > PART_BYTES:
            if any(line[0] != " " for line in lines):
                yield old, new, lines
            old += sum(line[0] != "+" for line in lines)
            new += sum(line[0] != "-" for line in lines)
            lines, size = [], 0
        lines.append(short)
        size += len(short.encode("utf-8", "replace")) + 4
    if any(line[0] != " " for line in lines):
        yield old, new, lines


def _within(symbols: Sequence[tuple[int, str]], first: int, count: int) -> list[tuple[int, str]]:
    inside = [one for one in symbols if first < one[0] <= first + count]
    before = symbol_at(symbols, first)
    return [(first, before), *inside] if before or inside else []
