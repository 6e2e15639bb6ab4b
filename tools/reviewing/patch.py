"""Read a unified diff, git's own or a file that somebody sent, into files and hunks with exact line numbers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["added", "modified", "deleted", "renamed"]

_HUNK = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@(?: (.*))?", re.DOTALL)
_MODE = re.compile(r"(old|new|new file|deleted file) mode (\d{6})")
_ESCAPE = re.compile(r"\\([0-7]{3}|.)", re.DOTALL)
_ESCAPES = {"a": "\a", "b": "\b", "t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r"}
_PREFIX = re.compile(r"[abciow]/")
_MADE: dict[str, Kind] = {"new file": "added", "deleted file": "deleted"}
NOWHERE = "/dev/null"


@dataclass(frozen=True, slots=True)
class Hunk:
    """A run of lines, each with its mark: ` ` as before, `+` new, `-` removed. Without their ends of line."""

    old: int
    """Number of the first line before the change, from 1."""
    new: int
    lines: tuple[str, ...]
    header: str = ""
    """What git says it stands in."""


@dataclass(slots=True)
class FileDiff:
    """The change of one file."""

    path: str
    old_path: str = ""
    """What it was called, if otherwise."""
    kind: Kind = "modified"
    hunks: list[Hunk] = field(default_factory=list[Hunk])
    binary: bool = False
    mode: str = ""
    """After the change, if the diff says it: 120000 is a symbolic link, 160000 a submodule."""
    flaw: str = ""
    """Why what is said of it cannot be relied on."""

    @property
    def added(self) -> int:
        return sum(line[0] == "+" for hunk in self.hunks for line in hunk.lines)

    @property
    def removed(self) -> int:
        return sum(line[0] == "-" for hunk in self.hunks for line in hunk.lines)


def read_patch(data: bytes) -> list[FileDiff]:
    """Return the files of a diff in its order; whatever stands around them, such as a mail, is passed over.

    Nothing in it is believed: a hunk that does not have the lines it says makes the file's `flaw`.
    """
    lines = data.decode("utf-8", "replace").removesuffix("\n").split("\n")
    reader = _Reader(lines)
    while reader.at < len(lines):
        reader.step()
    return [file for file in reader.files if file.path or file.flaw]


class _Reader:
    """A place in the lines, and the files so far."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines
        self.at = 0
        self.files: list[FileDiff] = []
        self.named = False
        """Whether the current file's `---` and `+++` were read: the next ones begin another."""

    def step(self) -> None:
        line = self.lines[self.at].removesuffix("\r")
        self.at += 1
        if line.startswith("diff --git "):
            self._begin(_common_name(line.removeprefix("diff --git ")))
        elif line.startswith(("diff --cc ", "diff --combined ", "* Unmerged path ")):
            self._begin(_unquoted(line.split(" ", 3 if line[0] == "*" else 2)[-1]))
            self.files[-1].flaw = "it is a merge, or in conflict"
        elif line.startswith("--- ") and self._next().startswith("+++ "):
            self._names(line[4:], self._next().removesuffix("\r")[4:])
        elif line.startswith("@@ ") and self.files:
            self._hunk(line)
        elif self.files and not self.files[-1].hunks:
            self._extended(self.files[-1], line)

    def _next(self) -> str:
        return self.lines[self.at] if self.at < len(self.lines) else ""

    def _begin(self, path: str) -> None:
        self.files.append(FileDiff(path))
        self.named = False

    def _names(self, old: str, new: str) -> None:
        self.at += 1
        if self.named or not self.files:
            self._begin("")
        self.named = True
        file, (before, after) = self.files[-1], (_name(old), _name(new))
        file.path = after or before
        if not before or not after:
            file.kind = "deleted" if before else "added"
        elif before != after:
            file.kind, file.old_path = "renamed", before

    def _extended(self, file: FileDiff, line: str) -> None:
        """Read one of git's lines about the whole file."""
        if found := _MODE.fullmatch(line):
            file.mode = found[2] if found[1] != "old" else file.mode
            file.kind = _MADE.get(found[1], file.kind)
        elif line.startswith(("rename from ", "copy from ")):
            file.kind, file.old_path = "renamed", _unquoted(line.split(" ", 2)[2])
        elif line.startswith(("rename to ", "copy to ")):
            file.path = _unquoted(line.split(" ", 2)[2])
        elif line.startswith("Binary files ") or line == "GIT binary patch":
            file.binary = True

    def _hunk(self, line: str) -> None:
        file = self.files[-1]
        if (found := _HUNK.fullmatch(line)) is None:
            file.flaw = file.flaw or "a hunk's header is none"
            return
        old, olds, new, news = (1 if number is None else int(number) for number in found.groups()[:4])
        body: list[str] = []
        while (olds > 0 or news > 0) and self.at < len(self.lines):
            text = self.lines[self.at].removesuffix("\r") or " "
            if text[0] not in " +-\\":
                break
            self.at += 1
            olds -= text[0] in " -"
            news -= text[0] in " +"
            if text[0] != "\\":
                body.append(text)
        if olds or news:
            file.flaw = file.flaw or "a hunk does not have the lines it says"
        file.hunks.append(Hunk(old, new, tuple(body), (found[5] or "").strip()))


def _name(text: str) -> str:
    """Return the path of a `---` or `+++` line, empty for none."""
    path = _unquoted(text)
    return "" if path == NOWHERE else _PREFIX.sub("", path, count=1) if _PREFIX.match(path) else path


def _unquoted(text: str) -> str:
    """Undo git's quoting of a path; what follows a tab is a date."""
    if not text.startswith('"'):
        return text.partition("\t")[0]
    inner = text[1:].rpartition('"')[0]
    raw = b"".join(_bytes(inner))
    return raw.decode("utf-8", "backslashreplace")


def _bytes(quoted: str) -> Sequence[bytes]:
    found: list[bytes] = []
    end = 0
    for match in _ESCAPE.finditer(quoted):
        found.append(quoted[end : match.start()].encode("utf-8", "replace"))
        code = match[1]
        octal = len(code) == 3
        found.append(bytes([int(code, 8) & 0xFF]) if octal else _ESCAPES.get(code, code).encode("utf-8", "replace"))
        end = match.end()
    return [*found, quoted[end:].encode("utf-8", "replace")]


def _common_name(names: str) -> str:
    """Return the path of `a/PATH b/PATH`, if both are one; a file without a hunk is named nowhere else."""
    if names.startswith('"'):
        first = re.match(r'"(?:[^"\\]|\\.)*"', names)
        return _name(first[0]) if first else ""
    half = len(names) // 2
    left, right = names[:half], names[half + 1 :]
    return _name(left) if left[2:] == right[2:] else ""
