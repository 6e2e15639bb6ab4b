"""That a text was removed is proven by what stood around it, or not at all."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import run_git
from tests.tools.filing import make_workspace, root_of
from tools.locate import locate
from tools.removed import is_gap, was_removed
from tools.workspace import Workspace

pytestmark = pytest.mark.requirement("R12")
CODE = "import os\n\n\ndef f():\n    log()\n    return 1\n\n\ndef g():\n    return 2\n"
F = "def f():\n    log()\n    return 1\n"


def seek(workspace: Workspace, old: str, file: str | None = "a.py") -> Any:
    pairs = [{"file": file, "old": old, "new": ""}]
    return json.loads(json.dumps(anyio.run(locate.look, workspace, {"pairs": pairs})))


@pytest.mark.parametrize("file", ["a.py", None])
@pytest.mark.parametrize("old", [F, "    log()", "import os\n", "def g():\n    return 2", CODE])
def test_a_text_that_has_been_removed_since_the_last_commit_is_done(old: str, file: str | None, tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"a.py": CODE, "b.py": "x = 1\n"})
    [place] = seek(workspace, old, file)["edits"]
    assert place["path"] == "a.py"
    (root_of(workspace) / "a.py").write_text(CODE.replace(old.rstrip("\n") + "\n", ""))
    assert seek(workspace, old, file) == {"edits": [], "already": [0], "missing": [], "ambiguous": []}


@pytest.mark.parametrize(
    ("now", "old"),
    [
        (CODE.replace("log()", "log(1)"), "    log()"),
        (CODE.replace("return 1", "return 3"), F),
        (CODE.replace(F, "f = 1\n"), F),
        (CODE, "def h():\n    return 3\n"),
        (CODE.replace(F, "").replace("import os", "import re"), F),
    ],
    ids=["changed", "changed inside", "replaced", "never there", "surroundings changed"],
)
def test_a_text_that_is_gone_for_another_reason_is_missing(now: str, old: str, tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"a.py": CODE})
    (root_of(workspace) / "a.py").write_text(now)
    assert [one["pair"] for one in seek(workspace, old)["missing"]] == [0]


def test_a_text_that_stood_twice_or_that_the_last_commit_lacks_is_missing(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"a.py": "a\nx\nb\nc\nx\nd\n", "c.py": "x\n"})
    (root_of(workspace) / "a.py").write_text("a\nb\nc\nd\n")
    assert seek(workspace, "x")["missing"]
    (root_of(workspace) / "a.py").write_text("a\nx\nb\nc\nd\n")
    run_git(root_of(workspace), "commit", "-qam", "one less")
    (root_of(workspace) / "a.py").write_text("a\nb\nc\nd\n")
    assert seek(workspace, "x")["already"] == [0]
    run_git(root_of(workspace), "commit", "-qam", "none")
    assert seek(workspace, "x")["missing"]


def without_its_history(root: Path) -> None:
    (root / ".git").rename(root.parent / "old.git")
    run_git(root, "init", "-q")


def no_text_any_more(root: Path) -> None:
    (root / "a.py").write_bytes(b"\0\xff")


def no_file_any_more(root: Path) -> None:
    (root / "a.py").unlink()


@pytest.mark.parametrize("happen", [without_its_history, no_text_any_more, no_file_any_more])
def test_where_nothing_can_be_compared_nothing_was_removed(happen: Callable[[Path], None], tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"a.py": CODE})
    root = root_of(workspace)
    (root / "a.py").write_text(CODE.replace("    log()\n", ""))
    assert anyio.run(was_removed, workspace, workspace.repository(), "    log()", "a.py")
    happen(root)
    assert not anyio.run(was_removed, workspace, workspace.repository(), "    log()", "a.py")


def test_line_ends_do_not_hide_a_gap() -> None:
    assert is_gap("a\nb\nc\n", "a\r\nc\r\n", "b")


lines = st.lists(st.sampled_from(["a", "b", "  a", "", "c"]), max_size=8).map(
    lambda some: "".join(f"{s}\n" for s in some)
)


@given(lines, st.sampled_from(["x", "  x\n", "x\ny\n"]), lines)
@settings(max_examples=100)
def test_whatever_is_taken_out_leaves_a_gap_unless_it_cannot_be_told(head: str, old: str, tail: str) -> None:
    whole = old.removesuffix("\n") + "\n"
    was, now = head + whole + tail, head + tail
    assert not is_gap(was, was, old)
    if not is_gap(was, now, old):
        assert head and tail
