"""Say in which function or class a line stands, by how far it is indented: good enough to tell equal lines apart."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence

LONGEST = 300
_WORDS = (
    "export default declare public private protected internal static final abstract async pub inline virtual override"
    " unsafe extern sealed partial open data"
)
_DEFINES = re.compile(
    rf"\s*(?:(?:{'|'.join(_WORDS.split())})(?:\([^)]*\))?\s+)*"
    r"(?:def|class|function|func|fn|fun|struct|impl|interface|trait|enum|module|namespace|record|protocol)\b\*?\s*"
    r"(?:\([^)]*\)\s*)?(?:<[^>]*>\s*)?([A-Za-z_$][\w$]*)"
)
_ASSIGNS = re.compile(r"\s*(?:export\s+)?(?:const|let|var)\s+([\w$]+)\s*=\s*(?:async\s*)?(?:function\b|\()")
_REMARK = ("#", "//", "/*", "*")


def symbols(lines: Iterable[str]) -> list[tuple[int, str]]:
    """Return from which line on, counted from 1, which symbol is the innermost one; `A.f` is f of A, "" none."""
    open_ones: list[tuple[int, str]] = []
    found: list[tuple[int, str]] = []
    for number, line in enumerate(lines, 1):
        text = line[:LONGEST].expandtabs(4)
        code = text.lstrip()
        if not code or code.startswith(_REMARK):
            continue
        indent = len(text) - len(code)
        while open_ones and open_ones[-1][0] >= indent:
            open_ones.pop()
        if defined := _DEFINES.match(text) or _ASSIGNS.match(text):
            open_ones.append((indent, defined[1]))
        name = ".".join(part for _, part in open_ones)
        if name != (found[-1][1] if found else ""):
            found.append((number, name))
    return found


def symbol_at(known: Sequence[tuple[int, str]], line: int) -> str:
    """Return the symbol of a line."""
    place = bisect_right(known, line, key=lambda one: one[0])
    return known[place - 1][1] if place else ""
