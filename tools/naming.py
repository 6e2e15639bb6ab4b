"""What a statement names so exactly that it must be found: names, paths, quoted text and numbers. Pure.

The statement is read as a person would see it: without characters that hide, and with look-alikes told apart.
"""

import re
import unicodedata
from collections.abc import Iterator

from tools.terms import literal_terms

__all__ = ["is_number", "is_place", "named_in", "number_stands", "ungrouped"]

_COMMIT = re.compile(r"\b(?=[0-9a-f]*[a-f])[0-9a-f]{7,64}\b")
"""Digits in it are no number."""
_GROUPING = re.compile(r"(?<=\d)[,_](?=\d{3}(?!\d))")
_NUMBER = re.compile(
    r"(?<![\w.])(?<!\w-)-?(?:0[xX][0-9a-fA-F]+|\d*\.?\d+(?:\.\d+)*(?:[eE][+-]?\d+|[kKMGT](?!\w))?)(?!\d|st|nd|rd|th)"
    r"|(?<=\d-)\d+(?!\w)"
)
_NUMERIC = re.compile(r"-?[\d.]*\d")
_HEX = re.compile(r"0[xX][0-9a-fA-F]+")
_QUOTES = re.compile(r"[\u201c\u201d\u201e\u00ab\u00bb]")
_SINGLE = re.compile(r"(?<!\w)'([^'\n]{1,120})'(?!\w)|\u2018([^\u2018\u2019\n]{1,120})\u2019")
_ONE_CHARACTER = re.compile(r"`(\w)`|\"(\w)\"")
_CALLED = re.compile(r"(?<!\w)([A-Za-z_]\w*)\((?!e?s\))")
_MARKED = re.compile(r"(?<![\w-])--\w[\w-]+|(?<!\w)@[A-Za-z]\w+")
_CONSTANT = re.compile(r"(?<=[a-z,] )(?:True|False|None|NaN)\b(?! of\b)")
_FOREIGN = ("CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC")
_WORD = re.compile(r"[^\W\d]\w*")
_FILE = re.compile(r"\.?[\w-]+(?:\.[\w-]+)+")


def named_in(text: str) -> list[str]:
    """Return what a statement names so exactly that it must be found."""
    seen = " ".join(_visible(text).split())
    quoted = _SINGLE.sub(lambda found: f"`{found[1] or found[2]}`", _QUOTES.sub('"', seen))
    exact = [term.text for term in literal_terms(quoted) if term.kind != "word"]
    numbers = _NUMBER.findall(ungrouped(_COMMIT.sub(" ", seen)))
    return list(dict.fromkeys([*exact, *_others(quoted), *numbers]))


def is_number(name: str) -> bool:
    return _NUMERIC.fullmatch(name) is not None


def number_stands(name: str, text: str) -> bool:
    """Tell whether a number is one of the text, and no part of another: 5 is none of -5, 1.5 and 0x5."""
    plain = _HEX.sub(" ", ungrouped(text))
    before = r"(?<!\d)(?<!\d\.)" + ("" if name.startswith("-") else r"(?<![=(\[,: ]-)")
    return re.search(rf"{before}{re.escape(name)}(?!\d)(?!\.\d)", plain) is not None


def is_place(name: str) -> bool:
    """Tell whether the name is one of a file or of a commit: the place that is cited may bear it out."""
    return "/" in name or bool(_FILE.fullmatch(name) or _COMMIT.fullmatch(name))


def ungrouped(text: str) -> str:
    """Write numbers without what groups their digits: 1,000 and 1_000 are 1000."""
    return _GROUPING.sub("", text)


def _visible(text: str) -> str:
    """Return the text with one spelling of each character, and without those that cannot be seen."""
    plain = unicodedata.normalize("NFKC", text)
    return "".join(char for char in plain if unicodedata.category(char) != "Cf")


def _others(text: str) -> Iterator[str]:
    """Yield what is code in a statement, though it would be a poor thing to search for."""
    for found in _ONE_CHARACTER.findall(text):
        yield "".join(found)
    yield from _CALLED.findall(text)
    yield from _MARKED.findall(text)
    yield from _CONSTANT.findall(text)
    yield from (word for word in _WORD.findall(text) if not word.isascii() and ("_" in word or _imitates(word)))


def _imitates(word: str) -> bool:
    """Tell whether a word mixes letters of Latin and of a script that has letters like them."""
    scripts = {unicodedata.name(char, "").partition(" ")[0] for char in word}
    return "LATIN" in scripts and not scripts.isdisjoint(_FOREIGN)
