"""JSON as hosts keep it, read with the place of every part: comments and trailing commas are known."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

DEEPEST = 100
BOM = "\ufeff"
_TOKEN = re.compile(
    r"""[ \t\r\n]*+(?:
    (?P<mark>[{}\[\]:,])
    |(?P<string>"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+")
    |(?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.]))
    |(?P<word>(?:true|false|null)(?!\w))
    |(?P<comment>//[^\r\n]*|/\*.*?\*/)
    |(?P<end>\Z))""",
    re.VERBOSE | re.DOTALL,
)
_BLANK = re.compile(r"[ \t\r\n]*")
Span: TypeAlias = tuple[int, int]


class Unreadable(ValueError):
    """It is not JSON; says where and why."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it stands."""

    start: int
    end: int
    value: Any
    members: "tuple[Member, ...] | None" = None
    """Those of an object, in their order."""


@dataclass(frozen=True, slots=True)
class Member:
    """A name of an object with its value."""

    name: str
    start: int
    node: Node
    comma: int | None
    """Where the comma after it stands."""


@dataclass(frozen=True, slots=True)
class Document:
    """A text, what it means and where: no root if it holds nothing."""

    text: str
    root: Node | None
    comments: tuple[Span, ...]
    loose: int | None
    """Where the first thing stands that strict JSON does not have: a comment or a trailing comma."""

    def line(self, place: int) -> int:
        return self.text.count("\n", 0, place) + 1


def read(text: str) -> Document:
    """Read a document.

    Raises:
        Unreadable: It is not JSON, even with comments and trailing commas.
    """
    reader = _Reader(text)
    root = None if reader.kind == "end" else reader.node(0)
    reader.expect("end", "the end")
    return Document(text, root, tuple(reader.comments), min(reader.loose, default=None))


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.comments: list[Span] = []
        self.loose: list[int] = []
        self._tokens = self._scan()
        self.kind, self.start, self.end = next(self._tokens)

    def _scan(self) -> Iterator[tuple[str, int, int]]:
        place = len(BOM) if self.text.startswith(BOM) else 0
        while found := _TOKEN.match(self.text, place):
            kind = str(found.lastgroup)
            start, place = found.span(kind)
            if kind == "comment":
                self.comments.append((start, place))
                self.loose.append(start)
            else:
                yield (self.text[start] if kind == "mark" else kind), start, place
        blank = _BLANK.match(self.text, place)
        raise self._unreadable(blank.end() if blank else place, "this is no JSON")

    def _unreadable(self, place: int, why: str) -> Unreadable:
        line = self.text.count("\n", 0, place) + 1
        return Unreadable(f"line {line}, column {place - self.text.rfind(chr(10), 0, place)}: {why}")

    def _step(self) -> Span:
        span = (self.start, self.end)
        self.kind, self.start, self.end = next(self._tokens)
        return span

    def expect(self, kind: str, named: str) -> Span:
        """Go past a token of that kind."""
        if self.kind != kind:
            raise self._unreadable(self.start, f"{named} is missing here")
        return self._step()

    def node(self, depth: int) -> Node:
        """Read the value that stands here."""
        if depth > DEEPEST:
            raise self._unreadable(self.start, f"it is nested more than {DEEPEST} deep")
        match self.kind:
            case "{":
                return self._object(depth)
            case "[":
                return self._array(depth)
            case "string" | "number" | "word":
                start, end = self._step()
                return Node(start, end, self._scalar(start, end))
            case _:
                raise self._unreadable(self.start, "a value is missing here")

    def _scalar(self, start: int, end: int) -> Any:
        try:
            return json.loads(self.text[start:end])
        except ValueError as error:  # a number of thousands of digits
            raise self._unreadable(start, "this number is too long") from error

    def _object(self, depth: int) -> Node:
        start, _ = self._step()
        members = list[Member]()
        while self.kind != "}":
            at, end = self.expect("string", "a name in quotes")
            self.expect(":", "':'")
            node = self.node(depth + 1)
            members.append(Member(json.loads(self.text[at:end]), at, node, self._comma("}")))
        _, end = self._step()
        return Node(start, end, {member.name: member.node.value for member in members}, tuple(members))

    def _array(self, depth: int) -> Node:
        start, _ = self._step()
        values = list[Any]()
        while self.kind != "]":
            values.append(self.node(depth + 1).value)
            self._comma("]")
        _, end = self._step()
        return Node(start, end, values)

    def _comma(self, closing: str) -> int | None:
        """Go past the comma after an element; without one only the end may follow."""
        if self.kind == closing:
            return None
        place, _ = self.expect(",", f"',' or '{closing}'")
        if self.kind == closing:
            self.loose.append(place)
        return place
