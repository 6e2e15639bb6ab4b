"""Find the two sides of every change an issue asks for, and the file that is meant where each of them stands."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from tools.issue_form import Flaw
from tools.issue_lines import Field, code_span, field_of
from tools.issue_markdown import Block, Code, Heading, Prose
from tools.issue_names import VAGUE, known_section, plain, section_of
from tools.issue_paths import contained, is_plain_file, mentioned_files, stated_file

Side: TypeAlias = Literal["current", "should"]
_COMMENT = re.compile(r"\s*(?:#+|//+|--+|;+|%+|/\*+|<!--)\s*(.{1,60}?)\s*(?:\*/|-->)?\s*$")
_ASIDE = re.compile(r"\(([^()]+)\)\s*:?$")
_NUMBER = re.compile(r"^[0-9]{1,4}[.)]\s")
_LONGEST_COMMENT = 100
_UPDATE = re.compile(r"(?:update|modify|edit|change)\s+(`[^`]+`)\s*(?:[:.]\s*)?$", re.IGNORECASE)
_BETWEEN = " \t,;.→=>-"
ONE_EACH = "Write one 'Current Code' and one 'Should Be', each with one code block, for every change."


@dataclass(slots=True)
class Claim:
    """One side of a pair."""

    side: Side
    name: str
    line: int
    level: int | None
    """Of its heading; `None` for a line such as `Current:`."""
    code: Code | None = None
    file: str | None = None
    own_file: str | None = None
    """Stated between the name and the code."""
    inline: bool = False
    """The code stands in the line of its name."""

    @property
    def vague(self) -> bool:
        """Plain words may stand below this name."""
        return self.level is None or plain(self.name) in VAGUE

    @property
    def remark(self) -> bool:
        """It may tell what is, and ask for nothing."""
        return self.inline and plain(self.name) in VAGUE


@dataclass(slots=True)
class Place:
    """A heading that is not a section's name, or the top of the issue, and the file that is stated below it."""

    level: int
    file: str | None = None
    line: int = 0
    """On which a field or a section states the file; 0 if it is only in the heading."""
    rival: "Place | None" = None
    """Another file that was stated before this one, and that no side has used."""
    used: bool = False


