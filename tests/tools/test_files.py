"""The file tools as the engine runs them: look, perform, happened."""

import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.conftest import run_git
from tests.tools.filing import make_workspace, problem_of, root_of, snapshot
from tools.base import Tool
from tools.beneath import digest
from tools.edits import REDACTED
from tools.files import edit_file, list_files, read_file, undo_edit, write_file
from tools.workspace import Workspace

SOURCE = "class A:\n    def f(self):\n        return a - b\n"


def look(tool: Tool[..., Any], workspace: Workspace, **args: Any) -> Any:
    value = anyio.run(tool.look, workspace, args)
    return json.loads(json.dumps(value))


def do(tool: Tool[..., Any], workspace: Workspace, **args: Any) -> Any:
    """Plan and perform; afterwards the probe must give the same result."""
    plan = look(tool, workspace, **args)
    result = anyio.run(tool.perform, workspace, plan)
    assert anyio.run(tool.happened, workspace, plan) == (True, result)
    return result


def edit(old: str, new: str) -> dict[str, str]:
    return {"old": old, "new": new}


def test_a_file_is_read_in_pages_with_its_digest(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"f.txt": "a\r\nb\r\nc", "empty": "", "mixed": "a\nb\r\n", "lf": "a\n"})
    first = look(read_file, workspace, path="f.txt", lines=2)
    assert first == {
        "path": "f.txt",
        "text": "a\r\nb\r\n",
        "start": 1,
        "total": 3,
        "next": 3,
        "digest": digest(b"a\r\nb\r\nc"),
        "newline": "crlf",
    }
    last = look(read_file, workspace, path="f.txt", start=3)
    assert (last["text"], last["next"]) == ("c", None)
    assert look(read_file, workspace, path="empty")["newline"] == "none"
    assert look(read_file, workspace, path="mixed")["newline"] == "mixed"
    assert look(read_file, workspace, path="lf")["newline"] == "lf"
    problem_of(lambda: look(read_file, workspace, path="f.txt", start=4), "bad_input")


def test_a_page_of_long_lines_is_cut_at_its_size(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"f": f"{'x' * 60_000}\n" * 8, "one": "y" * 300_000})
    page = look(read_file, workspace, path="f")
    assert (len(page["text"]), page["next"]) == (60_001, 2)
    assert len(look(read_file, workspace, path="one")["text"]) == 100_000


@pytest.mark.parametrize("content", [b"a\0b", b"\xff\xfe", b"\xe9"])
def test_binary_and_other_encodings_are_refused_by_name(tmp_path: Path, content: bytes) -> None:
    workspace = make_workspace(tmp_path, {"f.bin": content})
    for call in (
        lambda: look(read_file, workspace, path="f.bin"),
        lambda: look(edit_file, workspace, path="f.bin", edits=[edit("a", "b")]),
    ):
        assert "'f.bin'" in problem_of(call, "bad_input").message


def test_files_are_listed_tracked_and_new_but_not_ignored_or_deleted(tmp_path: Path) -> None:
    workspace = make_workspace(
        tmp_path, {"a.py": "", "src/b.py": "", "src/c.txt": "", "gone.py": "", ".gitignore": "*.log"}
    )
    root = root_of(workspace)
    (root / "gone.py").unlink()
    (root / "new.py").touch()
    (root / "x.log").touch()
    assert look(list_files, workspace)["paths"] == [".gitignore", "a.py", "new.py", "src/b.py", "src/c.txt"]
    assert look(list_files, workspace, under="src", pattern="*.py") == {"paths": ["src/b.py"], "total": 1}
    assert look(list_files, workspace, pattern="src/*")["total"] == 2
    problem_of(lambda: look(list_files, workspace, under="../x"), "bad_input")


@pytest.mark.requirement("R14")
def test_reading_and_planning_leave_the_repository_byte_identical(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"a.py": SOURCE})
    root = root_of(workspace)
    (root / "new.py").touch()
    before = snapshot(root), snapshot(root / ".git")
    look(read_file, workspace, path="a.py")
    look(list_files, workspace)
    look(edit_file, workspace, path="a.py", edits=[edit("return a - b", "return a + b")])
    look(write_file, workspace, path="n/x.py", content="x")
    assert (snapshot(root), snapshot(root / ".git")) == before


