"""Collect what an issue says about itself: its sections of text and lists, and fields such as `**Labels**: bug`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tools.issue_form import Flaw
from tools.issue_lines import field_of
from tools.issue_markdown import Block, Code, Document, Heading, Prose
from tools.issue_names import Section, section_of
from tools.issue_values import Entry, values_of

_TEXTS: frozenset[Section] = frozenset({"description", "problem", "solution"})
_NO_FACTS: frozenset[Section] = frozenset({"current", "should", "file", "metadata"})


@dataclass(slots=True)
class Passage:
    """A heading and what stands below it, up to the next heading that is a section's name or not deeper."""

    section: Section | None
    line: int
    level: int
    parent: int
    """Line of the heading above that is not a section's name; 0 at the top of the issue."""
    start: int
    """The first line below the heading."""
    end: int = 0
    """The line behind the last."""
    blocks: list[Prose | Code] = field(default_factory=list[Prose | Code])


@dataclass(frozen=True, slots=True)
class Fact:
    values: tuple[str, ...]
    line: int
    strong: bool
    """It speaks for the whole issue; a weak one is a remark below some heading."""


def cut_passages(blocks: Sequence[Block], start: int, end: int) -> list[Passage]:
    """Cut the blocks of an issue, without its title, into passages; the first is what stands before any heading.

    Raises:
        Flaw: A heading only looks like the name of a section.
    """
    passages = [Passage(None, 0, 0, 0, start)]
    above: list[Heading] = []
    for block in blocks:
        if not isinstance(block, Heading):
            passages[-1].blocks.append(block)
            continue
        section = section_of(block.text, block.line)
        while above and above[-1].level >= block.level:
            above.pop()
        if section or not passages[-1].section or block.level <= passages[-1].level:
            passages[-1].end = block.line
            parent = above[-1].line if above else 0
            passages.append(Passage(section, block.line, block.level, parent, block.below))
        if not section:
            above.append(block)
    passages[-1].end = end
    return passages


def collect_facts(passages: Sequence[Passage], document: Document) -> dict[Section, Fact]:
    """Return what each section or field says: what stands for the whole issue before what stands below some heading.

    Raises:
        Flaw: Two that stand for the whole issue disagree, or a value is not one.
    """
    facts: dict[Section, Fact] = {}
    for section, fact in _facts(passages, document):
        known = facts.get(section)
        if known is None or (fact.strong and not known.strong):
            facts[section] = fact
        elif fact.strong and {value.casefold() for value in fact.values} != {v.casefold() for v in known.values}:
            what = f"this contradicts what line {known.line} says about {section.replace('_', ' ')!r}."
            raise Flaw(fact.line, what, "Keep one of the two.")
    return facts


def _facts(passages: Sequence[Passage], document: Document) -> Iterator[tuple[Section, Fact]]:
    for passage in passages:
        section = passage.section
        if section not in ("current", "should"):
            yield from _field_facts(passage)
        if section is None or section in _NO_FACTS:
            continue
        if section in _TEXTS:
            values = (text,) if (text := text_of(passage, document)) else ()
        else:
            values = values_of(section, list(_entries(passage.blocks)))
        if values:
            yield section, Fact(values, passage.line, strong=passage.parent == 0)


def _field_facts(passage: Passage) -> Iterator[tuple[Section, Fact]]:
    about_all = passage.parent == 0 and (passage.section is not None or passage.level == 0)
    plain_too = passage.section == "metadata" or passage.level == 0
    for block in passage.blocks:
        if not isinstance(block, Prose):
            continue
        for line, text in enumerate(block.text.split("\n"), block.line):
            found = field_of(text, line)
            if not found or not (found.bold or plain_too) or found.section in _TEXTS | _NO_FACTS:
                continue
            if values := values_of(found.section, [Entry(line, found.value, code=False)]):
                yield found.section, Fact(values, line, strong=about_all)


def _entries(blocks: Sequence[Prose | Code]) -> Iterator[Entry]:
    """Yield the items of the lists, and the single lines of all else."""
    for block in blocks:
        if isinstance(block, Prose) and block.item:
            yield Entry(block.line, " ".join(block.text.split()), code=False)
        else:
            lines = enumerate(block.text.split("\n"), block.line)
            yield from (Entry(at, line.strip(), isinstance(block, Code)) for at, line in lines if line.strip())


def text_of(passage: Passage, document: Document) -> str:
    """Return the source below the heading of a passage, without comments."""
    return "\n".join(document.lines[passage.start - 1 : passage.end - 1]).strip()
