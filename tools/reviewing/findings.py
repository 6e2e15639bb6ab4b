"""What a review finds, by what it is known again, and the proof that what a model quotes stands in the change."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from tools.reviewing.parts import Line, Part

Severity: TypeAlias = Literal["critical", "major", "minor", "nit"]
Confidence: TypeAlias = Literal["high", "medium", "low"]
Judged: TypeAlias = Literal["bug", "security", "performance", "tests", "maintainability", "documentation"]
Category: TypeAlias = Literal["bug", "security", "performance", "tests", "maintainability", "documentation", "lint"]
State: TypeAlias = Literal["new", "still", "fixed", "dismissed"]
SEVERITIES: tuple[Severity, ...] = ("critical", "major", "minor", "nit")
NEAR = 3
"""Lines by which a model may be off where its quote stands several times."""
LONGEST = 400
"""Characters of a message or a suggestion that are kept."""
QUOTED = 160
MOST = 12
"""Findings that are taken from one answer."""
_MARKED = re.compile(r"\s*\d*\s*[-+]?\s")
_TELLING = re.compile(r"\w\W*\w")


class Claim(BaseModel):
    """A defect that somebody says there is."""

    severity: Severity = Field(
        description="critical: data loss, a hole, a crash in ordinary use; major: wrong in cases that will occur; "
        "minor: wrong in rare ones, or costly to keep; nit: taste"
    )
    category: Judged
    file: str = Field(description="As it is named above its lines")
    line: int = Field(description="The number shown before the line")
    quote: str = Field(description="That line, copied exactly, without number and mark")
    message: str = Field(description="What goes wrong, and when, in one or two sentences")
    suggestion: str = Field(default="", description="What to do instead, in one sentence or line of code")
    confidence: Confidence


class Claims(BaseModel):
    """What a look at one part of the change found; an empty list where there is nothing."""

    findings: list[Claim]


class Finding(BaseModel):
    """A defect whose line stands in the change."""

    model_config = ConfigDict(frozen=True)

    fingerprint: str
    """The same after a rebase, and however it is worded: of file, category, symbol and line of code."""
    state: State = "new"
    severity: Severity
    category: Category
    file: str
    line: int
    """In the new file; of a removed line, in the old one."""
    quote: str
    message: str
    suggestion: str = ""
    confidence: Confidence
    symbol: str = ""
    """The function or class it stands in."""
    removed: bool = False
    rule: str = ""
    """Which rule of a linter, or of ours, says so; a model's findings have none."""
    reason: str = ""
    """Why it was dismissed."""
    was: str = ""
    """Its fingerprint before the code around it moved."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a part."""

    part: Part
    line: Line

    @property
    def removed(self) -> bool:
        return self.line.mark == "-"


def normal(text: str) -> str:
    """Return a line as it is compared: however it is indented and spaced."""
    return " ".join(text.split())


def fingerprint(file: str, kind: str, symbol: str, line: str) -> str:
    """Return what a finding is known by: 12 hex digits."""
    text = "\0".join((file, kind, symbol, normal(line)))
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def found_at(
    place: Place, severity: Severity, category: Category, message: str, *, rule: str = "", quote: str = ""
) -> Finding:
    """Return a finding that is certain, of a rule."""
    symbol, text = place.part.symbol(place.line), place.line.text
    return Finding(
        fingerprint=fingerprint(place.part.file, rule or category, symbol, text),
        severity=severity,
        category=category,
        file=place.part.file,
        line=place.line.number,
        quote=_short(quote or text, QUOTED),
        message=_short(message, LONGEST),
        confidence="high",
        symbol=symbol,
        removed=place.removed,
        rule=rule,
    )


def verified(parts: Sequence[Part], claims: Claims) -> tuple[list[Finding], list[str]]:
    """Return the claims whose quote stands in the change, at the line where it does, and why each other was dropped."""
    kept: list[Finding] = []
    dropped: list[str] = []
    for claim in claims.findings[:MOST]:
        place = locate(parts, claim)
        if isinstance(place, str):
            dropped.append(place)
        else:
            sure = found_at(place, claim.severity, claim.category, claim.message)
            more = {"suggestion": _short(claim.suggestion, LONGEST), "confidence": claim.confidence}
            kept.append(sure.model_copy(update=more))
    return kept, dropped + ["too many findings in one answer"] * len(claims.findings[MOST:])


def locate(parts: Sequence[Part], claim: Claim) -> Place | str:
    """Return where the quote of a claim stands, or why it is not taken."""
    file = _file(claim.file, {part.file for part in parts})
    if not file:
        return "not a file of what was shown"
    readings = (list(_standing(parts, file, text)) for text in _readings(claim.quote))
    places = next(filter(None, readings), None)
    if not places:
        told = bool(_TELLING.search(claim.quote[: 2 * LONGEST]))
        return "quote does not stand there" if told else "quote says nothing"
    exact = [place for place in places if place.line.number == claim.line]
    near = sorted((place for place in places if _off(place, claim) <= NEAR), key=lambda place: _off(place, claim))
    if exact:
        return exact[0]
    if len(near) == 1 or (near and _off(near[0], claim) < _off(near[1], claim)):
        return near[0]
    return places[0] if len(places) == 1 else "quote stands in several places"


def merged(findings: Iterable[Finding]) -> tuple[list[Finding], int]:
    """Return each finding once, the gravest of those with one fingerprint, gravest first, and how many were doubled."""
    kept: dict[str, Finding] = {}
    doubled = 0
    for one in findings:
        other = kept.get(one.fingerprint)
        doubled += other is not None
        if other is None or SEVERITIES.index(one.severity) < SEVERITIES.index(other.severity):
            kept[one.fingerprint] = one
    return sorted(kept.values(), key=lambda one: (SEVERITIES.index(one.severity), one.file, one.line)), doubled


def _off(place: Place, claim: Claim) -> int:
    return abs(place.line.number - claim.line)


def _file(named: str, known: set[str]) -> str:
    tried = (named, named.removeprefix("./"), named[2:] if named[:2] in ("a/", "b/") else named)
    return next((name for name in tried if name in known), "")


def _readings(quote: str) -> list[list[str]]:
    """Return the lines of a quote as they may be meant: as they are or, where that is nowhere, without our marks."""
    lines = [line for line in quote[: 4 * LONGEST].splitlines() if line.strip()][:20]
    plain = [normal(line) for line in lines]
    bare = [normal(_MARKED.sub("", line, count=1)) for line in lines]
    return [text for text in ([plain] if plain == bare else [plain, bare]) if text and _TELLING.search(text[0])]


def _standing(parts: Sequence[Part], file: str, wanted: Sequence[str]) -> Iterator[Place]:
    """Yield where the first line of a quote stands, its others below it; in the new text, else in what was removed."""
    for marks in ("+ ", "- "):
        found = [place for part in parts if part.file == file for place in _matches(part, marks, wanted)]
        yield from found
        if found:
            return


def _matches(part: Part, marks: str, wanted: Sequence[str]) -> Iterator[Place]:
    side = [line for line in part.numbered() if line.mark in marks]
    texts = [normal(line.text) for line in side]
    for at, line in enumerate(side):
        if marks[0] == "-" and line.mark != "-":
            continue
        below = texts[at : at + len(wanted)]
        if len(below) == len(wanted) and all(quote in text for quote, text in zip(wanted, below, strict=True)):
            yield Place(part, line)


def _short(text: str, most: int) -> str:
    plain = text.strip()
    return plain if len(plain) <= most else f"{plain[:most]}…"