@pytest.mark.requirement("R12")
@pytest.mark.parametrize(
    ("text", "result"),
    [
        (SOURCE, SOURCE.replace("-", "+")),
        (SOURCE.replace("\n", "\r\n"), SOURCE.replace("-", "+").replace("\n", "\r\n")),
        ("\ufeff" + SOURCE, "\ufeff" + SOURCE.replace("-", "+")),
        (SOURCE.rstrip(), SOURCE.rstrip().replace("-", "+")),
    ],
    ids=["LF", "CRLF", "BOM", "no last line end"],
)
def test_an_edit_keeps_all_that_it_does_not_name(tmp_path: Path, text: str, result: str) -> None:
    workspace = make_workspace(tmp_path, {"a.py": text})
    file = root_of(workspace) / "a.py"
    file.chmod(0o755)
    changed = do(
        edit_file,
        workspace,
        path="a.py",
        edits=[edit("def f(self):\n    return a - b", "def f(self):\n    return a + b")],
    )
    assert file.read_bytes() == result.encode()
    assert file.stat().st_mode & 0o777 == 0o755
    assert (changed["lines"], changed["spans"][0]["rung"]) == ("2-3", "reindented")
    do(undo_edit, workspace, changed=changed)
    assert file.read_bytes() == text.encode()
    assert run_git(root_of(workspace), "ls-files", "--others").strip() == ""


@pytest.mark.requirement("R12")
def test_edits_are_refused_as_a_whole_and_change_nothing(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"a.py": SOURCE})
    good = edit("return a - b", "return a + b")
    for bad in (edit("nowhere", "x"), edit("a", "x"), edit("a - b", "c"), edit("class A", REDACTED)):
        problem_of(
            lambda bad=bad: look(edit_file, workspace, path="a.py", edits=[good, bad]),
            *("not_found", "ambiguous", "bad_input", "refused"),
        )
    wrong: tuple[dict[str, Any], ...] = (
        {"edits": []},
        {"edits": [good], "digest": "abc"},
        {"edits": [edit("", "x")]},
        {"edits": [good] * 201},
    )
    for args in wrong:
        problem_of(lambda args=args: look(edit_file, workspace, path="a.py", **args), "bad_input")
    stale = {"path": "a.py", "edits": [good], "digest": digest(b"stale")}
    assert "has changed" in problem_of(lambda: look(edit_file, workspace, **stale), "conflict").message
    assert snapshot(root_of(workspace)) == {"a.py": SOURCE.encode()}
    do(edit_file, workspace, path="a.py", edits=[good], digest=digest(SOURCE.encode()))


def test_a_file_is_written_new_or_over_a_known_digest_and_undone(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"a.py": "old\n"})
    root = root_of(workspace)
    created = do(write_file, workspace, path="n/m/x.py", content="1\n2\n")
    assert (created["lines"], created["folders"]) == ("1-2", ["n", "n/m"])
    replaced = do(write_file, workspace, path="a.py", content="new\n", digest=digest(b"old\n"))
    assert snapshot(root) == {"a.py": b"new\n", "n": "", "n/m": "", "n/m/x.py": b"1\n2\n"}
    do(undo_edit, workspace, changed=created)
    do(undo_edit, workspace, changed=replaced)
    do(undo_edit, workspace, changed=replaced)
    assert snapshot(root) == {"a.py": b"old\n"}


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ({"path": "a.py", "content": "x"}, "exists"),
        ({"path": "a.py", "content": "x", "digest": digest(b"stale")}, "has changed"),
        ({"path": "b.py", "content": "x", "digest": digest(b"old\n")}, "does not exist"),
        ({"path": "a.py", "content": "old\n", "digest": digest(b"old\n")}, "already"),
    ],
)
def test_a_write_on_a_wrong_belief_is_a_conflict(tmp_path: Path, args: dict[str, str], says: str) -> None:
    workspace = make_workspace(tmp_path, {"a.py": "old\n"})
    assert says in problem_of(lambda: look(write_file, workspace, **args), "conflict").message
    assert snapshot(root_of(workspace)) == {"a.py": b"old\n"}


