"""An issue is found by number, path or its own text, and only inside its repository."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from tools.errors import ToolError
from tools.issue import read_issue
from tools.issue_form import Issue
from tools.workspace import Repository, Workspace

pytestmark = pytest.mark.anyio
BODY = "\nCurrent: `a`\nShould be: `b`\n"
NAMED = f"# Issue #7: Fix it\n{BODY}"
BARE = f"# Fix it\n{BODY}"


class NoBlobs:
    """Reading an issue keeps nothing."""

    def put(self, data: bytes) -> str:
        raise AssertionError(data)

    def get(self, digest: str) -> bytes | None:
        raise AssertionError(digest)


def make_workspace(tmp_path: Path, files: Mapping[str, str | bytes], name: str = "shop") -> Workspace:
    root = tmp_path / name
    root.mkdir()
    for path, content in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
    return Workspace({name: Repository(name, root.resolve(), "read")}, NoBlobs(), tmp_path / "scratch")


async def read(workspace: Workspace, issue: str, **more: str) -> Issue:
    return Issue.model_validate(await read_issue.look(workspace, {"issue": issue, **more}))


async def refusal(workspace: Workspace, issue: str) -> ToolError:
    with pytest.raises(ToolError) as caught:
        await read(workspace, issue)
    assert caught.value.problem.hint
    assert "\n" not in caught.value.problem.message
    return caught.value


@pytest.mark.parametrize("asked", ["7", "#7", "007", " #007 ", "issue 7", "Issue #7"])
@pytest.mark.parametrize(
    "name", ["007-fix.md", "7.md", "7-fix.md", "issue-7.md", "0007_fix.MD", "issue-007-fix.md", "7. fix it.md"]
)
async def test_a_number_finds_the_one_file_whose_leading_number_it_is(tmp_path: Path, asked: str, name: str) -> None:
    others = ["17-fix.md", "70.md", "7a-part.md", "7.txt", "issue-71.md", "fix-7.md", "README.md", "007.md.bak"]
    workspace = make_workspace(tmp_path, {f"issues/{name}": BARE} | {f"issues/{other}": "# Other" for other in others})
    issue = await read(workspace, asked)
    assert (issue.origin, issue.number, issue.title) == (f"issues/{name}", 7, "Fix it")
    assert [(pair.old, pair.new) for pair in issue.pairs] == [("a", "b")]


async def test_several_files_of_one_number_are_listed_instead_of_guessed(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"issues/007-b.md": BARE, "issues/7.md": BARE, "issues/issue-7.md": BARE})
    problem = (await refusal(workspace, "7")).problem
    assert problem.kind == "ambiguous"
    assert problem.message == "Issue 7 may be issues/007-b.md or issues/7.md or issues/issue-7.md."
    assert (await read(workspace, "issues/7.md")).number == 7


@pytest.mark.parametrize("files", [{}, {"issues/8.md": BARE}, {"issues": "a file"}, {"issues/7\n.md": BARE}])
async def test_a_number_without_a_file_says_what_was_looked_for(tmp_path: Path, files: dict[str, str]) -> None:
    problem = (await refusal(make_workspace(tmp_path, files), "7")).problem
    assert problem.kind in ("not_found", "refused")
    if problem.kind == "not_found":
        assert "Issue 7 is not in 'shop': looked for issues/7.md, issues/007-*.md" in problem.message


async def test_a_folder_of_issues_that_is_a_link_is_refused_and_not_called_empty(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    workspace = make_workspace(tmp_path, {"README.md": ""})
    (tmp_path / "shop/issues").symlink_to(tmp_path / "elsewhere")
    problem = (await refusal(workspace, "7")).problem
    assert problem.kind == "refused" and "symbolic link" in problem.message


async def test_the_number_comes_from_the_heading_before_the_files_name(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"issues/8.md": NAMED, "docs/9-x.md": BARE, "docs/9x.md": BARE, "x.md": BARE})
    assert [(await read(workspace, path)).number for path in ("8", "docs/9-x.md", "docs/9x.md", "x.md")] == [
        7,
        9,
        None,
        None,
    ]


async def test_an_issue_may_be_its_own_text(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {})
    assert (await read(workspace, NAMED)).origin == "text"
    assert (await read(workspace, "# Fix it")).title == "Fix it"
    assert (await read(workspace, "Fix it,\nplease.")).pairs == ()
    assert (await read(workspace, "\n# Fix it\n")).title == "Fix it"


async def test_one_line_that_is_neither_number_nor_path_says_how_to_give_text(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {})
    problem = (await refusal(workspace, "fix: the login in src/auth.py")).problem
    assert (problem.kind, problem.message) == (
        "bad_input",
        "'fix: the login in src/auth.py' is neither a number nor a path.",
    )
    assert "beginning with '# '" in problem.hint
    assert (await refusal(workspace, "  ")).problem.kind == "bad_input"
    assert len((await refusal(workspace, "word " * 60)).problem.message) < 200


async def test_a_path_without_a_file_is_named_and_one_with_blanks_is_read(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"notes/to fix.md": BARE})
    problem = (await refusal(workspace, "notes/fix.md")).problem
    assert (problem.kind, problem.message) == ("not_found", "There is no issue 'notes/fix.md' in 'shop'.")
    assert (await read(workspace, "notes/to fix.md")).origin == "notes/to fix.md"


@pytest.mark.parametrize(
    ("content", "kind", "what"),
    [
        (b"", "bad_input", "issues/7.md is empty."),
        (b"# T\n\0\n", "bad_input", "'issues/7.md' is binary: byte 4 is NUL."),
        (b"# T\n\xff\n", "bad_input", "'issues/7.md' is not UTF-8: byte 4 is 0xff."),
        (b"# T\n\xed\xa0\x80\n", "bad_input", "'issues/7.md' is not UTF-8: byte 4 is 0xed."),
        (b"a" * (1024 * 1024 + 1), "limit", ""),
        (b"```\n" * 1_300_000, "limit", ""),
        (
            b"# T\n## Current Code\n`a`\n",
            "bad_input",
            "issues/7.md line 2: 'Current Code' has no 'Should Be' after it.",
        ),
    ],
)
async def test_a_file_that_is_no_readable_issue_is_refused_by_name(
    tmp_path: Path, content: bytes, kind: str, what: str
) -> None:
    workspace = make_workspace(tmp_path, {"issues/7.md": content, "issues/8.md": b"\xef\xbb\xbf# T\r\n\r\nx\r\n"})
    problem = (await refusal(workspace, "7")).problem
    assert problem.kind == kind
    assert what in problem.message
    assert (await read(workspace, "8")).title == "T"


@pytest.mark.parametrize("path", ["../secret.md", "issues/../../secret.md", "{outside}/secret.md", "issues/link.md"])
async def test_a_path_that_leads_out_of_the_repository_is_not_read(tmp_path: Path, path: str) -> None:
    (tmp_path / "secret.md").write_text("# Secret", encoding="utf-8")
    workspace = make_workspace(tmp_path, {"issues/inside.md": "# Inside"})
    (tmp_path / "shop/issues/link.md").symlink_to(tmp_path / "secret.md")
    assert (await refusal(workspace, path.format(outside=tmp_path))).problem.kind in ("refused", "bad_input")
    assert (await read(workspace, "issues/inside.md")).title == "Inside"


async def test_an_issue_is_read_from_the_repository_that_is_named(tmp_path: Path) -> None:
    shop = make_workspace(tmp_path, {"issues/7.md": "# In shop"})
    core = make_workspace(tmp_path, {"issues/7.md": "# In core"}, "core")
    both = Workspace({**shop.repositories, **core.repositories}, NoBlobs(), tmp_path)
    assert (await read(both, "7")).title == "In shop"
    assert (await read(both, "7", repo="core")).title == "In core"
    with pytest.raises(ToolError, match="'other' is not part"):
        await read(both, "7", repo="other")


async def test_reading_an_issue_changes_nothing_in_the_repository(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"issues/7.md": NAMED})
    root = tmp_path / "shop"
    before = [(path, os.lstat(path).st_mtime_ns) for path in sorted(root.rglob("*"))]
    await read(workspace, "7")
    assert [(path, os.lstat(path).st_mtime_ns) for path in sorted(root.rglob("*"))] == before
