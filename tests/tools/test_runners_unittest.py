"""unittest's states, from a real unittest."""

from pathlib import Path

import pytest

from tests.tools.checking import check, make_workspace, tree

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("R13"), pytest.mark.usefixtures("each_box")]

EVERYTHING = """
import unittest

class Plain(unittest.TestCase):
    def test_passes(self): pass
    def test_fails(self): self.assertEqual(1, 2)
    def test_errors(self): raise ValueError("broken")
    @unittest.skip("later")
    def test_skipped(self): pass
    @unittest.expectedFailure
    def test_expected_to_fail(self): self.fail()
    @unittest.expectedFailure
    def test_passes_unexpectedly(self): pass
    def test_with_failing_subtest(self):
        for i in range(3):
            with self.subTest(i=i): self.assertNotEqual(i, 1)
    def test_with_breaking_subtest(self):
        with self.subTest(): raise ValueError

class BrokenClass(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise ValueError("no database")
    def test_one(self): pass
    def test_two(self): pass

class BreaksLater(unittest.TestCase):
    @classmethod
    def tearDownClass(cls): raise ValueError("cannot close")
    def test_one(self): pass

class SkippedClass(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise unittest.SkipTest("not here")
    def test_one(self): pass

class Async(unittest.IsolatedAsyncioTestCase):
    async def test_awaits(self): pass
"""


async def test_each_kind_of_result_becomes_its_own_state(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"tests/test_all.py": EVERYTHING})
    before = tree(workspace.repository().root)
    result = await check(workspace)
    assert {name.removeprefix("tests/test_all.py::"): state for name, state in result.states.items()} == {
        "Plain::test_passes": "pass",
        "Plain::test_fails": "fail",
        "Plain::test_errors": "error",
        "Plain::test_skipped": "skip",
        "Plain::test_expected_to_fail": "skip",
        "Plain::test_passes_unexpectedly": "fail",
        "Plain::test_with_failing_subtest": "fail",
        "Plain::test_with_breaking_subtest": "error",
        "BrokenClass::test_one": "error",
        "BrokenClass::test_two": "error",
        "BreaksLater::test_one": "error",
        "SkippedClass::test_one": "skip",
        "Async::test_awaits": "pass",
    }
    assert (result.runner, result.verdict, result.exit_code) == ("unittest", "failed", 1)
    assert tree(workspace.repository().root) == before


async def test_a_failure_tells_its_place_and_a_short_message(tmp_path: Path) -> None:
    files = {
        "calc.py": "def half(n):\n    return n // 0\n",
        "tests/test_calc.py": """
import unittest
from calc import half
class Half(unittest.TestCase):
    def test_half(self): half(4)
""",
    }
    (failure,) = (await check(make_workspace(tmp_path, files))).failures
    assert failure.model_dump() == {
        "id": "tests/test_calc.py::Half::test_half",
        "state": "error",
        "message": "ZeroDivisionError: integer division or modulo by zero",
        "file": "calc.py",
        "line": 2,
    }


ONE = "import unittest\nclass T(unittest.TestCase):\n    def test_one(self): pass\n    def test_two(self): pass\n"


@pytest.mark.parametrize(
    ("layout", "ids"),
    [
        ({"test_x.py": ONE}, {"test_x.py"}),
        ({"tests/test_x.py": ONE}, {"tests/test_x.py"}),
        ({"tests/__init__.py": "", "tests/test_x.py": ONE}, {"tests/test_x.py"}),
        ({"pkg/__init__.py": "", "pkg/tests/__init__.py": "", "pkg/tests/test_x.py": ONE}, {"pkg/tests/test_x.py"}),
        ({"a/tests/test_x.py": ONE, "b/tests/test_x.py": ONE}, {"a/tests/test_x.py", "b/tests/test_x.py"}),
        ({"test_x.py": ONE, ".hidden/test_y.py": ONE, "env/pyvenv.cfg": "", "env/test_z.py": ONE}, {"test_x.py"}),
    ],
    ids=["beside", "folder", "package", "deep package", "same name twice", "hidden and environments"],
)
async def test_tests_are_found_in_every_usual_layout(tmp_path: Path, layout: dict[str, str], ids: set[str]) -> None:
    result = await check(make_workspace(tmp_path, layout))
    assert set(result.states) == {f"{file}::T::{name}" for file in ids for name in ("test_one", "test_two")}
    assert result.verdict == "passed"


@pytest.mark.parametrize(
    ("paths", "select", "names"),
    [
        (["tests/test_a.py"], "", {"tests/test_a.py::T::test_one", "tests/test_a.py::T::test_two"}),
        (["tests/test_a.py::T::test_one"], "", {"tests/test_a.py::T::test_one"}),
        (["tests"], "two", {"tests/test_a.py::T::test_two", "tests/test_b.py::T::test_two"}),
    ],
)
async def test_paths_ids_and_a_filter_narrow_what_runs(
    tmp_path: Path, paths: list[str], select: str, names: set[str]
) -> None:
    workspace = make_workspace(tmp_path, {"tests/test_a.py": ONE, "tests/test_b.py": ONE})
    assert set((await check(workspace, paths=paths, select=select)).states) == names


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("import unittest, nope\n", "test_x.py cannot be imported: ModuleNotFoundError: No module named 'nope'"),
        ("import unittest\ndef (:\n", "test_x.py cannot be imported: SyntaxError: invalid syntax"),
        ("import unittest\nraise SystemExit(3)\n", "test_x.py cannot be imported: SystemExit: 3"),
        ("import unittest\ndef load_tests(*_): 1 / 0\n", "test_x.py cannot be imported: ZeroDivisionError"),
        ("import unittest\nraise unittest.SkipTest('no')\n", "unittest found no tests."),
        ("import unittest\n", "unittest found no tests."),
        (ONE.replace("pass", "import os; os._exit(7)"), "unittest ended early with exit code 7"),
    ],
)
async def test_what_keeps_tests_from_speaking_is_no_evidence(tmp_path: Path, text: str, why: str) -> None:
    result = await check(make_workspace(tmp_path, {"test_x.py": text}))
    assert result.verdict == "no_evidence"
    assert result.why.startswith(why)


async def test_a_module_set_up_that_fails_names_every_test_of_the_module(tmp_path: Path) -> None:
    text = ONE + "def setUpModule(): raise ValueError\n"
    result = await check(make_workspace(tmp_path, {"test_x.py": text}))
    assert result.states == {"test_x.py::T::test_one": "error", "test_x.py::T::test_two": "error"}