@pytest.mark.parametrize(
    "path", ["../x", "/etc/x", ".git/hooks/pre-commit", ".GIT/config", "link/x", "NUL.txt", "a\u202e"]
)
def test_a_write_outside_or_into_git_is_refused_before_it_is_planned(tmp_path: Path, path: str) -> None:
    workspace = make_workspace(tmp_path, {"a.py": "old\n"})
    (tmp_path / "outside").mkdir()
    (root_of(workspace) / "link").symlink_to(tmp_path / "outside")
    problem_of(lambda: look(write_file, workspace, path=path, content="x"), "refused", "bad_input")
    assert list((tmp_path / "outside").iterdir()) == []
    do(write_file, workspace, path="ok/x", content="x")


def test_a_file_that_needs_too_many_folders_to_be_taken_back_is_refused_and_makes_none(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"a.py": "old\n"})
    deep = "/".join(["folders"] * 99)
    assert (
        "99 new folders"
        in problem_of(lambda: look(write_file, workspace, path=f"{deep}/x", content="x"), "bad_input").message
    )
    do(write_file, workspace, path=f"{deep[:79]}/x", content="x")
    assert set(snapshot(root_of(workspace))) == {"a.py", f"{deep[:79]}/x", *(deep[: 7 + 8 * n] for n in range(10))}


@pytest.mark.requirement("R8")
def test_only_files_that_run_things_need_an_approval(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"a.py": "a\n", ".gitattributes": "a\n"})
    risky = look(write_file, workspace, path=".vscode/tasks.json", content="{}")
    assert "editors" in (write_file.reason_to_ask(workspace, risky) or "")
    attributes = look(edit_file, workspace, path=".gitattributes", edits=[edit("a", "b")])
    assert "git" in (edit_file.reason_to_ask(workspace, attributes) or "")
    plain = look(edit_file, workspace, path="a.py", edits=[edit("a", "b")])
    assert edit_file.reason_to_ask(workspace, plain) is None


def test_an_undo_spares_what_a_person_changed_since(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"a.py": SOURCE})
    file = root_of(workspace) / "a.py"
    changed = do(edit_file, workspace, path="a.py", edits=[edit("return a - b", "return a + b")])
    file.write_text("# mine\n" + file.read_text())
    do(undo_edit, workspace, changed=changed)
    assert file.read_text() == "# mine\n" + SOURCE


def test_an_undo_without_the_kept_content_goes_by_the_replaced_text(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"a.py": SOURCE})
    changed = do(edit_file, workspace, path="a.py", edits=[edit("return a - b", "return a + b")])
    (tmp_path / "b").mkdir()
    elsewhere = make_workspace(tmp_path / "b", {"a.py": (root_of(workspace) / "a.py").read_text()})
    do(undo_edit, elsewhere, changed=changed)
    assert (root_of(elsewhere) / "a.py").read_text() == SOURCE


@pytest.mark.parametrize(("content", "says"), [("other\n", "was changed since"), (None, "is gone")])
def test_an_undo_that_would_lose_a_persons_work_is_a_conflict(tmp_path: Path, content: str | None, says: str) -> None:
    workspace = make_workspace(tmp_path, {"a.py": "old\n"})
    file = root_of(workspace) / "a.py"
    changed = do(write_file, workspace, path="a.py", content="new\n", digest=digest(b"old\n"))
    file.unlink() if content is None else file.write_text(content)
    before = snapshot(root_of(workspace))
    assert says in problem_of(lambda: look(undo_edit, workspace, changed=changed), "conflict").message
    assert snapshot(root_of(workspace)) == before


def test_an_edit_of_the_same_text_twice_is_told_apart_from_a_new_one(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"a.py": SOURCE})
    args: dict[str, Any] = {"path": "a.py", "edits": [edit("return a - b", "x = 1\nreturn a - b")]}
    do(edit_file, workspace, **args)
    after = (root_of(workspace) / "a.py").read_text()
    assert after == SOURCE.replace("return", "x = 1\n        return")
    assert "already" in problem_of(lambda: look(edit_file, workspace, **args), "conflict").message
