"""Notice an edit that changes the examiner instead of the answer: weakened tests and runner configuration (R13)."""

import configparser
import json
import re
import tomllib
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any, cast

from pydantic import BaseModel, ConfigDict

from tools.examiner import reached, stands_before_runner


class EditedFile(BaseModel):
    """A file before and after; `None` where it did not exist."""

    model_config = ConfigDict(frozen=True)

    path: str
    old: str | None
    new: str | None


class Review(BaseModel):
    """What an edit did to the tests that are to vouch for it."""

    model_config = ConfigDict(frozen=True)

    path: str
    changed: bool = True
    doubt: str = ""
    """In one line, why the edits cannot vouch for themselves."""
    tests: bool = False
    """Whether the tests that the file holds are not what they were."""
    examples: bool = False
    """Whether the examples in its documentation are not."""
    program: bool = False
    """Whether it is a script that the repository's own test command runs."""
    users: tuple[str, ...] = ()
    """The test files that may build on the tests that are not what they were."""

    def touches(self, test: str) -> bool:
        """Tell whether the test of this id is not, or may not be, what it was."""
        file, _, name = test.partition("::")
        if file != self.path:
            return file in self.users
        return self.examples if _has_examples(file) and _is_example(file, name) else self.tests


_CONFIGURATION = re.compile(
    r"conftest\.py|\.?pytest\.(?:ini|toml)|tox\.ini|setup\.cfg|pyproject\.toml|factor12\.toml"
    r"|package\.json|(?:jest|vitest|vite|babel)\.config\.\w+|\.mocharc(?:\.\w+)?"
    r"|(?:jest|vitest)[.-]setup\.\w+|setupTests\.\w+|vitest\.workspace\.\w+"
    r"|(?:GNU)?makefile|.*\.mk|Cargo\.toml|go\.(?:mod|work)",
    re.IGNORECASE,
)
_TEST_MODULE = re.compile(r"test.*\.py|.*_test\.\w+|.*[.-](?:test|spec)\.\w+")
_TEST_FOLDER = re.compile(
    r"(?:.*[_.-])?tests?(?:[_.-].*)?|spec|testdata|fixtures|goldens?|cassettes|__snapshots__|__fixtures__",
    re.IGNORECASE,
)
_EXPECTED = re.compile(r".*\.(?:snap|ambr|golden)", re.IGNORECASE)
_TESTS = re.compile(
    r"\bdef (test\w*)|\bfunc (Test\w+)|#\[(?:\w+::)?test\][^{]{0,500}?\bfn (\w+)|\b(?:it|test)\(\s*['\"`]([^'\"`]+)"
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


def review(edit: EditedFile) -> Review:
    """Look at a whole file, before and after: a fragment does not say which section or example it belongs to."""
    if edit.old == edit.new:
        return Review(path=edit.path, changed=False)
    old, new = (examining_part(edit.path, text) for text in (edit.old, edit.new))
    examples = [_EXAMPLES.findall(text or "") for text in (edit.old, edit.new)]
    return Review(path=edit.path, doubt=_doubt(edit), tests=old != new, examples=examples[0] != examples[1])


def is_test_file(path: str) -> bool:
    """Tell whether the path is a test, or something that tests are made of."""
    name = PurePosixPath(path).name
    return bool(_TEST_MODULE.fullmatch(name) or _EXPECTED.fullmatch(name)) or _in_test_folder(path)


def configures_check(path: str) -> bool:
    """Tell whether the path is a file that decides which tests run, how, and with what."""
    return _CONFIGURATION.fullmatch(PurePosixPath(path).name) is not None or stands_before_runner(path)


def is_test_module(path: str) -> bool:
    """Tell whether a runner takes the file, by its name, for one that holds tests."""
    name = PurePosixPath(path).name
    return bool(_TEST_MODULE.fullmatch(name)) and not configures_check(path)


def examining_part(path: str, text: str | None) -> str:
    """Return what of a file examines the rest: of a Rust source its documentation and what follows `#[cfg(test)]`.

    Of any other file it is all of it.
    """
    if text is None:
        return ""
    if path.endswith(".rs") and not _in_test_folder(path):
        code, marker, tests = text.partition("#[cfg(test)]")
        return "\n".join([*_RUST_DOCS.findall(code), marker + tests])
    return text


def _has_examples(path: str) -> bool:
    return path.endswith(".py") and not is_test_file(path)


def _is_example(path: str, name: str) -> bool:
    """Tell pytest's name of a docstring, `package.module.function`, from that of a test."""
    return f".{PurePosixPath(path).stem}." in f".{name}" and not {":", "["} & set(name)


def _in_test_folder(path: str) -> bool:
    return any(map(_TEST_FOLDER.fullmatch, PurePosixPath(path).parts[:-1]))


def _doubt(edit: EditedFile) -> str:
    name = PurePosixPath(edit.path).name
    if configures_check(edit.path):
        read = _SETTINGS.get(name, _whole)
        changed = read(edit.old or "") != read(edit.new or "")
        return f"{edit.path} configures the check and was edited." if changed else ""
    if not is_test_file(edit.path) and (what := reached(edit.path, edit.old or "", edit.new or "")):
        return f"{edit.path} now reaches for {what!r}, by which code can make its own tests pass."
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
        project = tomllib.loads(text)
    except (ValueError, RecursionError):
        return text
    match project:
        case {"tool": {"pytest": settings}}:
            return settings
        case _:
            return None


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
        package: Any = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return text
    if not isinstance(package, dict):
        return text
    words = {"version", "description", "author", "license", "keywords", "repository", "homepage", "bugs"}
    return {key: value for key, value in cast(dict[str, Any], package).items() if key not in words}


_SETTINGS: dict[str, Callable[[str], Any]] = {
    "pyproject.toml": _pyproject,
    "setup.cfg": _ini,
    "tox.ini": _ini,
    "package.json": _package,
}