@dataclass(slots=True)
class Reading:
    """One pass over the blocks of an issue, in order."""

    claims: list[Claim] = field(default_factory=list[Claim])
    stated: list[str] = field(default_factory=list[str])
    """Every file stated, in order."""
    _open: Claim | None = None
    _places: list[Place] = field(default_factory=lambda: [Place(0)])
    _awaits_file: bool = False

    def heading(self, block: Heading) -> None:
        section = section_of(block.text, block.line)
        claim = self._open
        if claim and (section or claim.code or claim.level is None or block.level <= claim.level):
            self._open = None
        side = section if section == "current" or section == "should" else None
        while self._places[-1].level > block.level or (self._places[-1].level == block.level and not side):
            self._places.pop()
        self._awaits_file = section == "file" or (section == "target_file" and len(self._places) > 1)
        if side:
            self._open = Claim(side, block.text.strip(" *:"), block.line, block.level)
            self.claims.append(self._open)
        elif section is None:
            self._places.append(Place(block.level))
        if (side or section is None) and (file := _file_in_heading(block)):
            self._state(file, block.line, heading=True)

    def prose(self, block: Prose, *, above_code: bool) -> None:
        if self._whole_span(block):
            return
        lines = block.text.split("\n")
        for line, text in enumerate(lines, block.line):
            self._line(text, line, above_code and line == block.line + len(lines) - 1)

    def code(self, block: Code) -> None:
        claim = self._open
        if claim is None:
            if claim := _named_by_comment(block):
                self.claims.append(claim)
                self._fill(claim, Code(block.line + 1, block.text.partition("\n")[2]))
        elif claim.code is not None:
            raise Flaw(block.line, f"a second code block under {claim.name!r} of line {claim.line}.", ONE_EACH)
        else:
            self._fill(claim, block)

    def _line(self, text: str, line: int, above_code: bool) -> None:
        if (update := _UPDATE.match(text.strip())) and (files := mentioned_files(update[1])):
            return self._state(contained(files[0], line), line)
        while found := field_of(text, line):
            match found.section:
                case "current" | "should" as side:
                    text = self._side(side, found, line, above_code)
                case "file":
                    return self._state(stated_file(found.value, line), line)
                case "target_file" if len(self._places) > 1:
                    return self._state(stated_file(found.value, line), line)
                case _:
                    return None
        if self._awaits_file and text.strip():
            self._awaits_file = False
            self._state(stated_file(text, line), line)
        return None

    def _side(self, side: Side, found: Field, line: int, above_code: bool) -> str:
        """Open a side that a line names, and return what of the line is still to be read."""
        span = code_span(found.value)
        rest = span[1].lstrip(_BETWEEN) if span else ""
        if rest and not field_of(rest, line):
            return ""  # words that begin with code
        again = self._open and self._open.side == side and self._open.level and not self._open.code
        if span is None and (again or (found.value and not above_code)):
            return ""
        claim = Claim(side, found.name, line, None, inline=span is not None)
        self.claims.append(claim)
        self._open = claim
        if span:
            self._fill(claim, Code(line, span[0]))
        return rest

    def _whole_span(self, block: Prose) -> bool:
        """Take prose that is one code span for the code of the section it stands in, or for its file."""
        span = code_span(block.text.strip())
        if not (self._open and self._open.code is None and span and span[1].strip() in ("", ":")):
            return False
        if is_plain_file(span[0]):
            self._state(contained(span[0], block.line), block.line)
        else:
            self._fill(self._open, Code(block.line, span[0]))
        return True

    def _fill(self, claim: Claim, code: Code) -> None:
        claim.code = code
        place = next((one for one in reversed(self._places) if one.file), None)
        if place and place.rival and not (place.used or claim.own_file):
            what = (
                f"{place.file!r} is named here for what follows, and {place.rival.file!r} on line {place.rival.line}."
            )
            raise Flaw(place.line, what, "Name one file before each pair.")
        claim.file = claim.own_file or (place.file if place else None)
        if place:
            place.used = True
        if claim.level is None:
            self._open = None

    def _state(self, file: str | None, line: int, *, heading: bool = False) -> None:
        if file is None:
            return
        self.stated.append(file)
        last = self._places[-1]
        rival = last if last.line and last.file != file else last.rival
        self._places[-1] = Place(last.level, file, 0 if heading else line, None if last.used else rival)
        if self._open and self._open.code is None:
            if self._open.own_file not in (None, file):
                raise Flaw(line, f"{self._open.name!r} of line {self._open.line} names two files.", ONE_EACH)
            self._open.own_file = file


def read_sides(blocks: Sequence[Block]) -> Reading:
    """Find every side of a pair, and every file that is stated.

    Raises:
        Flaw: A name or a path only looks like one, a path leads out, or a side holds two code blocks.
    """
    reading = Reading()
    for at, block in enumerate(blocks):
        if isinstance(block, Heading):
            reading.heading(block)
        elif isinstance(block, Code):
            reading.code(block)
        else:
            reading.prose(block, above_code=isinstance(next(iter(blocks[at + 1 : at + 2]), None), Code))
    return reading


def _named_by_comment(block: Code) -> Claim | None:
    """Return the side that the first line of the code names in a comment: `# Current broken code:`."""
    first, end, _ = block.text.partition("\n")
    if not end or len(first) > _LONGEST_COMMENT or (comment := _COMMENT.fullmatch(first)) is None:
        return None
    side = known_section(comment[1])
    named = comment[1].endswith(":") or plain(comment[1]) not in VAGUE
    if named and (side == "current" or side == "should"):
        return Claim(side, comment[1].rstrip(" :"), block.line, None)
    return None


def _file_in_heading(heading: Heading) -> str | None:
    """Return the file that a heading names: alone, as `File: …`, in parentheses, or as the only one in backticks."""
    found = field_of(heading.text, heading.line)
    if found and found.section in ("file", "target_file"):
        return stated_file(found.value, heading.line)
    bare = aside[1] if (aside := _ASIDE.search(heading.text)) else _NUMBER.sub("", heading.text, count=1).strip(" *:")
    named = [bare] if is_plain_file(bare) else mentioned_files(heading.text)
    return contained(named[0], heading.line) if len(named) == 1 else None
