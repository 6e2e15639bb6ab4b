"""Find in a text written by people which of its words may be code, and which say what it is about. Pure."""

import re
from collections.abc import Iterable

MOST = 12
_SPAN = re.compile(r"`+([^`\n]{1,200})`+")
_NAME = re.compile(r"[A-Za-z_$][\w$]{2,60}")
_LOOKS_LIKE_CODE = re.compile(r"[a-z0-9]_[a-zA-Z0-9]|_[a-z]+\b|[a-z][A-Z]|[A-Z]{2,}[a-z]")
_CALLED = re.compile(r"\b([A-Za-z_]\w{2,60})\(")
_WORD = re.compile(r"[A-Za-z]{4,30}")
_PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)+|[\w-]+\.\w{1,10}")
_EVERYWHERE = """
    about after again all also always another any anything because been before being both but called calls cannot
    code could current description does doing done down each else ends even every expected fails file files first
    fixed following from function gives good have having here into issue issues itself just know known less like
    line lines made make makes many more most must need needs never none nothing number only other over problem
    raises requirements return returned returns same should shows since solution some something still such take
    test tests than that their them then there these they thing this those though three through time title true
    false under until upon used user using value values very want wanted well were what when where whether which
    while will with without work works would wrong your import self class python error assert
"""
_COMMON = frozenset(_EVERYWHERE.split())


def symbols(text: str) -> list[str]:
    """Return the names that look like code, those in backticks first, at most `MOST`."""
    quoted = (name for span in _SPAN.findall(text) for name in _NAME.findall(span))
    plain = (name for name in _NAME.findall(text) if _LOOKS_LIKE_CODE.search(name))
    return _first(name for name in (*quoted, *_CALLED.findall(text), *plain) if name not in _COMMON)


def words(text: str) -> list[str]:
    """Return what the text is about, in small letters: words of four letters and more that are not in every text."""
    return _first(word for word in map(str.casefold, _WORD.findall(text)) if word not in _COMMON)


def paths(text: str) -> list[str]:
    """Return the words that may be files."""
    return _first(path.removeprefix("./") for path in _PATH.findall(text))


def _first(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))[:MOST]
