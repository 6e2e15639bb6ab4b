"""How a repository is tested is read from its files, in one order, with a reason."""

from pathlib import Path

import pytest

from tests.tools.checking import write
from tools.runners import detection
from tools.runners.detection import Detected, detect, make_target, npm_script

PYTEST_STYLE = "def test_a():\n    assert True\n"
UNITTEST_STYLE = "import unittest\nclass A(unittest.TestCase):\n    def test_a(self): pass\n"
PACKAGE = '{"scripts": {"test": "jest"}}'


@pytest.mark.parametrize(
    ("files", "runner", "reason"),
    [
        ({"pytest.ini": "", "Makefile": "test:\n"}, "pytest", "pytest.ini configures pytest"),
        ({"pytest.toml": ""}, "pytest", "pytest.toml configures pytest"),
        ({"pyproject.toml": "[tool.pytest.ini_options]\n"}, "pytest", "pyproject.toml configures pytest"),
        ({"tox.ini": "[pytest]\n"}, "pytest", "tox.ini configures pytest"),
        ({"setup.cfg": "[tool:pytest]\n"}, "pytest", "setup.cfg configures pytest"),
        ({"tests/conftest.py": ""}, "pytest", "tests/conftest.py exists"),
        ({"tests/test_a.py": PYTEST_STYLE}, "pytest", "tests/test_a.py is written for pytest"),
        ({"a_test.py": "async def test_a(): ...\n"}, "pytest", "a_test.py is written for pytest"),
        ({"test_a.py": "class TestA:\n    def test_a(self): ...\n"}, "pytest", "test_a.py is written for pytest"),
        ({"a/test_a.py": UNITTEST_STYLE, "b/test_b.py": PYTEST_STYLE}, "pytest", "b/test_b.py is written for pytest"),
        ({"test_a.py": UNITTEST_STYLE, "package.json": PACKAGE}, "unittest", "test_a.py uses unittest"),
        ({"test_a.py": "class A(MyTestCase):\n    pass\n"}, "unittest", "test_a.py uses unittest"),
        ({"pyproject.toml": "tool = 1", "test_a.py": UNITTEST_STYLE}, "unittest", "test_a.py uses unittest"),
        ({"pyproject.toml": "x = " + "[" * 20_000, "test_a.py": UNITTEST_STYLE}, "unittest", "test_a.py uses unittest"),
        ({"pyproject.toml": "[tool", "test_a.py": UNITTEST_STYLE}, "unittest", "test_a.py uses unittest"),
        ({"package.json": PACKAGE, "Cargo.toml": ""}, "npm", "package.json has a test script"),
        ({"package.json": PACKAGE, "pnpm-lock.yaml": ""}, "pnpm", "package.json has a test script"),
        ({"Cargo.toml": "", "go.mod": ""}, "cargo", "Cargo.toml exists"),
        ({"go.mod": "", "Makefile": "test:\n"}, "go", "go.mod exists"),
        ({"Makefile": "all:\n\ttrue\ncheck: all\n"}, "make", "the Makefile has the target 'check'"),
    ],
)
def test_the_first_rule_that_applies_decides(tmp_path: Path, files: dict[str, str], runner: str, reason: str) -> None:
    write(tmp_path, files)
    found = detect(tmp_path)
    assert found is not None
    assert (found.runner, found.reason) == (runner, reason)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"README.md": "def test_a"},
        {"pyproject.toml": "[tool.ruff]\n", "src/app.py": "x = 1\n"},
        {"package.json": '{"scripts": {"test": "echo \\"Error: no test specified\\" && exit 1"}}'},
        {"package.json": '{"scripts": {"test": 1}}'},
        {"package.json": "[]"},
        {"package.json": "{"},
        {"package.json": "[" * 100_000},
        {"Makefile": "test := 1\nall: test\n"},
        {".hidden/test_a.py": PYTEST_STYLE, "node_modules/x/test_a.py": PYTEST_STYLE},
        {"env/pyvenv.cfg": "", "env/lib/test_a.py": PYTEST_STYLE},
    ],
)
def test_where_nothing_is_tested_nothing_is_found(tmp_path: Path, files: dict[str, str]) -> None:
    write(tmp_path, files)
    assert detect(tmp_path) is None


def test_links_are_not_followed_and_the_search_has_an_end(tmp_path: Path) -> None:
    write(tmp_path, {"outside.py": PYTEST_STYLE, "repo/a.txt": ""})
    root = tmp_path / "repo"
    (root / "test_link.py").symlink_to(tmp_path / "outside.py")
    (root / "package.json").symlink_to(tmp_path / "nowhere")
    assert detect(root) is None
    write(root, {f"test_{number}.py": "" for number in range(detection.LOOK_AT)})
    write(root, {"z/test_z.py": PYTEST_STYLE})
    assert detect(root) is None


def test_a_makefile_without_tests_is_not_passed_over_for_one_that_make_does_not_read(tmp_path: Path) -> None:
    write(tmp_path, {"GNUmakefile": "all:\n", "Makefile": "test:\n\ttrue\n"})
    assert make_target(tmp_path) == ""


def test_make_prefers_the_target_test_and_knows_three_file_names(tmp_path: Path) -> None:
    assert make_target(tmp_path) == ""
    write(tmp_path, {"Makefile": "check:\n\ttrue\ntest:\n\ttrue\n"})
    assert make_target(tmp_path) == "test"
    write(tmp_path, {"GNUmakefile": "check:\n"})
    assert make_target(tmp_path) == "check"
    assert npm_script(tmp_path) == ""
    assert Detected("go", "x") == Detected("go", "x")
