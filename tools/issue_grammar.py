"""Read an issue written in Markdown, in the forms its authors use, and name the line of what is wrong with it."""

import re
from collections.abc import Iterator, Mapping, Sequence

from tools.errors import ToolError
from tools.issue_fields import Fact, Passage, collect_facts, cut_passages, text_of
from tools.issue_form import LIMIT, Flaw, Issue, capped
from tools.issue_markdown import Block, Code, Document, Heading, read_document
from tools.issue_names import Section, known_section
from tools.issue_pairs import match_sides
from tools.issue_paths import contained, mentioned_files
from tools.issue_sides import read_sides

_TEXT_CAP = 4_000
_ITEM_CAP = 500
_TITLE_CAP = 200
_UNREADABLE = re.compile("[\x00\ud800-\udfff]")
_TITLE = re.compile(
    r"(?:issue\b\s*(?:#\s*)?|#\s*)([0-9]{1,9})(?![0-9])([a-z]\b|-[0-9]+)?\s*[:.\u2013\u2014-]?\s*", re.IGNORECASE
)
_PREFIX = re.compile(r"issue\s*:\s*", re.IGNORECASE)


def parse_issue(text: str, origin: str) -> Issue:
    """Return what the issue says; one in plain words has no pairs.

    Takes time linear in the length of `text`, which may have `LIMIT` bytes.

    Raises:
        ToolError: `bad_input` (with the line) where it is empty, broken, contradicts itself or deceives the eye;
            `refused` where it names a file outside the repository; `limit` where it is too long.
    """
    source = "The issue's text" if origin == "text" else origin
    if len(text) > LIMIT or len(text.encode(errors="surrogatepass")) > LIMIT:
        raise ToolError("limit", f"{source} is longer than {LIMIT} bytes.", "Shorten it to what shall change.")
    if not text.strip(" \t\r\n\ufeff"):
        raise ToolError("bad_input", f"{source} is empty.", "Write a '# Title' and what shall change.")
    try:
        return _read(text, origin)
    except Flaw as flaw:
        raise ToolError(flaw.kind, f"{source} line {flaw.line}: {flaw.what}", flaw.hint) from flaw


def _read(text: str, origin: str) -> Issue:
    if odd := _UNREADABLE.search(text):
        what = f"U+{ord(odd[0]):04X} is no character of a text."
        raise Flaw(text.count("\n", 0, odd.start()) + 1, what, "Save the issue as UTF-8 text.")
    document = read_document(text)
    heading = _title_heading(document.blocks)
    blocks = [block for block in document.blocks if block is not heading]
    number, title = _title(heading.text) if heading else (None, "")
    if not title and not any(block.text.strip() for block in blocks):
        raise Flaw(heading.line if heading else 1, "there is no title and no content.", "Write what shall change.")
    passages = cut_passages(blocks, heading.below if heading else 1, len(document.lines) + 1)
    facts = collect_facts(passages, document)
    reading = read_sides(blocks)
    fallback = _fallback(facts, reading.stated, document.blocks) if reading.claims else None
    description = _description(facts, passages, document)
    return Issue(
        origin=origin,
        number=number,
        title=title or (f"Issue {number}" if number is not None else _printable(description.partition("\n")[0])),
        description=capped(description, _TEXT_CAP),
        problem=capped(_word(facts, "problem"), _TEXT_CAP),
        solution=capped(_word(facts, "solution"), _TEXT_CAP),
        pairs=tuple(match_sides(reading.claims, fallback)),
        files_update=_files_update(facts),
        files_create=_words(facts, "files_create"),
        requirements=tuple(capped(item, _ITEM_CAP) for item in _words(facts, "requirements")),
        success_criteria=tuple(capped(item, _ITEM_CAP) for item in _words(facts, "success_criteria")),
        checks=_words(facts, "checks"),
        agent=_word(facts, "agent") or _word(facts, "assignee"),
        type=_word(facts, "type"),
        priority=_word(facts, "priority"),
        status=_word(facts, "status"),
        labels=_words(facts, "labels"),
        repository=_word(facts, "repository"),
        source_repository=_word(facts, "source_repository"),
        parent=int(parent) if (parent := _word(facts, "parent")) else None,
        dependencies=_words(facts, "dependencies"),
    )


def _title_heading(blocks: Sequence[Block]) -> Heading | None:
    """Return the heading that is the title: the first, unless it is a section or plain words stand before it."""
    for at, block in enumerate(blocks):
        if isinstance(block, Heading):
            first = at == 0 or block.level == 1 or _TITLE.match(block.text)
            return block if first and not known_section(block.text) else None
    return None


def _title(text: str) -> tuple[int | None, str]:
    """Return the number and the words of `Issue #7: title`; `#7a` and `#7-1` are parts of an issue, not its number."""
    if match := _TITLE.match(text):
        return (None if match[2] else int(match[1])), _printable(text[match.end() :])
    return None, _printable(_PREFIX.sub("", text.strip(), count=1))


def _printable(line: str) -> str:
    """Return a line that can stand in a summary or a terminal: no control or direction characters, not too long."""
    return "".join(char for char in line if char.isprintable()).strip()[:_TITLE_CAP]


def _description(facts: Mapping[Section, Fact], passages: Sequence[Passage], document: Document) -> str:
    """Return the description: the section, or what stands before the first section, or everything."""
    whole = "\n".join(document.lines[passages[0].start - 1 :]).strip()
    return _word(facts, "description") or text_of(passages[0], document) or whole


def _files_update(facts: Mapping[Section, Fact]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*_words(facts, "target_file"), *_words(facts, "files_update"))))


def _fallback(facts: Mapping[Section, Fact], stated: Sequence[str], blocks: Sequence[Block]) -> str | None:
    """Return the file of pairs that state none: the target, the only one to update, or the only one named at all."""
    if target := _word(facts, "target_file"):
        return target
    for files in (_words(facts, "files_update"), list(dict.fromkeys(stated))):
        if files:
            return files[0] if len(files) == 1 else None
    mentioned = {file: line for file, line in _mentions(blocks) if file not in _words(facts, "files_create")}
    return contained(*next(iter(mentioned.items()))) if len(mentioned) == 1 else None


def _mentions(blocks: Sequence[Block]) -> Iterator[tuple[str, int]]:
    for block in blocks:
        if not isinstance(block, Code):
            for line, text in enumerate(block.text.split("\n"), block.line):
                yield from ((file, line) for file in mentioned_files(text))


def _words(facts: Mapping[Section, Fact], section: Section) -> tuple[str, ...]:
    return fact.values if (fact := facts.get(section)) else ()


def _word(facts: Mapping[Section, Fact], section: Section) -> str:
    return next(iter(_words(facts, section)), "")
