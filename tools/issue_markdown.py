"""Cut the Markdown of an issue into headings, code and prose, each with its line, leaving out what no reader sees."""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from tools.issue_fences import mend
from tools.issue_form import Flaw
from tools.issue_names import known_section

if TYPE_CHECKING:
    from markdown_it.token import Token

_MARKS = re.compile(r"`+|<!--|-->")
_LINE_END = re.compile(r"\r\n?")
SHOWN_FENCE = 40
"""Characters of a fence that a hint repeats; a longer one is described."""


@dataclass(frozen=True, slots=True)
class Heading:
    line: int
    """From 1, as every line here."""
    level: int
    text: str
    below: int
    """The line that follows it."""


@dataclass(frozen=True, slots=True)
class Code:
    line: int
    """Of the first line of the code itself."""
    text: str
    """Exact, without the line end before the closing fence."""


@dataclass(frozen=True, slots=True)
class Prose:
    line: int
    text: str
    """Markdown, lines joined by LF."""
    item: bool
    """It starts an item of a list."""


Block: TypeAlias = Heading | Code | Prose


@dataclass(frozen=True, slots=True)
class Document:
    blocks: tuple[Block, ...]
    lines: tuple[str, ...]
    """The source without comments; `lines[0]` is line 1."""


def read_document(text: str) -> Document:
    """Cut `text` into blocks, in time linear in its length.

    Raises:
        Flaw: A code block or a comment is opened and never closed.
    """
    source = _LINE_END.sub("\n", text.removeprefix("\ufeff")).split("\n")
    lines = mend(source)
    tokens = _tokens(lines)
    shown = list(lines)
    blocks: list[Block] = []
    for at, token in enumerate(tokens):
        if (block := _block(tokens, at, lines)) is None:
            continue
        blocks.append(block)
        if isinstance(block, Prose) and block.text != token.content:
            shown[block.line - 1 : block.line + block.text.count("\n")] = block.text.split("\n")
    return Document(tuple(blocks), tuple(shown))


def _tokens(lines: Sequence[str]) -> "Sequence[Token]":
    from markdown_it import MarkdownIt  # costs start-up time, and most processes never read an issue

    # What stands inside a paragraph is ours to read; link definitions would hide lines.
    parser = MarkdownIt("commonmark").disable(["inline", "reference"])
    return parser.parse("\n".join(lines))


def _block(tokens: "Sequence[Token]", at: int, lines: Sequence[str]) -> Block | None:
    token = tokens[at]
    if token.map is None:
        return None
    first = token.map[0]
    match token.type:
        case "fence":
            if not _closed(token, lines):
                fence = token.markup
                shown = repr(fence) if len(fence) <= SHOWN_FENCE else f"of {len(fence)} {fence[0]!r}"
                hint = f"End it with a line {shown}."
                raise Flaw(first + 1, "the code block opened here is never closed.", hint)
            return Code(first + 2, token.content.removesuffix("\n"))
        case "code_block":
            return Code(first + 1, token.content.removesuffix("\n"))
        case "html_block":
            if token.content.lstrip().startswith("<!--") and "-->" not in token.content:
                raise Flaw(first + 1, "the comment opened here is never closed.", "End it with '-->'.")
            return Prose(first + 1, visible(token.content.removesuffix("\n")), item=False)
        case "inline":
            return _heading_or_prose(tokens, at, first)
        case _:
            return None


def _heading_or_prose(tokens: "Sequence[Token]", at: int, first: int) -> Block:
    text, opener = visible(tokens[at].content), tokens[at - 1]
    if opener.type == "heading_open":
        # A rule right below a paragraph makes a heading of it in CommonMark, seldom in its author's mind.
        if opener.markup != "-" or known_section(text):
            assert opener.map is not None
            return Heading(first + 1, int(opener.tag[1:]), text, opener.map[1] + 1)
        return Prose(first + 1, text, item=False)
    return Prose(first + 1, text, item=at > 1 and tokens[at - 2].type == "list_item_open")


def _closed(fence: "Token", lines: Sequence[str]) -> bool:
    """Tell whether the last line of a fence closes it: it looks so, and is not part of the code."""
    assert fence.map is not None
    first, end = fence.map
    last = lines[end - 1].strip(" \t>")
    looks = len(last) >= len(fence.markup) and set(last) == {fence.markup[0]}
    inside = len(fence.content.removesuffix("\n").split("\n")) if fence.content else 0
    return looks and inside == end - first - 2


def visible(text: str) -> str:
    """Return prose without its comments, line ends kept; a comment inside backticks is not one."""
    if "<!--" not in text:
        return text
    return "".join(_visible_parts(text))


def _visible_parts(text: str) -> Iterator[str]:
    marks = list(_MARKS.finditer(text))
    places: defaultdict[str, list[int]] = defaultdict(list)
    for index, mark in enumerate(marks):
        places[mark[0]].append(index)
    index, start = 0, 0
    while index < len(marks):
        mark = marks[index]
        closer = "-->" if mark[0] == "<!--" else mark[0]
        later = bisect_right(places[closer], index)
        if mark[0] == "-->" or later == len(places[closer]):
            index += 1
            continue
        end = places[closer][later]
        if mark[0] == "<!--":
            yield text[start : mark.start()]
            yield "\n" * text.count("\n", mark.start(), marks[end].start())
            start = marks[end].end()
        index = end + 1
    yield text[start:]
