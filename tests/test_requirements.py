"""The manifest and the tests agree in both directions."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.requirements import REQUIREMENTS

TESTS = Path(__file__).parent
Marked = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def _marks(node: ast.AST) -> Iterator[str]:
    """Yield what the `requirement` marks inside a decorator, or the value of a `pytestmark`, name."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.requirement":
            yield from (ast.literal_eval(argument) for argument in call.args)


def _claims_of(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (test, requirement) for each mark of a file; a mark of the whole module counts for the module."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        name = path.relative_to(TESTS).as_posix()
        if isinstance(node, Marked):
            yield from ((f"{name}::{node.name}", known) for mark in node.decorator_list for known in _marks(mark))
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark":
            yield from ((name, known) for known in _marks(node.value))


def _claims() -> dict[str, set[str]]:
    """Return each marked test with the requirements it says it shows."""
    claims: dict[str, set[str]] = defaultdict(set)
    for path in sorted(TESTS.rglob("*.py")):
        for test, known in _claims_of(path):
            claims[test].add(known)
    return claims


def test_every_requirement_is_shown_by_at_least_one_test() -> None:
    shown = {known for named in _claims().values() for known in named}
    missing = [f"{entry.id}: {entry.says}" for entry in REQUIREMENTS if entry.id not in shown]
    assert not missing, "no test shows " + "; ".join(missing)


def test_every_mark_names_a_requirement_of_the_manifest() -> None:
    known = {entry.id for entry in REQUIREMENTS}
    strangers = {test: named - known for test, named in _claims().items() if named - known}
    assert not strangers, f"the manifest does not have {strangers}"


def test_every_mark_stands_on_something_that_pytest_runs() -> None:
    idle = [test for test in _claims() if not _runs(test)]
    assert not idle, f"pytest runs none of {idle}"


def test_the_manifest_has_each_rule_and_each_factor_once_in_order() -> None:
    wanted = [f"R{number}" for number in range(1, 22)] + [f"F{number}" for number in range(1, 14)]
    assert [entry.id for entry in REQUIREMENTS] == wanted
    assert all(entry.says.endswith(".") for entry in REQUIREMENTS)


def _runs(test: str) -> bool:
    path, _, name = test.partition("::")
    return Path(path).name.startswith("test_") and (not name or name.startswith("test_"))
