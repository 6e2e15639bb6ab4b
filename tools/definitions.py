"""Tell lines that define a name from lines that use it, in whatever language.

A pattern, and no parser: ctags is a program that few machines have, and a grammar for each language (tree-sitter) is
megabytes of compiled code for a ranking. What the pattern takes for a definition is only shown earlier and wider; that
a statement about it is true is checked by its quote.
"""

import re
from functools import lru_cache

__all__ = ["defines", "pattern_for_git"]

LONGEST = 300
"""Characters of a line that are looked at."""
_KEYWORDS = (
    "def|class|func|function|fn|sub|proc|procedure|module|package|namespace|struct|enum|union|interface|trait|impl|type"
    "|protocol|record|object|macro|macro_rules!|define|const|let|var|val|static|data|newtype|resource|table|view"
)
_NO_TYPE = re.compile(r"\s*(?:return|else|await|throw|raise|yield|new|case|if|while|for|not|and|or|in|del|print)\b")


def defines(line: str, name: str, *, part: bool = False) -> bool:
    """Whether the line looks as if it defined `name`, or, with `part`, a name that holds it, in any case."""
    line = line[:LONGEST]
    keyword, assigned, typed = _patterns(name, part)
    if keyword.search(line) or assigned.match(line):
        return True
    return typed.match(line) is not None and _NO_TYPE.match(line) is None


def pattern_for_git(name: str) -> str:
    """Return a POSIX extended pattern for most lines that define `name`, to find files by."""
    literal = re.sub(r"([^\w\s])", r"\\\1", name)
    return rf"(^|[^[:alnum:]_])({_KEYWORDS})[[:space:]*&]+{literal}|^[[:space:]]*{literal}[[:space:]]*:?="


@lru_cache(maxsize=256)
def _patterns(name: str, part: bool) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Return patterns for `def name`, for `name = …` and `name: …`, and for `type name(…)` as in C and Java."""
    literal = rf"\w*{re.escape(name)}\w*" if part else rf"(?<!\w){re.escape(name)}(?!\w)"
    flags = re.IGNORECASE if part else re.NOFLAG
    receiver = r"(?:\([^()]{0,80}\)\s*)?"
    before = r"\s*(?:(?:export|public|private|protected|static|final|readonly|self\.|this\.|default)\s*)*"
    return (
        re.compile(rf"(?:^|[\s(;,#@])(?:{_KEYWORDS})[\s*&]+{receiver}{literal}", flags),
        re.compile(rf"{before}[\"'$]?{literal}[\"']?\s*(?::[^=\n]{{0,80}}=(?!=)|:?=(?!=)|:(?:\s|$))", flags),
        re.compile(rf"[A-Za-z_][\w:<>,.\[\] \t]{{0,80}}[\s*&]{literal}\s*\([^;]*$", flags),
    )
