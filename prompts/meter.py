"""Count what a template makes, and stop it: a template of a few lines can ask for all memory and all time there is."""

from collections.abc import Iterable, Iterator
from json import JSONEncoder
from time import thread_time
from typing import Any, TypeVar, cast

MOST_OUTPUT = 1 << 20
"""Characters of a rendered template."""
MOST_MADE = 16 << 20
"""Characters that may be made or looked at on the way there."""
MOST_TURNS = 100_000
"""Turns of all loops together."""
MOST_SECONDS = 1.0
"""Of the processor's time: a machine that is busy with something else stops nothing."""
ITEM = 32
"""What an item of a list or an object counts as, beside its own text."""
MOST_WIDTH = 40
LARGEST = 1 << 63
T = TypeVar("T")


class TooMuch(Exception):
    """A template wants more than it may have."""


class Meter:
    """What one rendering has used so far. Its methods are the filters that could otherwise use any amount."""

    def __init__(self) -> None:
        self._made = 0
        self._turns = 0
        self._until = thread_time() + MOST_SECONDS

    def charge(self, amount: int) -> None:
        """Count characters before they are made.

        Raises:
            TooMuch: They are too many, or the time is over.
        """
        self._made += amount
        if self._made > MOST_MADE:
            raise TooMuch(f"it makes more than {MOST_MADE} characters on its way")
        if thread_time() > self._until:
            raise TooMuch(f"it takes longer than {MOST_SECONDS:.0f} s")

    def weighed(self, value: T) -> T:
        """Count all that a value holds, and return it."""
        left: list[Any] = [value]
        while left:
            one = left.pop()
            if isinstance(one, str):
                self.charge(len(one) + 1)
            elif isinstance(one, list | tuple):
                items = cast("list[Any]", one)
                self.charge(ITEM * len(items) + 1)
                left.extend(items)
            elif isinstance(one, dict):
                fields = cast("dict[str, Any]", one)
                self.charge(ITEM * len(fields) + sum(map(len, fields)) + 1)
                left.extend(fields.values())
            else:
                self.charge(ITEM * len(one) if isinstance(one, range) else 1)
        return value

    def turns(self, items: Iterable[T], text: int) -> Iterator[T]:
        """Count the turns of a loop that has so many characters of plain text in it."""
        for item in items:
            self._turns += 1
            if self._turns > MOST_TURNS:
                raise TooMuch(f"its loops have more than {MOST_TURNS} turns")
            self.charge(text + 1)
            yield item

    def text(self, value: Any) -> str:
        """Write a value as `{{ }}` does: text as it is, lists and objects as JSON."""
        return self.json(value) if isinstance(value, list | dict | tuple) else str(self.weighed(value))

    def json(self, value: Any, indent: int | None = None) -> str:
        if indent is not None and not 0 <= indent <= MOST_WIDTH:
            raise TooMuch(f"it indents by more than {MOST_WIDTH}")
        parts = list[str]()
        for part in JSONEncoder(ensure_ascii=False, indent=indent).iterencode(self.weighed(value)):
            self.charge(len(part))
            parts.append(part)
        return "".join(parts)

    def joined(self, values: Iterable[Any], between: str = "") -> str:
        parts = [self.text(value) for value in self.turns(values, len(between))]
        return str(between).join(parts)

    def listed(self, values: Iterable[T]) -> list[T]:
        return list(self.turns(values, ITEM))

    def replaced(self, text: str, old: str, new: str) -> str:
        self.charge(str(text).count(old) * len(new))
        return str(text).replace(old, new)

    def indented(self, text: str, width: int = 4, first: bool = False) -> str:
        """Indent every line but the first and the empty ones."""
        if not 0 <= width <= MOST_WIDTH:
            raise TooMuch(f"it indents by more than {MOST_WIDTH}")
        lines = str(text).split("\n")
        self.charge(len(lines) * (width + ITEM))
        indented = [f"{' ' * width}{line}" if line and (first or number) else line for number, line in enumerate(lines)]
        return "\n".join(indented)

    def multiplied(self, left: Any, right: Any) -> Any:
        """Multiply numbers, or repeat a text or list."""
        if isinstance(right, str | list | tuple):
            left, right = cast("Any", right), left
        if isinstance(left, str | list | tuple):
            self.charge(max(int(right), 0) * (len(cast("list[Any]", left)) * ITEM + 1))
        elif max(abs(left), abs(right)) >= LARGEST:
            raise TooMuch("it multiplies numbers of more than 63 bits")
        return left * right

    def equal(self, left: Any, right: Any) -> bool:
        return bool(self.weighed(left) == self.weighed(right))

    def unequal(self, left: Any, right: Any) -> bool:
        return not self.equal(left, right)
