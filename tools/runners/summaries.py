"""Judge a program that names no tests by its exit code, and count its tests by the summary lines that tools print."""

import re
from collections import Counter
from collections.abc import Iterator

from tools.children import Child
from tools.runners.results import Counts, Report, last_lines

# pytest; cargo; jest and vitest; mocha
_LINE = re.compile(
    r"^(?:=+ )?\d+ (?:passed|failed|error|skipped).* in [\d.]+s|^test result: |^\s*Tests:?\s"
    r"|^\s+\d+ (?:passing|failing|pending)\b"
)
_PAIR = re.compile(r"(?<!\d)(\d+) (passed|passing|failed|failing|errors?|skipped|pending|ignored|todo)\b")
_TAP = re.compile(r"^(?:#|\u2139) (pass|fail|skipped|todo|cancelled) (\d+)\s*$")
_UNITTEST = re.compile(r"^Ran (\d+) tests? in .*\s+(?:OK|FAILED)(?: \((.*)\))?", re.MULTILINE)
_CTEST = re.compile(r"^\d+% tests passed, (\d+) tests failed out of (\d+)", re.MULTILINE)
_MEANING = {
    **dict.fromkeys(("pass", "passed", "passing"), "passed"),
    **dict.fromkeys(("fail", "failed", "failing", "failures"), "failed"),
    **dict.fromkeys(("error", "errors", "cancelled"), "error"),
    **dict.fromkeys(("skipped", "pending", "ignored", "todo"), "skipped"),
}


def by_exit_code(child: Child) -> Report:
    """Report what the exit code says; a program that was not found, or died of a signal, is no evidence."""
    said = last_lines(child.stderr) or last_lines(child.stdout)
    if child.returncode in {126, 127} or child.returncode < 0:
        return Report(ids=False, problem=f"The command ended with exit code {child.returncode}: {said}")
    text = "\n".join(part.decode(errors="replace") for part in (child.stdout, child.stderr))
    return Report(ids=False, counts=count(text))


def count(text: str) -> Counts:
    """Add up every test summary in what a program printed."""
    found: Counter[str] = Counter()
    for number, word in _numbers(text):
        found[_MEANING[word]] += number
    return Counts(**found)


def _numbers(text: str) -> Iterator[tuple[int, str]]:
    for line in text.splitlines():
        if tap := _TAP.match(line):
            yield int(tap.group(2)), tap.group(1)
        elif _LINE.match(line):
            yield from ((int(number), word) for number, word in _PAIR.findall(line))
    for total, details in _UNITTEST.findall(text):
        named = [(int(n), word) for word, n in re.findall(r"(failures|errors|skipped)=(\d+)", details)]
        yield from named
        yield max(0, int(total) - sum(n for n, _ in named)), "passed"
    for failed, total in _CTEST.findall(text):
        yield from ((int(failed), "failed"), (int(total) - int(failed), "passed"))
