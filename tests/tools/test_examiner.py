"""Code that reaches for what judges it is noticed by what it names, and honest code is not."""

import pytest

from tools.examiner import reached, stands_before_runner
from tools.tampering import EditedFile, configures_check, review

pytestmark = pytest.mark.requirement("R13")


@pytest.mark.parametrize(
    ("path", "new", "what"),
    [
        ("shop.py", "import unittest\nunittest.TestCase.assertTrue = print\n", "TestCase"),
        ("shop.py", "import _pytest.python as p\np.Function.runtest = print\n", "_pytest"),
        ("shop.py", "def pytest_runtest_call(item): pass\n", "pytest_runtest_call"),
        ("shop.py", "m = __import__('unittest.case')\n", "unittest"),
        ("shop.py", "import os\nif 'PYTEST_CURRENT_TEST' in os.environ: pass\n", "PYTEST_CURRENT_TEST"),
        ("shop.py", "import sys\nsys.modules['factor12_pytest'] = None\n", "factor12_pytest"),
        ("shop.py", "import os\nos._exit(0)\n", "_exit"),
        ("shop.py", "import sys\nfor m in sys.modules.values():\n    c = getattr(m, 'TestCase', None)\n", "TestCase"),
        ("shop.py", "def cheat(case):\n    case.assertTrue = print\n", "assertTrue"),
        ("shop.py", "import os\nos.execv('/bin/true', ['true'])\n", "execv"),
        ("shop.py", "import unittest\nx = '''\n", "unittest"),
        ("shop.py", "x = f'{__import__(chr(1)).unittest}'\nimport unittest\n", "unittest"),
        ("shop.mjs", "import test from 'node:test'\n", "node:test"),
        ("shop.ts", 'import { expect } from "vitest"\n', "vitest"),
        ("shop.js", "require('assert').equal = () => {}\n", "assert"),
    ],
)
def test_what_of_the_examiner_an_edit_newly_names_is_told(path: str, new: str, what: str) -> None:
    assert reached(path, "x = 1\n", new) == what
    assert f"reaches for {what!r}" in review(EditedFile(path=path, old="x = 1\n", new=new)).doubt
    assert f"reaches for {what!r}" in review(EditedFile(path=path, old=None, new=new)).doubt
    assert reached(path, new, new + "\n") == "", "what it named before is no news"


@pytest.mark.parametrize(
    ("path", "new"),
    [
        ("shop.py", '"""Run it with pytest, or unittest."""\nx = 2  # pytest\n'),
        ("shop.py", "print('run pytest first')\nabort(404)\nexecute = exec_ = 1\n"),
        ("shop.js", "// jest\nconst assert = x => x\nrequire('./test')\n"),
        ("README.md", "import unittest\nos._exit(0)\n"),
        ("go.go", 'import "testing"\n'),
    ],
)
def test_honest_code_reaches_for_nothing(path: str, new: str) -> None:
    assert reached(path, "x = 1\n", new) == ""


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("factor12_unittest.py", True),
        ("factor12_elsewhere.py", True),
        ("pytest.py", True),
        ("_pytest/python.py", True),
        ("src/unittest/__init__.py", True),
        ("usercustomize.py", True),
        (".venv/lib/python3.11/site-packages/lib.py", True),
        ("node_modules/jest/index.js", True),
        ("docs/pytest/how.md", False),
        ("shop/unittests.py", False),
        ("my_pytest.py", False),
        ("venv.py", False),
    ],
)
def test_what_stands_before_the_runner_or_is_installed_beside_it_is_no_code_to_fix(path: str, answer: bool) -> None:
    assert (stands_before_runner(path), configures_check(path)) == (answer, answer)
