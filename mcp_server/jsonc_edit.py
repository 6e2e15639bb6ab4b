"""Put one entry into a JSON document, or take it out, and leave every other character as it is."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from mcp_server.jsonc import BOM, Document, Member, Node, read

Path: TypeAlias = tuple[str, str]
"""The names of a section of the document and of an entry in it."""
Edit: TypeAlias = tuple[int, int, str]
INDENT = "  "


class Unmergeable(ValueError):
    """The document is JSON, but what it holds leaves no safe place for the entry; says why."""


def pretty(value: Any, indent: str = "", unit: str = INDENT, newline: str = "\n") -> str:
    """Write objects over several lines, and lists on one."""
    if not isinstance(value, Mapping) or not value:
        return json.dumps(value, ensure_ascii=False)
    inner = indent + unit
    rows = [f"{_named(name)}{pretty(part, inner, unit, newline)}" for name, part in _items(value)]
    return "{" + ",".join(f"{newline}{inner}{row}" for row in rows) + f"{newline}{indent}}}"


def found(document: Document, path: Path) -> Any:
    """Return the entry's value, `None` if there is none.

    Raises:
        Unmergeable: As `put`.
    """
    section = _section(document, path[0])
    entry = section and _member(document, section, path[1])
    return entry.node.value if entry else None


def put(text: str, path: Path, value: Mapping[str, Any]) -> str:
    """Return the text with the entry, in the text's own indentation and line ends.

    Raises:
        Unreadable: The text is not JSON.
        Unmergeable: It is not an object, a name stands in it twice, or comments stand where the entry is replaced.
    """
    document = read(text)
    if document.root is None:
        if document.comments:
            raise Unmergeable("it holds comments and nothing else")
        return (BOM if text.startswith(BOM) else "") + pretty({path[0]: {path[1]: value}}) + "\n"
    section = _section(document, path[0])
    if section is None:
        edits = _insert(document, document.root, path[0], {path[1]: value})
    elif entry := _member(document, section, path[1]):
        edits = _replace(document, entry, value)
    else:
        edits = _insert(document, section, path[1], value)
    wanted = document.root.value
    wanted = {**wanted, path[0]: {**wanted.get(path[0], {}), path[1]: value}}
    return _proved(document, _applied(text, edits), wanted)


def drop(text: str, path: Path) -> str:
    """Return the text without the entry; the section stays, if it is empty, too.

    Raises:
        Unreadable: The text is not JSON.
        Unmergeable: As `put`.
    """
    document = read(text)
    section = _section(document, path[0])
    entry = section and _member(document, section, path[1])
    if section is None or not entry:
        return text
    wanted = dict(document.root.value if document.root else {})
    wanted[path[0]] = {name: part for name, part in section.value.items() if name != path[1]}
    return _proved(document, _applied(text, _remove(document, section, entry)), wanted)


def _section(document: Document, name: str) -> Node | None:
    if document.root is None:
        return None
    if document.root.members is None:
        raise Unmergeable("it is not an object")
    member = _member(document, document.root, name)
    if member and member.node.members is None:
        raise Unmergeable(f"its {name!r}, line {document.line(member.start)}, is not an object")
    return member.node if member else None


def _member(document: Document, node: Node, name: str) -> Member | None:
    named = [member for member in node.members or () if member.name == name]
    if len(named) > 1:
        lines = " and ".join(str(document.line(member.start)) for member in named)
        raise Unmergeable(f"it names {name!r} twice, lines {lines}, and programs differ in which one counts")
    return named[0] if named else None


def _insert(document: Document, node: Node, name: str, value: Mapping[str, Any]) -> list[Edit]:
    """Add a last member, after whatever comments stand at the end."""
    text, members = document.text, node.members or ()
    inner = text[node.start + 1 : node.end - 1]
    last = members[-1] if members else None
    place = node.start + 1 + len(inner.rstrip(" \t\r\n"))
    edits: list[Edit] = [] if last is None or last.comma is not None else [(last.node.end, last.node.end, ",")]
    alone = "\n" not in text.strip(f"{BOM} \t\r\n")
    if "\n" not in inner and (members or (alone and node is not document.root)):
        return [
            *edits,
            (place, place, f"{' ' if members else ''}{_named(name)}{json.dumps(value, ensure_ascii=False)}"),
        ]
    newline, unit = _newline(text), _unit(document)
    outer = _indent(text, node.start)
    indent = _indent(text, last.start) if last and _own_line(text, last.start) else outer + unit
    added = f"{newline}{indent}{_named(name)}{pretty(value, indent, unit, newline)}"
    if last is not None and last.comma is not None:
        added += ","
    if "\n" not in text[place : node.end]:
        added += newline + outer
    return [*edits, (place, place, added)]


def _replace(document: Document, entry: Member, value: Mapping[str, Any]) -> list[Edit]:
    text, node = document.text, entry.node
    if node.value == value:
        return []
    _require_uncommented(document, entry)
    if "\n" in text[node.start : node.end]:
        new = pretty(value, _indent(text, entry.start), _unit(document), _newline(text))
    else:
        new = json.dumps(value, ensure_ascii=False)
    return [(node.start, node.end, new)]


def _remove(document: Document, section: Node, entry: Member) -> list[Edit]:
    _require_uncommented(document, entry)
    text, members = document.text, section.members or ()
    place = members.index(entry)
    start, end = entry.start, entry.node.end if entry.comma is None else entry.comma + 1
    if _own_line(text, start):
        start = len(text[:start].rstrip(" \t")) - 1
        start -= text[start - 1] == "\r"
    elif entry.comma is not None:
        end += len(text[end:]) - len(text[end:].lstrip(" \t"))
    edits: list[Edit] = [(start, end, "")]
    if entry.comma is None and place:
        comma = members[place - 1].comma
        assert comma is not None
        blank = not text[comma + 1 : start].strip()
        edits = [(comma, end, "")] if blank else [(comma, comma + 1, ""), *edits]
    return edits


def _require_uncommented(document: Document, entry: Member) -> None:
    end = entry.node.end if entry.comma is None else entry.comma
    for start, _ in document.comments:
        if entry.start < start < end:
            raise Unmergeable(f"a comment stands in its {entry.name!r}, line {document.line(start)}, and would be lost")


def _applied(text: str, edits: Sequence[Edit]) -> str:
    pieces, end = list[str](), 0
    for start, stop, new in edits:
        pieces += [text[end:start], new]
        end = stop
    return "".join([*pieces, text[end:]])


def _proved(before: Document, text: str, wanted: Mapping[str, Any]) -> str:
    """Hold the new text against what was meant, before anybody gets it."""
    after = read(text)
    assert after.root is not None and after.root.value == wanted, "the entry came out wrong"
    kept = [[document.text[start:end] for start, end in document.comments] for document in (before, after)]
    assert kept[0] == kept[1], "a comment was lost"
    return text


def _named(name: str) -> str:
    return f"{json.dumps(name, ensure_ascii=False)}: "


def _items(value: Any) -> list[tuple[str, Any]]:
    return list(value.items())


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _unit(document: Document) -> str:
    """Return one step of indentation: that of the first member which stands on a line of its own."""
    members = (document.root and document.root.members) or ()
    if members and _own_line(document.text, members[0].start):
        return _indent(document.text, members[0].start) or INDENT
    return INDENT


def _indent(text: str, place: int) -> str:
    line = text[text.rfind("\n", 0, place) + 1 : place]
    match = re.match(r"[ \t]*", line)
    return match[0] if match else ""


def _own_line(text: str, place: int) -> bool:
    start = text.rfind("\n", 0, place)
    return start >= 0 and not text[start + 1 : place].strip(" \t")
