"""pytest's states, from a real pytest."""

import json
import sys
from pathlib import Path

import anyio
import pytest

from tests.tools.checking import ENVIRONMENT, check, make_workspace, plan, tree, write
from tools.checks import CheckPlan
from tools.children import Child
from tools.runners import pytests
from tools.runners.results import Target

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("R13"), pytest.mark.usefixtures("each_box")]

EVERYTHING = """
import unittest
import pytest

@pytest.fixture
def broken():
    raise RuntimeError("no database")

@pytest.fixture
def breaks_later():
    yield
    raise RuntimeError("cannot close")

@pytest.mark.parametrize("a", [0, 1, "x y"])
def test_parametrised(a):
    assert a != 1, "one is wrong"

def test_with_broken_setup(broken): pass
def test_with_broken_teardown(breaks_later): pass

@pytest.mark.skip
def test_skipped(): raise AssertionError

@pytest.mark.xfail
def test_expected_to_fail(): raise AssertionError

@pytest.mark.xfail
def test_passes_unexpectedly(): pass

@pytest.mark.xfail(strict=True)
def test_passes_against_strict_expectation(): pass

class TestGroup:
    class TestInner:
        def test_deep(self): pass

class Old(unittest.TestCase):
    def test_old_style(self):
        self.assertEqual(1, 2)
    def test_with_subtests(self):
        for i in range(3):
            with self.subTest(i=i):
                self.assertNotEqual(i, 1)
"""


async def test_each_kind_of_result_becomes_its_own_state(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"tests/test_all.py": EVERYTHING})
    result = await check(workspace)
    assert {name.removeprefix("tests/test_all.py::"): state for name, state in result.states.items()} == {
        "test_parametrised[0]": "pass",
        "test_parametrised[1]": "fail",
        "test_parametrised[x y]": "pass",
        "test_with_broken_setup": "error",
        "test_with_broken_teardown": "error",
        "test_skipped": "skip",
        "test_expected_to_fail": "skip",
        "test_passes_unexpectedly": "pass",
        "test_passes_against_strict_expectation": "fail",
        "TestGroup::TestInner::test_deep": "pass",
        "Old::test_old_style": "fail",
        "Old::test_with_subtests": "fail",
    }
    assert (result.runner, result.verdict, result.exit_code, result.ids) == ("pytest", "failed", 1, True)
    assert result.counts.model_dump() == {"passed": 4, "failed": 4, "error": 2, "skipped": 2}
    assert result.why == "6 of 12 tests red."


async def test_a_failure_tells_its_place_and_a_short_message(tmp_path: Path) -> None:
    files = {
        "calc.py": "def half(n):\n    return n // 0\n",
        "tests/test_calc.py": "from calc import half\ndef test_half():\n    assert half(4) == 2\n",
    }
    result = await check(make_workspace(tmp_path, files))
    (failure,) = result.failures
    assert (failure.id, failure.state) == ("tests/test_calc.py::test_half", "fail")
    assert (failure.file, failure.line) == ("calc.py", 2)
    assert failure.message == "ZeroDivisionError: integer division or modulo by zero"


async def test_a_check_leaves_nothing_in_the_repository_or_scratch(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"test_x.py": "def test_x(tmp_path): (tmp_path / 'y').write_text('')\n"})
    before = tree(workspace.repository().root)
    assert (await check(workspace)).verdict == "passed"
    assert tree(workspace.repository().root) == before
    assert list((workspace.scratch / "checks").iterdir()) == []


