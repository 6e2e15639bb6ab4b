"""Read one line of an issue's prose: a field (`**File**: src/auth.py`), or code between backticks."""

import re
from dataclasses import dataclass

from tools.issue_names import Section, section_of

_LONGEST_NAME = 64
_SPAN = re.compile(r"`([^`\n]+)`")
_TICKS = re.compile(r"`+")
_BOLD = ("**", "__")


@dataclass(frozen=True, slots=True)
class Field:
    section: Section
    name: str
    """As written."""
    value: str
    bold: bool


def field_of(text: str, line: int) -> Field | None:
    """Return the field that a line of prose is, or `None`: `Name: value`, the name bold or not, or a bold name alone.

    Raises:
        Flaw: The name only looks like one that is known.
    """
    text = text.strip()
    bold = text.startswith(_BOLD)
    name, colon, value = text[: _LONGEST_NAME + 1].partition(":")
    if colon:
        value = text[len(name) + 1 :].strip()
    elif not (bold and text.endswith(_BOLD)):
        return None
    if (section := section_of(name, line)) is None:
        return None
    if bold and name.count(text[:2]) == 1:  # the name's emphasis ends behind the colon: **File:** or **File: x**
        value = value.removeprefix(text[:2]).removesuffix(text[:2]).strip()
    return Field(section, name.strip(" *_"), value, bold)


def code_span(text: str) -> tuple[str, str] | None:
    """Return the code span that `text` starts with, exact, and what follows it; `None` if it starts with none."""
    opener = _TICKS.match(text)
    if opener is None:
        return None
    for closer in _TICKS.finditer(text, opener.end()):
        if len(closer[0]) == len(opener[0]):
            code = text[opener.end() : closer.start()]
            padded = code[:1] == code[-1:] == " " and code.strip(" ") != ""
            return (code[1:-1] if padded else code), text[closer.end() :]
    return None


def code_spans(text: str) -> list[str]:
    """Return what stands between single backticks."""
    return [span.strip() for span in _SPAN.findall(text)]
