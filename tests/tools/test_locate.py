"""Where the pairs of an issue stand, in a real repository."""

import json
import os
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.conftest import run_git
from tests.tools.filing import make_workspace, problem_of, root_of, snapshot
from tools.beneath import digest
from tools.files import edit_file
from tools.locate import locate
from tools.workspace import Workspace

pytestmark = pytest.mark.requirement("R12")
AUTH = "class Auth:\n    def login(self, user):\n        return user.name == 'admin'\n"
FILES: dict[str, str | bytes] = {
    "src/auth.py": AUTH,
    "src/shop.py": "def total(items):\n    return sum(items)\n\n\ndef count(items):\n    return len(items)\n",
    "README.md": "# Shop\n",
    "data.bin": b"\0return sum(items)",
}
LOGIN = ("def login(self, user):\n    return user.name == 'admin'", "def login(self, user):\n    return user.is_admin")


def seek(workspace: Workspace, *pairs: tuple[str, str] | tuple[str | None, str, str], **args: Any) -> Any:
    asked = [{"old": p[0], "new": p[1]} if len(p) == 2 else {"file": p[0], "old": p[1], "new": p[2]} for p in pairs]
    return json.loads(json.dumps(anyio.run(locate.look, workspace, {"pairs": asked, **args})))


def apply(workspace: Workspace, located: Any) -> None:
    for file in located["edits"]:
        plan = anyio.run(edit_file.look, workspace, {key: file[key] for key in ("path", "edits", "digest")})
        anyio.run(edit_file.perform, workspace, plan)


def test_pairs_are_found_with_and_without_their_file_and_then_are_done(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, FILES)
    pairs = (
        LOGIN,
        ("src/shop.py", "return len(items)", "return len(set(items))"),
        ("src/shop.py", "def count(items):", "def count(items=()):"),
        ("return sum(items)", "return 0"),
    )
    located = seek(workspace, *pairs)
    assert [(file["path"], file["lines"]) for file in located["edits"]] == [
        ("src/auth.py", "2-3"),
        ("src/shop.py", "2, 5, 6"),
    ]
    assert located["edits"][0]["digest"] == digest(AUTH.encode())
    assert located["already"] == located["missing"] == located["ambiguous"] == []
    apply(workspace, located)
    assert (root_of(workspace) / "src/auth.py").read_text() == AUTH.replace("name == 'admin'", "is_admin")
    assert seek(workspace, *pairs) == {"edits": [], "already": [0, 1, 2, 3], "missing": [], "ambiguous": []}


@pytest.mark.requirement("R14")
def test_looking_changes_nothing_not_even_the_index(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, FILES)
    root = root_of(workspace)
    (root / "README.md").write_text("# Shop 2\n")
    before = snapshot(root), snapshot(root / ".git")
    seek(workspace, LOGIN, ("nope.py", "a", "b"))
    assert (snapshot(root), snapshot(root / ".git")) == before


def test_an_ambiguous_pair_lists_its_places_and_a_choice_settles_it(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"a.py": "x = 1\ny = 2\nx = 1\n", "b.py": "x = 1\n"})
    [ambiguity] = seek(workspace, ("x = 1", "x = 3"))["ambiguous"]
    assert ambiguity["total"] == 3
    assert [(place["path"], place["line"]) for place in ambiguity["candidates"]] == [
        ("a.py", 1),
        ("a.py", 3),
        ("b.py", 1),
    ]
    assert ambiguity["candidates"][0] == {"path": "a.py", "line": 1, "text": "x = 1", "rung": "exact"}
    located = seek(workspace, ("x = 1", "x = 3"), chosen={"0": "a.py:3"})
    apply(workspace, located)
    assert (root_of(workspace) / "a.py").read_text() == "x = 1\ny = 2\nx = 3\n"
    assert (root_of(workspace) / "b.py").read_text() == "x = 1\n"


@pytest.mark.parametrize("choice", ["a.py:2", "a.py", "a.py:0", "a.py:x", ":1", "b.py:1", "../a.py:1"])
def test_a_choice_that_is_no_candidate_is_refused(tmp_path: Path, choice: str) -> None:
    workspace = make_workspace(tmp_path, {"a.py": "x = 1\ny = 2\nx = 1\n", "b.py": "y\n"})
    problem_of(lambda: seek(workspace, ("x = 1", "x = 3"), chosen={"0": choice}), "bad_input")
    problem_of(lambda: seek(workspace, ("a.py", "x = 1", "x = 3"), chosen={"0": "b.py:1"}), "bad_input")
    assert seek(workspace, ("x = 1", "x = 3"), chosen={"0": "a.py:1"})["edits"]


def test_two_places_on_one_line_cannot_be_chosen_between(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"a.py": "f(x) + f(x)\n"})
    assert seek(workspace, ("f(x)", "g(x)"))["ambiguous"][0]["total"] == 2
    problem_of(lambda: seek(workspace, ("f(x)", "g(x)"), chosen={"0": "a.py:1"}), "ambiguous")


def test_the_first_rung_decides_over_all_files(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"a.py": "    if x:\n        y\n", "b.py": "if x:\n    y\n"})
    [file] = seek(workspace, ("if x:\n    y", "if x:\n    z"))["edits"]
    assert file["path"] == "b.py"


