"""Know what belongs to the examiner: code that reaches for it may make its own tests pass (R13). Pure.

A patch runs in the process of the tests that judge it, so one that is written to deceive them can. This notices the
ways that have a name: the test framework, our recorders, and leaving the process before a test can fail.
"""

import re
from collections.abc import Iterator
from io import StringIO
from pathlib import PurePosixPath
from tokenize import COMMENT, NAME, STRING, TokenError, generate_tokens

_INSTALLED = {"site-packages", "dist-packages", "node_modules", ".venv", "venv", ".tox", ".nox"}
_SHADOWS = re.compile(r"_?pytest|unittest|pluggy|factor12_\w+|(?:site|user)customize")
_NAMES = re.compile(
    r"_?pytest|pytest_\w+|PYTEST_\w+|unittest|TestCase|TestResult|assert[A-Z]\w*|pluggy|factor12_\w+|FACTOR12_\w+"
    r"|_exit|exec[lv]p?e?",
    re.ASCII,
)
_SCRIPT = re.compile(r"['\"]((?:node:)?(?:test|assert)(?:/strict)?|vitest|mocha|chai|jest|@jest/\w+|@vitest/\w+)['\"]")
_LITERAL = re.compile(r"[rbuf]*(['\"]{1,3})([\w.]+)\1", re.IGNORECASE)


def stands_before_runner(path: str) -> bool:
    """Tell whether the file is installed beside the code, or a module that would be imported in a runner's place."""
    *folders, name = PurePosixPath(path).parts
    modules = {*folders, name.removesuffix(".py")} if name.endswith(".py") else set[str]()
    return not _INSTALLED.isdisjoint(folders) or any(map(_SHADOWS.fullmatch, modules))


def reached(path: str, old: str, new: str) -> str:
    """Return what of the examiner the code names now and did not before, or nothing."""
    look = _SOURCES.get(PurePosixPath(path).suffix)
    return min(look(new) - look(old), default="") if look else ""


def _in_python(text: str) -> set[str]:
    try:
        words = set(_words(text))
    except (TokenError, SyntaxError):
        words = set(re.findall(r"\w+", text))
    return {word for word in words if _NAMES.fullmatch(word)}


def _words(text: str) -> Iterator[str]:
    """Yield names, and the parts of strings that are nothing but a dotted name: `import_module("unittest.case")`."""
    for token in generate_tokens(StringIO(text).readline):
        if token.type == NAME:
            yield token.string
        elif token.type not in (COMMENT, STRING):
            yield from re.findall(r"\w+", token.string)  # of an f-string, from Python 3.12 on
        elif token.type == STRING and (literal := _LITERAL.fullmatch(token.string)):
            yield from literal[2].split(".")


def _in_script(text: str) -> set[str]:
    return set(_SCRIPT.findall(text))


_SOURCES = {
    ".py": _in_python,
    **dict.fromkeys((".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".jsx", ".tsx"), _in_script),
}