@pytest.mark.parametrize(
    ("paths", "select", "names"),
    [
        (["tests/test_a.py::test_one"], "", {"tests/test_a.py::test_one"}),
        (["tests/test_b.py"], "two", {"tests/test_b.py::test_two"}),
    ],
)
async def test_paths_node_ids_and_a_filter_narrow_what_runs(
    tmp_path: Path, paths: list[str], select: str, names: set[str]
) -> None:
    tests = "def test_one(): pass\ndef test_two(): pass\n"
    workspace = make_workspace(tmp_path, {"tests/test_a.py": tests, "tests/test_b.py": tests})
    assert set((await check(workspace, paths=paths, select=select)).states) == names


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"test_x.py": "def test_x(:\n"}, "test_x.py cannot be collected: SyntaxError: invalid syntax"),
        ({"test_x.py": "import pytest, nope\n"}, "test_x.py cannot be collected: ModuleNotFoundError: No module"),
        ({"conftest.py": "", "test_x.py": ""}, "pytest found no tests."),
        (
            {"conftest.py": "", "test_x.py": "import os\ndef test_x(): os._exit(0)\n"},
            "pytest ended early with exit code 0",
        ),
        ({"test_x.py": "import pytest\n@pytest.mark.skip\ndef test_x(): pass\n"}, "Nothing but skipped tests: 1."),
        (
            {"pytest.ini": "[pytest]\naddopts = --nope\n"},
            "pytest refused its arguments: unrecognized arguments: --nope",
        ),
    ],
)
async def test_what_keeps_tests_from_speaking_is_no_evidence(tmp_path: Path, files: dict[str, str], why: str) -> None:
    result = await check(make_workspace(tmp_path, files))
    assert result.verdict == "no_evidence"
    assert result.why.startswith(why)


async def test_a_repositorys_own_stop_at_first_failure_does_not_hide_the_rest(tmp_path: Path) -> None:
    files = {
        "pytest.ini": "[pytest]\naddopts = -x --lf\n",
        "test_x.py": "def test_a(): raise OSError\ndef test_b(): pass\n",
    }
    result = await check(make_workspace(tmp_path, files))
    assert result.states == {"test_x.py::test_a": "fail", "test_x.py::test_b": "pass"}


async def test_ids_start_at_the_repository_whatever_configuration_is_nearest(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    files = {"sub/pytest.ini": "[pytest]\n", "sub/test_x.py": "def test_x(): pass\n"}
    workspace = make_workspace(tmp_path, files)
    assert set((await check(workspace)).states) == {"sub/test_x.py::test_x"}
    assert set((await check(workspace, paths=["sub"])).states) == {"sub/test_x.py::test_x"}


async def test_a_red_exit_code_without_a_red_test_is_a_failure(tmp_path: Path) -> None:
    conftest = "def pytest_sessionfinish(session):\n    session.exitstatus = 1\n"
    result = await check(make_workspace(tmp_path, {"conftest.py": conftest, "test_x.py": "def test_x(): pass\n"}))
    assert result.verdict == "failed"
    assert result.why == "pytest ended with exit code 1 though no test is reported as red."


def test_a_virtual_environment_of_the_repository_with_pytest_goes_first(tmp_path: Path) -> None:
    files = {"test_x.py": "def test_x(): pass\n", ".venv/pyvenv.cfg": f"home = {Path(sys.base_prefix, 'bin')}\n"}
    workspace = make_workspace(tmp_path, files)
    venv = workspace.repository().root / ".venv"
    (venv / "bin").mkdir()
    (venv / "bin/python").symlink_to(sys.executable)

    def planned() -> CheckPlan:
        return anyio.run(plan, workspace)

    assert planned().argv[0].startswith(str(Path(sys.executable).parent))  # it has no pytest
    write(venv, {"lib/python3.11/site-packages/pytest/__init__.py": ""})
    assert planned().argv[0] == str(venv / "bin/python")
    assert planned().environment["VIRTUAL_ENV"] == str(venv)
    assert planned().environment["PATH"].startswith(f"{venv}/bin:")
    (venv / "lib/python3.11/site-packages/pytest/__init__.py").unlink()
    write(venv, {"pyvenv.cfg": "include-system-site-packages = true\n"})
    assert planned().argv[0] == str(venv / "bin/python")


async def test_a_virtual_environment_whose_python_this_user_cannot_reach_is_passed_over(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"test_x.py": "def test_x(): pass\n", ".venv/pyvenv.cfg": "home = /\n"})
    (workspace.repository().root / ".venv/bin").mkdir()
    (workspace.repository().root / ".venv/bin/python").symlink_to("x" * 300)  # like one of another account
    planned = await plan(workspace)
    assert planned.argv[0].startswith(str(Path(sys.executable).parent))