@pytest.mark.parametrize(
    ("pair", "says", "line"),
    [
        (("auth.py", "x", "y"), "There is no 'auth.py'; is it 'src/auth.py'?", None),
        (("lib/other.py", "x", "y"), "There is no 'lib/other.py'.", None),
        (("src/auth.py", "class Auth:\n    pass", "y"), "line 2 is 'def login(self, user):', not 'pass'", 2),
        (("src/auth.py", "class Auht:", "y"), "the closest is line 1", 1),
        ((None, "nowhere at all", "y"), "No tracked file has it.", None),
        ((None, "return prod(items)", "return"), "No tracked file has it. Its new text stands in", None),
        (("src/auth.py", " \n", "y"), "says nothing about what stands there", None),
        ((None, "", "y"), "says nothing about what stands there", None),
        ((None, "# removed", ""), "No tracked file has it.", None),
    ],
)
def test_a_pair_without_a_place_says_why(
    tmp_path: Path, pair: tuple[str | None, str, str], says: str, line: int | None
) -> None:
    [missing] = seek(make_workspace(tmp_path, FILES), pair)["missing"]
    assert says in missing["why"]
    assert (missing["pair"], missing["file"], missing["line"]) == (0, pair[0], line)


def test_files_too_large_to_search_are_named(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"big.sql": "insert 1;\n" * 200_000, "latin.txt": b"insert 1; \xe9\n"})
    [missing] = seek(workspace, ("insert 1;\ninsert 2;", "x"))["missing"]
    assert "Not searched" in missing["why"]
    assert "'big.sql', 'latin.txt'" in missing["why"]
    assert seek(workspace, ("big.sql", "insert 1;", "x"))["ambiguous"][0]["total"] == 200


def test_untracked_ignored_and_linked_files_are_not_searched(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {".gitignore": "build\n", "a.py": "x = 1\n"})
    root = root_of(workspace)
    (tmp_path / "outside.py").write_text("x = 2\n")
    (root / "link.py").symlink_to("../outside.py")
    run_git(root, "add", "link.py")
    for name in ("new.py", "build"):
        (root / name).write_text("x = 2\n")
    assert seek(workspace, ("x = 2", "x = 3"))["missing"]
    assert seek(workspace, ("x = 1", "x = 3"))["edits"]
    problem_of(lambda: seek(workspace, ("link.py", "x = 2", "x = 3")), "refused")


@pytest.mark.parametrize("path", ["../outside.py", "/etc/passwd", ".git/config", "a\u202e.py"])
def test_a_pair_that_names_a_file_outside_is_refused(tmp_path: Path, path: str) -> None:
    problem_of(lambda: seek(make_workspace(tmp_path, FILES), (path, "x", "y")), "bad_input", "refused")


def test_pairs_that_change_the_same_lines_are_refused(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, FILES)
    problem_of(lambda: seek(workspace, LOGIN, ("return user.name == 'admin'", "return True")), "bad_input")
    problem_of(lambda: seek(workspace, LOGIN, LOGIN), "bad_input")


def test_a_text_that_was_added_around_the_old_one_counts_as_applied(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, FILES)
    pair = ("return sum(items)", "if not items:\n    return 0\nreturn sum(items)")
    apply(workspace, seek(workspace, pair))
    text = (root_of(workspace) / "src/shop.py").read_text()
    assert "    if not items:\n        return 0\n    return sum(items)\n" in text
    assert seek(workspace, pair)["already"] == [0]
    assert seek(workspace, ("src/shop.py", *pair))["already"] == [0]


def test_a_common_text_in_files_that_nobody_named_proves_nothing(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"a.py": "return True\n", "b.py": "return True\n"})
    [missing] = seek(workspace, ("return maybe", "return True"))["missing"]
    assert "a.py:1, b.py:1" in missing["why"]
    assert seek(workspace, ("a.py", "return maybe", "return True"))["already"] == [0]


def test_crlf_files_are_found_by_snippets_with_lf_and_stay_crlf(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"src/auth.py": AUTH.replace("\n", "\r\n")})
    apply(workspace, seek(workspace, LOGIN))
    expected = AUTH.replace("name == 'admin'", "is_admin").replace("\n", "\r\n")
    assert (root_of(workspace) / "src/auth.py").read_bytes() == expected.encode()


def test_the_answer_about_many_ambiguous_pairs_stays_small(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {f"f{n:03}.py": f"value = {'x' * 300}\n" * 3 for n in range(60)})
    located = seek(workspace, *[(f"value = {'x' * 300}", f"value = {n}") for n in range(4)])
    assert [ambiguity["total"] for ambiguity in located["ambiguous"]] == [180] * 4
    assert len(json.dumps(located)) < 16 * 1024


def test_a_file_whose_name_is_not_utf8_is_passed_over_and_said(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"a.py": "x = 1\n"})
    root = root_of(workspace)
    (root / os.fsdecode(b"\xff.py")).write_text("x = 2\n")
    run_git(root, "add", "-A")
    [missing] = seek(workspace, ("x = 2", "x = 3"))["missing"]
    assert "\\udcff.py" in missing["why"]
