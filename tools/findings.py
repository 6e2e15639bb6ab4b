"""Read what linters print into one shape."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, TypeAdapter

from tools.children import Child
from tools.runners.results import Target, compact, inside

Linter: TypeAlias = Literal["ruff", "flake8", "eslint", "clippy", "vet"]

# flake8's own format and go's have one shape, but for the code.
_LINE = re.compile(r"^(?:vet: )?(?:\./)?([^\s:][^:\n]*):(\d+):(?:(\d+):)? (?:([A-Z]+\d+) )?(.+)$", re.MULTILINE)


class Finding(BaseModel):
    """One place and what is wrong there."""

    model_config = ConfigDict(frozen=True)

    file: str
    line: int = 0
    column: int = 0
    code: str = ""
    message: str = ""


class _Place(BaseModel):
    row: int
    column: int


class _Ruff(BaseModel):
    filename: str
    location: _Place | None = None
    code: str | None = None
    message: str


class _EslintMessage(BaseModel):
    ruleId: str | None = None
    message: str
    line: int = 0
    column: int = 0


class _EslintFile(BaseModel):
    filePath: str
    messages: list[_EslintMessage]


class _Span(BaseModel):
    file_name: str
    line_start: int
    column_start: int
    is_primary: bool = True


class _Rustc(BaseModel):
    message: str
    level: str
    code: dict[str, Any] | None = None
    spans: list[_Span]


def ruff(target: Target, child: Child) -> Iterator[Finding]:
    for found in TypeAdapter(list[_Ruff]).validate_json(child.stdout):
        place = found.location or _Place(row=0, column=0)
        yield _finding(target, found.filename, place.row, place.column, found.code, found.message)


def eslint(target: Target, child: Child) -> Iterator[Finding]:
    for file in TypeAdapter(list[_EslintFile]).validate_json(child.stdout):
        for found in file.messages:
            yield _finding(target, file.filePath, found.line, found.column, found.ruleId, found.message)


def clippy(target: Target, child: Child) -> Iterator[Finding]:
    """Read cargo's messages, one a line; the summary at the end of each crate stands nowhere."""
    for line in child.stdout.splitlines():
        record = json.loads(line)
        if record.get("reason") != "compiler-message":
            continue
        said = _Rustc.model_validate(record["message"])
        for span in said.spans:
            if span.is_primary:
                code = str((said.code or {}).get("code", said.level))
                yield _finding(target, span.file_name, span.line_start, span.column_start, code, said.message)


def lines(target: Target, child: Child) -> Iterator[Finding]:
    text = (child.stdout + b"\n" + child.stderr).decode(errors="replace")
    for file, line, column, code, message in _LINE.findall(text):
        yield _finding(target, file, int(line), int(column or 0), code, message)


READERS: Mapping[Linter, Callable[[Target, Child], Iterator[Finding]]] = {
    "ruff": ruff,
    "flake8": lines,
    "eslint": eslint,
    "clippy": clippy,
    "vet": lines,
}


def _finding(target: Target, file: str, line: int, column: int, code: str | None, message: str) -> Finding:
    place = str(Path(inside(target, file)))
    return Finding(file=place, line=line, column=column, code=code or "", message=compact(message, 200))
