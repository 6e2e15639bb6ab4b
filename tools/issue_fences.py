"""Read code fences as their author meant them where CommonMark would end them too early.

In CommonMark a fence ends at the next bare fence of its length, so the ``` that closes a ```python block inside a
```markdown block closes the outer one, and the rest of the issue turns inside out. Authors nest them all the same
(the seed's own example does). Inside a fence marked as Markdown, a fence with a language therefore opens a nested one.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tools.issue_names import known_section

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)$")
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t](.*)$")
_MARKDOWN = frozenset({"markdown", "md"})


@dataclass(frozen=True, slots=True)
class _Fence:
    run: str
    info: str

    @property
    def nests(self) -> bool:
        return self.info.partition(" ")[0].lower() in _MARKDOWN

    def closes(self, opener: "_Fence") -> bool:
        return not self.info and self.run[0] == opener.run[0] and len(self.run) >= len(opener.run)


def mend(lines: Sequence[str]) -> list[str]:
    """Return the same number of lines, in which every fence ends where its author meant it to.

    An outer fence around the whole issue is blanked, with all that stands outside it; any other fence that holds
    nested ones is made longer than they are.
    """
    if (wrapper := _wrapper(lines)) is None:
        return _widen(lines)
    first, last = wrapper
    return [*[""] * (first + 1), *_widen(lines[first + 1 : last]), *[""] * (len(lines) - last)]


def _widen(lines: Sequence[str]) -> list[str]:
    mended = list(lines)
    longest = max((len(fence.run) for line in lines if (fence := _fence(line))), default=0)
    at, hopeful = 0, True
    while at < len(lines):
        if (fence := _fence(lines[at])) is None:
            at += 1
            continue
        end = _nested_end(lines, at) if fence.nests and hopeful else None
        if end is None:
            hopeful = hopeful and not fence.nests  # one look as far as the end of the file is enough
            end = _plain_end(lines, at)
        else:
            mended[at] = fence.run[0] * (longest + 1) + fence.info
            mended[end] = fence.run[0] * (longest + 1)
        at = end + 1
    return mended


def _wrapper(lines: Sequence[str]) -> tuple[int, int] | None:
    """Return the first and last line of an outer fence that holds the whole issue, if there is one."""
    filled = [at for at, line in enumerate(lines) if line.strip()]
    if (first := _first_of_wrapper(lines, filled)) is None:
        return None
    opener, closer = _fence(lines[first]), _fence(lines[filled[-1]])
    assert opener is not None
    around = first == filled[0] < filled[-1] and closer is not None and closer.closes(opener)
    last = filled[-1] if around else _nested_end(lines, first)
    if last is None or any(_opens_section(line) for _, line in _unfenced(lines, last + 1)):
        return None
    inside = [line for line in lines[first + 1 : last] if line.strip()]
    headed = bool(inside) and _HEADING.match(inside[0]) is not None
    return (first, last) if headed and any(_opens_section(line) for line in inside) else None


def _first_of_wrapper(lines: Sequence[str], filled: Sequence[int]) -> int | None:
    """Return where a fence opens before any issue does: a Markdown one, or one without a language at the very top."""
    for at, line in _unfenced(lines, 0):
        if fence := _fence(line):
            if fence.nests or (at == filled[0] and not fence.info):
                return at
        elif (heading := _HEADING.match(line)) and (len(heading[1]) == 1 or known_section(heading[2])):
            return None
    return None


def _unfenced(lines: Sequence[str], start: int) -> Iterator[tuple[int, str]]:
    """Yield the lines outside fences, and the line that opens each."""
    at = start
    while at < len(lines):
        yield at, lines[at]
        at = (_plain_end(lines, at) if _fence(lines[at]) else at) + 1


def _nested_end(lines: Sequence[str], start: int) -> int | None:
    """Return where the fence closes that opens at `start`, if fences in Markdown fences nest; `None` if nowhere."""
    opened: list[_Fence] = []
    for at in range(start, len(lines)):
        if (fence := _fence(lines[at])) is None:
            continue
        if not opened or (opened[-1].nests and fence.info):
            opened.append(fence)
        elif fence.closes(opened[-1]):
            opened.pop()
            if not opened:
                return at
    return None


def _plain_end(lines: Sequence[str], start: int) -> int:
    """Return where the fence closes that opens at `start`, as CommonMark has it; the last line if nowhere."""
    opener = _fence(lines[start])
    assert opener is not None
    closers = (at for at in range(start + 1, len(lines)) if (fence := _fence(lines[at])) and fence.closes(opener))
    return next(closers, len(lines) - 1)


def _fence(line: str) -> _Fence | None:
    if (match := _FENCE.match(line)) is None:
        return None
    run, info = match[1], match[2].strip()
    return None if run[0] == "`" and "`" in info else _Fence(run, info)


def _opens_section(line: str) -> bool:
    heading = _HEADING.match(line)
    return heading is not None and known_section(heading[2]) is not None
