"""Planned changes: done at most once, recognised afterwards, and only on what they were planned for."""

from pathlib import Path

import anyio
import pytest
from pydantic import ValidationError

from tests.tools.filing import make_workspace, problem_of, root_of, snapshot
from tools.beneath import digest
from tools.changes import Changed, FileChange, apply_change, decode_text, probe_change
from tools.edits import Edit, plan_edits, splice
from tools.errors import CutOff
from tools.workspace import Workspace

OLD, NEW = "a\nb\nc\n", "a\nx\ny\nc\n"
EDITED = FileChange(
    repo="repo",
    path="f.txt",
    before=digest(OLD.encode()),
    after=digest(NEW.encode()),
    spans=plan_edits(OLD, [Edit(old="b", new="x\ny")], "f.txt"),
)
CREATED = FileChange(repo="repo", path="n/g.txt", before=None, after=digest(b"new\n"), content="new\n", folders=("n",))
REMOVED = FileChange(repo="repo", path="f.txt", before=digest(OLD.encode()), after=None)


def apply(workspace: Workspace, change: FileChange) -> Changed:
    return anyio.run(apply_change, workspace, change)


def probe(workspace: Workspace, change: FileChange) -> Changed | None:
    return anyio.run(probe_change, workspace, change)


@pytest.mark.requirement("R3", "R5")
@pytest.mark.parametrize(
    ("change", "path", "content"), [(EDITED, "f.txt", NEW), (CREATED, "n/g.txt", "new\n"), (REMOVED, "f.txt", None)]
)
def test_a_change_happens_once_and_its_probe_knows(
    tmp_path: Path, change: FileChange, path: str, content: str | None
) -> None:
    workspace = make_workspace(tmp_path, {"f.txt": OLD})
    assert probe(workspace, change) is None
    changed = apply(workspace, change)
    files = snapshot(root_of(workspace))
    assert files.get(path) == (None if content is None else content.encode())
    assert probe(workspace, change) == changed == apply(workspace, change)
    assert snapshot(root_of(workspace)) == files
    assert FileChange.model_validate_json(change.model_dump_json()) == change


def test_what_was_changed_is_told_compactly_and_the_old_content_is_kept(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"f.txt": OLD})
    changed = apply(workspace, EDITED)
    [span] = changed.spans
    assert (span.line, span.rung, span.old, span.new, changed.lines) == (2, "exact", "b\n", "x\ny\n", "2-3")
    assert workspace.blobs.get(changed.kept or "") == OLD.encode()
    assert apply(workspace, CREATED).model_dump(include={"kept", "lines"}) == {"kept": None, "lines": "1"}


@pytest.mark.requirement("R6")
@pytest.mark.parametrize("change", [EDITED, REMOVED])
@pytest.mark.parametrize("content", ["a person's\n", None])
def test_a_file_that_somebody_changed_is_left_to_a_person(
    tmp_path: Path, change: FileChange, content: str | None
) -> None:
    workspace = make_workspace(tmp_path, {"f.txt": OLD})
    file = root_of(workspace) / "f.txt"
    if content is None and change.after is None:
        content = "another\n"
    file.unlink() if content is None else file.write_text(content)
    before = snapshot(root_of(workspace))
    problem_of(lambda: apply(workspace, change), "conflict")
    with pytest.raises(CutOff, match=r"f\.txt"):
        probe(workspace, change)
    assert snapshot(root_of(workspace)) == before


def test_a_new_file_does_not_replace_one_that_appeared_since(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"n/g.txt": "mine\n"})
    problem_of(lambda: apply(workspace, CREATED), "conflict")
    assert (root_of(workspace) / "n/g.txt").read_text() == "mine\n"


@pytest.mark.parametrize(
    "forged",
    [
        EDITED.model_copy(update={"after": digest(b"else")}),
        EDITED.model_copy(update={"spans": ()}),
        CREATED.model_copy(update={"content": "other\n"}),
        CREATED.model_copy(update={"content": None}),
        EDITED.model_copy(update={"spans": (), "restored": digest(b"not kept")}),
    ],
)
def test_a_plan_that_does_not_lead_where_it_says_changes_nothing(tmp_path: Path, forged: FileChange) -> None:
    workspace = make_workspace(tmp_path, {"f.txt": OLD})
    assert "does not lead" in problem_of(lambda: apply(workspace, forged), "conflict").message
    assert snapshot(root_of(workspace)) == {"f.txt": OLD.encode()}


def test_a_repository_given_for_reading_is_not_changed(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"f.txt": OLD}, "read")
    problem_of(lambda: apply(workspace, EDITED), "refused")
    assert snapshot(root_of(workspace)) == {"f.txt": OLD.encode()}


def test_a_link_that_took_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"f.txt": OLD})
    outside = tmp_path / "outside.txt"
    outside.write_text(OLD)
    (root_of(workspace) / "f.txt").unlink()
    (root_of(workspace) / "f.txt").symlink_to(outside)
    problem_of(lambda: apply(workspace, EDITED), "refused")
    assert outside.read_text() == OLD


def test_text_is_decoded_exactly_or_refused() -> None:
    data = "\ufeffa\r\nb\n\u2028é".encode()
    assert decode_text(data, "f").encode() == data
    assert "byte 1 is NUL" in problem_of(lambda: decode_text(b"a\0", "f"), "bad_input").message
    assert "byte 1 is 0xe9" in problem_of(lambda: decode_text(b"a\xe9", "f"), "bad_input").message


def test_a_plan_with_an_unknown_field_is_not_a_plan() -> None:
    with pytest.raises(ValidationError):
        FileChange.model_validate({**EDITED.model_dump(), "mode": 0o777})


def test_the_spans_of_a_plan_lead_to_its_content() -> None:
    assert splice(OLD, EDITED.spans) == NEW