async def test_without_pytest_anywhere_the_reason_says_what_to_do(tmp_path: Path) -> None:
    workspace = make_workspace(
        tmp_path, {"conftest.py": ""}, environment={**ENVIRONMENT, "PATH": str(tmp_path / "nowhere")}
    )
    result = await check(workspace)
    assert (result.verdict, result.runner, result.command) == ("no_evidence", "pytest", [])
    assert "there is no python3 on the PATH" in result.why
    assert "python3 -m venv .venv && .venv/bin/pip install pytest" in result.why


async def test_each_python_that_was_looked_at_is_named_with_its_reason(tmp_path: Path) -> None:
    bin_ = tmp_path / "bin"
    write(bin_, {"python3": "#!/bin/sh\necho version 3.99 is not installed >&2; exit 127\n", "python": "#!/nowhere\n"})
    for path in bin_.iterdir():
        path.chmod(0o755)
    files = {"conftest.py": "", "venv/bin/python": "", "venv/pyvenv.cfg": ""}
    workspace = make_workspace(tmp_path, files, environment={**ENVIRONMENT, "PATH": str(bin_)})
    reason = (await plan(workspace)).reason
    assert reason.startswith("No Python with pytest: venv has no pytest; ")
    assert f"{bin_}/python3 has no pytest (version 3.99 is not installed)" in reason
    assert f"Cannot start '{bin_}/python': No such file or directory." in reason
    unittest = await plan(workspace, runner="unittest")
    assert unittest.argv[0] == str(workspace.repository().root / "venv/bin/python")
    (workspace.repository().root / "venv/bin/python").unlink()
    assert (await plan(workspace, runner="unittest")).reason.startswith("No Python with unittest: ")


def test_a_line_separator_in_what_a_test_says_does_not_cut_the_report_off(tmp_path: Path) -> None:
    record = {"id": "t.py::t", "when": "call", "outcome": "passed", "subtest": False, "file": "t.py", "line": 1}
    said = json.dumps({**record, "message": "a\u2028b\x85c"}, ensure_ascii=False)
    (tmp_path / "report").write_text(said + "\n" + json.dumps({"exit": 0}) + "\n", encoding="utf-8")
    ended = Child(0, b"", b"", 0, 0, timed_out=False, seconds=1)
    report = pytests.report(Target(tmp_path, tmp_path, {}), ended)
    assert (report.states, report.problem) == ({"t.py::t": "pass"}, "")


def test_a_rerun_counts_by_its_last_outcome(tmp_path: Path) -> None:
    phases = [
        {"when": "call", "outcome": "failed", "subtest": True},
        {"when": "setup", "outcome": "passed", "subtest": False},
        {"when": "call", "outcome": "rerun", "subtest": False},
        {"when": "setup", "outcome": "passed", "subtest": False},
        {"when": "call", "outcome": "passed", "subtest": False},
        {"when": "teardown", "outcome": "passed", "subtest": False},
    ]
    records = [{"id": "t.py::t", "message": "", "file": "t.py", "line": 1, **phase} for phase in phases]
    lines = [json.dumps(record) for record in [*records, {"exit": 0}, {"of": "a later version"}]]
    (tmp_path / "report").write_text("\n".join([*lines, '{"half']))
    ended = Child(0, b"", b"", 0, 0, timed_out=False, seconds=1)
    report = pytests.report(Target(tmp_path, tmp_path, {}), ended)
    assert (report.states, report.problem) == ({"t.py::t": "pass"}, "")
