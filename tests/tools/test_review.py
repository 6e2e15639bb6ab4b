"""What edits did to the files they were made in is seen in the whole files, after everything that ran."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.tools.filing import make_workspace, root_of
from tools.files import edit_file
from tools.review import Made, Review, review_edits
from tools.workspace import Workspace

pytestmark = pytest.mark.requirement("R13")
PROJECT = '[tool.pytest.ini_options]\npythonpath = ["."]\nfilterwarnings = ["error"]\n'
HALF = 'def half(n):\n    """Halve.\n\n    >>> half(4)\n    3.0\n    """\n    return n / 2\n'
FILES = {"pyproject.toml": PROJECT, "calc.py": HALF}


def edit(workspace: Workspace, path: str, old: str, new: str) -> Made:
    plan = anyio.run(edit_file.look, workspace, {"path": path, "edits": [{"old": old, "new": new}]})
    return Made.model_validate(anyio.run(edit_file.perform, workspace, plan), extra="ignore")


def reviewed(workspace: Workspace, made: Made) -> Review:
    args: Mapping[str, Any] = {"edits": [made.model_dump()]}
    [one] = anyio.run(review_edits.look, workspace, args)
    return Review.model_validate(one)


def test_a_line_is_judged_by_the_section_or_the_example_it_stands_in(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, FILES)
    setting = edit(workspace, "pyproject.toml", 'filterwarnings = ["error"]', "filterwarnings = []")
    assert reviewed(workspace, setting).doubt == "pyproject.toml configures the check and was edited."
    assert reviewed(workspace, edit(workspace, "calc.py", "    3.0", "    2.0")).touches("calc.py::calc.half")


def test_an_edit_of_the_code_alone_raises_no_doubt(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, FILES)
    code = reviewed(workspace, edit(workspace, "calc.py", "    return n / 2", "    return n * 0.75"))
    assert (code.changed, code.doubt, code.touches("calc.py::calc.half")) == (True, "", False)


def test_tests_that_build_on_an_edited_one_are_not_what_they_were(tmp_path: Path) -> None:
    files = {
        "tests/test_base.py": "def check(a, b):\n    assert a == b\n",
        "tests/test_half.py": "from tests.test_base import check\n\n\ndef test_half():\n    check(1, 1)\n",
        "tests/test_quarter.py": "from .test_half import check\n",
        "tests/test_basement.py": "def test_alone():\n    assert 1\n",
        "notes.md": "See test_base.\n",
    }
    workspace = make_workspace(tmp_path, {**FILES, **files})
    found = reviewed(workspace, edit(workspace, "tests/test_base.py", "    assert a == b", "    assert a or b"))
    assert (found.doubt, found.users) == ("", ("tests/test_half.py", "tests/test_quarter.py"))
    assert [found.touches(f"tests/test_{name}.py::test") for name in ("base", "quarter", "basement")] == [
        True,
        True,
        False,
    ]


def test_where_nobody_can_look_for_who_builds_on_an_edited_test_that_is_a_doubt(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {**FILES, "test_base.py": "def check(a, b):\n    assert a == b\n"})
    made = edit(workspace, "test_base.py", "    assert a == b", "    assert a or b")
    (root_of(workspace) / ".git").rename(tmp_path / "elsewhere")
    assert reviewed(workspace, made).doubt


def test_a_file_that_was_changed_after_the_edit_does_not_vouch_for_it(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, FILES)
    made = edit(workspace, "calc.py", "    3.0", "    2.0")
    (root_of(workspace) / "calc.py").write_text(HALF)
    assert reviewed(workspace, made).doubt.startswith("'calc.py' is not as the edit left it")
    (root_of(workspace) / "calc.py").unlink()
    assert reviewed(workspace, made).doubt.startswith("'calc.py' is not as the edit left it")
    (root_of(workspace) / "calc.py").mkdir()
    assert reviewed(workspace, made).doubt.startswith("'calc.py' is a folder")


@pytest.mark.parametrize(
    ("files", "path", "answer"),
    [
        ({"package.json": '{"scripts": {"test": "node run.js"}}', "run.js": "f(1)\n"}, "run.js", True),
        ({"Makefile": "test:\n\tsh ./ci/run.sh\n", "ci/run.sh": "f(1)\n"}, "ci/run.sh", True),
        ({"Makefile": "test:\n\tpython3 -m unittest spec.auth\n", "spec/auth.py": "f(1)\n"}, "spec/auth.py", True),
        ({"Makefile": "test: all\n\tpython3 run.py\n", "auth.py": "f(1)\n"}, "auth.py", False),
        ({"Makefile": "test:\n\tcc -o t auth.c && ./t\n", "auth.c": "f(1)\n"}, "auth.c", False),
        (
            {"package.json": '{"scripts": {"test": "node run.js", "start": "node app.js"}}', "app.js": "f(1)\n"},
            "app.js",
            False,
        ),
    ],
)
def test_a_script_that_the_test_command_runs_is_told_from_what_it_tests(
    files: dict[str, str], path: str, answer: bool, tmp_path: Path
) -> None:
    workspace = make_workspace(tmp_path, files)
    assert reviewed(workspace, edit(workspace, path, "f(1)", "f(2)")).program is answer


def test_a_file_whose_old_text_is_lost_cannot_be_compared(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, FILES)
    now = hashlib.sha256(HALF.encode()).hexdigest()
    made = Made(path="calc.py", before="0" * 64, after=now)
    assert reviewed(workspace, made).doubt == "What 'calc.py' was before is not kept, so nobody can compare."
