"""The words that have a meaning in an issue, and the letters that only look like them."""

import re
import unicodedata
from typing import Literal, TypeAlias

from tools.issue_form import Flaw

Section: TypeAlias = Literal[
    "current",
    "should",
    "description",
    "problem",
    "solution",
    "requirements",
    "success_criteria",
    "files_update",
    "files_create",
    "target_file",
    "file",
    "metadata",
    "agent",
    "assignee",
    "type",
    "priority",
    "status",
    "labels",
    "repository",
    "source_repository",
    "parent",
    "dependencies",
    "checks",
]

_WORDS: dict[Section, str] = {
    "current": "current code|current broken code|current broken|broken code|current",
    "should": "should be|fixed code",
    "description": "description",
    "problem": "problem",
    "solution": "solution",
    "requirements": "requirements",
    "success_criteria": "success criteria|acceptance criteria",
    "files_update": "files to update|files to modify|files to create/modify|files to update/create|target files",
    "files_create": "files to create",
    "target_file": "target file",
    "file": "file",
    "metadata": "metadata",
    "agent": "agent assignment|assigned agent|agent",
    "assignee": "assignee",
    "type": "type",
    "priority": "priority",
    "status": "status|state",
    "labels": "labels|label",
    "repository": "repository",
    "source_repository": "source repository",
    "parent": "parent issue|parent",
    "dependencies": "dependencies|depends on",
    "checks": "check|checks|test|tests",
}
_SECTIONS: dict[str, Section] = {word: section for section, words in _WORDS.items() for word in words.split("|")}
VAGUE = frozenset({"current", "current broken"})
"""Headings that people also write over plain words."""

_LONGEST = 80
_EMOJI_JOINER = "\u200d"
_TRIM = re.compile(r"^(?:[\W_]|[0-9]+[.)])+|[\W_]+$")
_ASIDE = re.compile(r"\s*\([^()]*\)\s*:?$")
_TWINS = {
    ord(twin): plain
    for plain, twins in {
        "a": "\u0430\u03b1\u0251",
        "c": "\u0441\u03f2",
        "d": "\u0501",
        "e": "\u0435",
        "g": "\u0261",
        "h": "\u04bb",
        "i": "\u0456\u03b9\u0131",
        "j": "\u0458\u03f3",
        "k": "\u043a\u03ba",
        "l": "\u04cf",
        "o": "\u043e\u03bf\u0585",
        "p": "\u0440\u03c1",
        "q": "\u051b",
        "s": "\u0455",
        "u": "\u03c5\u057d",
        "v": "\u03bd\u0475",
        "w": "\u051d",
        "x": "\u0445\u03c7",
        "y": "\u0443\u03b3",
        "A": "\u0410\u0391",
        "B": "\u0412\u0392",
        "C": "\u0421",
        "E": "\u0415\u0395",
        "G": "\u050c",
        "H": "\u041d\u0397",
        "I": "\u0406\u0399\u04c0",
        "J": "\u0408",
        "K": "\u041a\u039a",
        "M": "\u041c\u039c",
        "N": "\u039d",
        "O": "\u041e\u039f",
        "P": "\u0420\u03a1",
        "Q": "\u051a",
        "S": "\u0405",
        "T": "\u0422\u03a4",
        "W": "\u051c",
        "X": "\u0425\u03a7",
        "Y": "\u0423\u03a5",
        "Z": "\u0396",
        "/": "\u2215\u2044\u29f8",
        "\\": "\u2216\u29f5",
        "-": "\u2010\u2012\u2013\u2014\u2015\u2212",
    }.items()
    for twin in twins
}


def known_section(text: str) -> Section | None:
    return _SECTIONS.get(plain(text))


def section_of(text: str, line: int) -> Section | None:
    """Return which section a heading or a field's name opens, whatever its case, number or decoration.

    Raises:
        Flaw: It only looks like one.
    """
    found = known_section(text)
    if text.isascii() or (found and not any(map(_is_invisible, text))):
        return found
    if (meant := plain(latin(text))) not in _SECTIONS:
        return None
    odd = (i for i, char in enumerate(text) if latin(char) != char)
    place = min(odd, key=lambda i: (not (text[i].isalpha() or _is_invisible(text[i])), i))
    what = f"{text!r} is not {meant!r}: it holds {named(text, place)}."
    raise Flaw(line, what, f"Type {meant!r} with plain letters.")


def plain(text: str) -> str:
    """Return a name without case, number, emphasis, emoji, colon or aside; nothing if it is too long to be one."""
    return " ".join(_TRIM.sub("", _ASIDE.sub("", text.casefold())).split()) if len(text) <= _LONGEST else ""


def latin(text: str) -> str:
    """Return what a reader sees: twins of Latin letters replaced, invisible characters dropped."""
    visible = (char for char in unicodedata.normalize("NFKD", text) if unicodedata.category(char) not in ("Cf", "Mn"))
    return "".join(visible).translate(_TWINS)


def _is_invisible(char: str) -> bool:
    return unicodedata.category(char) == "Cf" and char != _EMOJI_JOINER


def is_twin(char: str) -> bool:
    """Tell whether a character can be taken for another one that is plain ASCII, or is a variant form of any."""
    return ord(char) in _TWINS or unicodedata.normalize("NFKC", char) != char


def named(text: str, place: int) -> str:
    """Name the character at `place` so that a person can find it, although it may not be visible."""
    code = ord(text[place])
    return f"U+{code:04X} {unicodedata.name(text[place], 'without a name')} at character {place + 1}"
