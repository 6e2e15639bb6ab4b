"""Notice an edit that changes the examiner instead of the answer: weakened tests and runner configuration (R13)."""

import configparser
import json
import re
import tomllib
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict


class EditedFile(BaseModel):
    """A file before and after; `None` where it did not exist."""

    model_config = ConfigDict(frozen=True)

    path: str
    old: str | None
    new: str | None


_CONFIGURATION = re.compile(
    r"conftest\.py|\.?pytest\.(?:ini|toml)|tox\.ini|setup\.cfg|pyproject\.toml|factor12\.toml|sitecustomize\.py"
    r"|package\.json|(?:jest|vitest|vite|babel)\.config\.\w+|\.mocharc(?:\.\w+)?"
    r"|GNUmakefile|[Mm]akefile|Cargo\.toml|go\.mod"
)
_TEST_MODULE = re.compile(r"test.*\.py|.*_test\.\w+|.*[.-](?:test|spec)\.\w+")
_TEST_FOLDERS = {"test", "tests", "__tests__", "spec", "testdata", "fixtures", "__snapshots__", "__fixtures__"}
_TESTS = re.compile(
    r"\bdef (test\w*)|\bfunc (Test\w+)|#\[(?:\w+::)?test\][^{]*?\bfn (\w+)|\b(?:it|test)\(\s*['\"`]([^'\"`]+)"
)
_SKIPS = re.compile(
    r"@(?:\w+\.)*(?:skip\w*|xfail|expectedFailure)\b|\b(?:skipTest|pytest\.(?:skip|xfail|importorskip))\("
    r"|\b(?:it|test|describe)\.(?:skip|only|todo)\b|\bx(?:it|describe|test)\(|\bpytestmark\b"
    r"|#\[ignore|\bt\.Skip\w*\(|//go:build|\bskip:\s*true"
)
_RUST_DOCS = re.compile(r"^\s*//[/!].*", re.MULTILINE)
_EXAMPLES = re.compile(r"^[ \t]*>>> .*(?:\n(?![ \t]*(?:\"{3}|'{3}|$)).+)*", re.MULTILINE)
_ASSERTIONS = re.compile(
    r"\bassert\w*\b|\bexpect\w*\(|\.should\b|\b(?:pytest\.)?raises\(|\bt\.(?:Error|Fatal|Fail)\w*\(|\brequire\.\w+\("
)


def tampering(edits: Sequence[EditedFile]) -> str:
    """Return in one line why these edits cannot vouch for themselves, or nothing."""
    return next((doubt for edit in edits if (doubt := _doubt(edit))), "")


def is_test_file(path: str) -> bool:
    """Tell whether the path is a test, or something that tests are made of."""
    return bool(_TEST_MODULE.fullmatch(PurePosixPath(path).name)) or _in_test_folder(path)


def examining_part(path: str, text: str | None, test: str = "") -> str:
    """Return what of a file examines the rest: of a Rust source its documentation and what follows `#[cfg(test)]`.

    Of a Python source it is the examples, if `test` is the id of one; of any other file, all of it.
    """
    if text is None:
        return ""
    if path.endswith(".rs") and not _in_test_folder(path):
        code, marker, tests = text.partition("#[cfg(test)]")
        return "\n".join([*_RUST_DOCS.findall(code), marker + tests])
    if path.endswith(".py") and not is_test_file(path) and _is_example(path, test.partition("::")[2]):
        return "\n".join(_EXAMPLES.findall(text))
    return text


def _is_example(path: str, name: str) -> bool:
    """Tell pytest's name of a docstring, `package.module.function`, from that of a test."""
    return f".{PurePosixPath(path).stem}." in f".{name}" and not {":", "["} & set(name)


def _in_test_folder(path: str) -> bool:
    return not _TEST_FOLDERS.isdisjoint(PurePosixPath(path).parts[:-1])


def _doubt(edit: EditedFile) -> str:
    name = PurePosixPath(edit.path).name
    if _CONFIGURATION.fullmatch(name):
        read = _SETTINGS.get(name, _whole)
        changed = read(edit.old or "") != read(edit.new or "")
        return f"{edit.path} configures the check and was edited." if changed else ""
    old, new = examining_part(edit.path, edit.old), examining_part(edit.path, edit.new)
    if not old or old == new or not (is_test_file(edit.path) or edit.path.endswith(".rs")):
        return ""
    if edit.new is None:
        return f"{edit.path}, a part of the tests, was deleted."
    return _weakened(edit.path, old, new)


def _weakened(path: str, old: str, new: str) -> str:
    if gone := _names(old) - _names(new):
        return f"{path} no longer has the test {min(gone)!r}."
    if len(_SKIPS.findall(new)) > len(_SKIPS.findall(old)):
        return f"{path} now skips or excuses a test."
    if len(_ASSERTIONS.findall(new)) < len(_ASSERTIONS.findall(old)):
        return f"{path} asserts less than before."
    if not _TEST_MODULE.fullmatch(PurePosixPath(path).name) and not path.endswith(".rs"):
        return f"{path}, which tests are made of, was edited."
    return ""


def _names(text: str) -> set[str]:
    return {next(filter(None, groups)) for groups in _TESTS.findall(text)}


def _whole(text: str) -> Any:
    return text


def _pyproject(text: str) -> Any:
    try:
        return tomllib.loads(text).get("tool", {}).get("pytest")
    except tomllib.TOMLDecodeError:
        return text


def _ini(text: str) -> Any:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return text
    return [parser.items(name) for name in ("pytest", "tool:pytest") if parser.has_section(name)]


def _package(text: str) -> Any:
    """Read what of a package may change how its tests run: all but the words about it."""
    try:
        package = json.loads(text or "{}")
    except ValueError:
        return text
    words = {"version", "description", "author", "license", "keywords", "repository", "homepage", "bugs"}
    return {key: value for key, value in package.items() if key not in words}


_SETTINGS: dict[str, Callable[[str], Any]] = {
    "pyproject.toml": _pyproject,
    "setup.cfg": _ini,
    "tox.ini": _ini,
    "package.json": _package,
}
