"""A commit on a branch holds exactly the agent's replacements, and nothing of the person's moves."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.gitting import Place, snapshot
from tools.base import CutOff, ToolError
from tools.commit import Commit, commit_edits
from tools.replaced import CommitFile, Replacement, replaced
from tools.workspace import Workspace

pytestmark = pytest.mark.anyio
AT = 1_700_000_000.75
BRANCH = "agent/issue-7-20261126_103000"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    (made.home / ".gitconfig").write_text("[user]\n\tname = Ada\n\temail = ada@example.org\n", encoding="utf-8")
    return made


@pytest.fixture
def shop(place: Place) -> Path:
    root = place.repository(
        "shop", {"a.py": "one\ntwo\nthree\n", "crlf.txt": b"one\r\ntwo\r\n", "run.sh": "#!/bin/sh\n"}
    )
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("a.py")
    place.commit(root, "more")
    place.git(root, "checkout", "-q", "-b", "work")
    return root


def edit(path: str, old: str, new: str) -> dict[str, object]:
    return {"path": path, "edits": [{"old": old, "new": new}]}


async def plan(workspace: Workspace, *files: Mapping[str, object], **args: object) -> Any:
    given = {"branch": BRANCH, "message": "Fix it", "at": AT, "files": list(files), **args}
    return json.loads(json.dumps(await commit_edits.look(workspace, given)))


async def commit(workspace: Workspace, *files: Mapping[str, object], **args: object) -> Commit:
    planned = await plan(workspace, *files, **args)
    return Commit.model_validate(await commit_edits.perform(workspace, planned))


async def refusal(workspace: Workspace, *files: Mapping[str, object], **args: object) -> str:
    with pytest.raises(ToolError) as caught:
        await plan(workspace, *files, **args)
    problem = caught.value.problem
    assert problem.message.isprintable()
    assert problem.hint
    return f"{problem.kind}: {problem.message}"


def kept(root: Path) -> dict[str, object]:
    """Return the snapshot without the new objects, the new branch and its log, and folders that hold them."""
    new = (".git/objects", ".git/refs/heads", ".git/logs/refs/heads")
    return {name: state for name, state in snapshot(root).items() if not name.startswith(new)}


async def test_the_commit_holds_the_replacement_and_stands_on_head(place: Place, shop: Path) -> None:
    made = await commit(place.workspace(shop), edit("a.py", "two", "2"), message="Fix it\n\nBecause.\n")
    assert place.git(shop, "rev-parse", BRANCH).strip() == made.commit
    assert place.git(shop, "rev-parse", f"{BRANCH}~1") == place.git(shop, "rev-parse", "HEAD")
    assert place.git(shop, "show", f"{BRANCH}:a.py") == "one\n2\nthree\n"
    assert place.git(shop, "log", "-1", "--format=%B%an <%ae> %at %ct %ai", BRANCH) == (
        "Fix it\n\nBecause.\nAda <ada@example.org> 1700000000 1700000000 2023-11-14 22:13:20 +0000\n"
    )
    assert (made.branch, made.files, made.identity) == (BRANCH, ["a.py"], "Ada <ada@example.org>")
    assert made.notes == []
    place.git(shop, "fsck", "--strict")


async def test_head_index_work_tree_and_stash_stay_as_they_are(place: Place, shop: Path) -> None:
    place.write(shop, {"a.py": "stashed\n"})
    place.git(shop, "stash")
    place.write(shop, {"a.py": "one\ntwo\nthree\nstaged\n", "new.txt": "n"})
    place.git(shop, "add", "a.py")
    place.write(shop, {"a.py": "mine\none\n2\nthree\nstaged\n"})
    before = kept(shop)
    planned = await plan(place.workspace(shop), edit("a.py", "two", "2"))
    made = await commit(place.workspace(shop), edit("a.py", "two", "2"))
    assert kept(shop) == before
    assert planned["commit"] == made.commit
    assert place.git(shop, "show", f"{BRANCH}:a.py") == "one\n2\nthree\n"


@pytest.mark.requirement("R4")
async def test_planning_writes_nothing_into_the_repository(place: Place, shop: Path) -> None:
    before = snapshot(shop)
    await plan(place.workspace(shop), edit("a.py", "two", "2"))
    assert snapshot(shop) == before
    assert sorted(path.name for path in place.scratch.iterdir()) == ["gitconfig"]


async def test_line_ends_modes_and_several_edits_are_kept_exactly(place: Place, shop: Path) -> None:
    several = {"path": "a.py", "edits": [{"old": "three", "new": "3"}, {"old": "one", "new": "1\n1b"}]}
    made = await commit(
        place.workspace(shop), several, edit("crlf.txt", "two\n", "2\n2b\n"), edit("run.sh", "sh\n", "sh\nls\n")
    )
    assert place.git(shop, "show", f"{BRANCH}:a.py") == "1\n1b\ntwo\n3\n"
    assert place.git(shop, "show", f"{BRANCH}:crlf.txt") == "one\r\n2\r\n2b\r\n"
    assert place.git(shop, "ls-tree", BRANCH, "run.sh").startswith("100755 ")
    assert made.files == ["a.py", "crlf.txt", "run.sh"]
    assert place.git(shop, "diff", "--name-only", "HEAD", BRANCH).split() == made.files


async def test_a_new_file_is_committed_whole(place: Place, shop: Path) -> None:
    await commit(place.workspace(shop), edit("src/new.py", "", "print()\n"))
    assert place.git(shop, "show", f"{BRANCH}:src/new.py") == "print()\n"
    assert "not in HEAD" in await refusal(place.workspace(shop), edit("gone.py", "x", "y"), branch="agent/2")


async def test_an_edit_that_touches_uncommitted_lines_is_refused(place: Place, shop: Path) -> None:
    place.write(shop, {"a.py": "one\ntwo\nthree\nmine\n"})
    said = await refusal(place.workspace(shop), edit("a.py", "mine", "yours"))
    assert said.startswith("refused: ")
    assert "uncommitted lines" in said
    place.write(shop, {"a.py": "x\ntwo\ntwo\n"})
    place.commit(shop, "twice")
    assert "2 times" in await refusal(place.workspace(shop), edit("a.py", "two", "2"))


async def test_protected_and_unusable_branches_are_refused(place: Place, shop: Path) -> None:
    place.git(shop, "update-ref", "refs/remotes/origin/next", "HEAD")
    place.git(shop, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/next")
    place.write(shop, {"factor12.toml": '[branches]\nprotected = ["mi*"]\n'})
    workspace = place.workspace(shop, trusted=True)
    before = snapshot(shop)
    for branch in ("main", "MAIN", "master", "trunk", "develop", "release/1.0", "work", "next", "mine"):
        said = await refusal(workspace, edit("a.py", "two", "2"), branch=branch)
        assert said == f"refused: Branch {branch!r} is protected."
    for branch in ("-x", "a..b", "", "a b", "$(x)", "a\nb"):
        assert (await refusal(workspace, edit("a.py", "two", "2"), branch=branch)).startswith("bad_input")
    assert snapshot(shop) == before
    assert await plan(workspace, edit("a.py", "two", "2"))


@pytest.mark.parametrize("message", ["", " \n", "a\0b", "\x1b[31m", "\ud800", "x" * 20_001])
async def test_a_message_that_is_no_text_is_refused(message: str, place: Place, shop: Path) -> None:
    workspace = place.workspace(shop)
    assert (await refusal(workspace, edit("a.py", "two", "2"), message=message)).startswith("bad_input")


async def test_a_message_is_never_an_option_or_a_comment(place: Place, shop: Path) -> None:
    message = "--amend $(touch x) `y`\n\n# not a comment\n-- ünïcode ✓"
    await commit(place.workspace(shop), edit("a.py", "two", "2"), message=message)
    assert place.git(shop, "log", "-1", "--format=%B", BRANCH) == f"{message}\n\n"


@pytest.mark.parametrize("path", ["../a.py", "/a.py", ".git/config", "link", "lib", "", "a.py/x", "latin.txt", "x.bin"])
async def test_only_plain_text_files_inside_are_edited(path: str, place: Place, shop: Path) -> None:
    place.write(
        shop, {"latin.txt": b"two \xe9", "x.bin": "two", ".gitattributes": "*.bin filter=lfs\n", "lib/x": "two"}
    )
    place.commit(shop, "odd ones")
    assert await refusal(place.workspace(shop), edit(path, "two", "2"))


async def test_edits_that_change_nothing_overlap_or_come_twice_are_refused(place: Place, shop: Path) -> None:
    workspace = place.workspace(shop)
    overlapping = {"path": "a.py", "edits": [{"old": "one\ntwo", "new": "1"}, {"old": "two\nthree", "new": "2"}]}
    assert "overlap" in await refusal(workspace, overlapping)
    assert "twice" in await refusal(workspace, edit("a.py", "one", "1"), edit("a.py", "two", "2"))
    assert "changes nothing" in await refusal(workspace, edit("a.py", "two", "two"))
    assert "git would not put" in await refusal(workspace, edit("a.py/below", "", "a file where a file stands"))
    assert "files" in await refusal(workspace)
    assert "reading only" in await refusal(place.workspace(shop, mode="read"), edit("a.py", "two", "2"))
    empty = place.repository("empty", {})
    assert "names no commit" in await refusal(place.workspace(empty), edit("a.py", "", "x"))


@pytest.mark.requirement("R3", "R5")
async def test_a_cut_off_commit_is_settled_by_where_the_branch_points(place: Place, shop: Path) -> None:
    workspace = place.workspace(shop)
    planned = await plan(workspace, edit("a.py", "two", "2"))
    assert await commit_edits.happened(workspace, planned) == (False, None)
    done = await commit_edits.perform(workspace, planned)
    assert await commit_edits.happened(workspace, planned) == (True, done)
    before = kept(shop)
    refs = place.git(shop, "for-each-ref")
    assert await commit_edits.perform(workspace, planned) == done
    assert await plan(workspace, edit("a.py", "two", "2")) == planned
    assert kept(shop) == before
    assert place.git(shop, "for-each-ref") == refs
    place.git(shop, "update-ref", f"refs/heads/{BRANCH}", "HEAD")
    with pytest.raises(CutOff, match=BRANCH):
        await commit_edits.happened(workspace, planned)


async def test_a_branch_with_another_content_is_a_conflict_before_and_after_planning(place: Place, shop: Path) -> None:
    workspace = place.workspace(shop)
    planned = await plan(workspace, edit("a.py", "two", "2"))
    place.git(shop, "branch", BRANCH)
    assert (await refusal(workspace, edit("a.py", "two", "2"))).startswith("conflict")
    with pytest.raises(ToolError) as caught:
        await commit_edits.perform(workspace, planned)
    assert caught.value.problem.kind == "conflict"
    assert place.git(shop, "rev-parse", BRANCH) == place.git(shop, "rev-parse", "HEAD")


async def test_a_plan_is_carried_out_on_its_base_when_head_has_moved(place: Place, shop: Path) -> None:
    workspace = place.workspace(shop)
    planned = await plan(workspace, edit("a.py", "two", "2"))
    place.write(shop, {"a.py": "moved on\n"})
    place.commit(shop, "moved on")
    await commit_edits.perform(workspace, planned)
    assert place.git(shop, "rev-parse", f"{BRANCH}~1").strip() == planned["base"]
    planned |= {"branch": "agent/other", "message": "forged"}
    with pytest.raises(ToolError, match="would not be the planned one"):
        await commit_edits.perform(workspace, planned)
    assert place.git(shop, "branch", "--list", "agent/other") == ""


async def test_two_that_commit_at_once_end_with_one_branch(place: Place, shop: Path) -> None:
    workspace = place.workspace(shop)
    planned = await plan(workspace, edit("a.py", "two", "2"))
    other = await plan(workspace, edit("a.py", "two", "zwei"))
    kinds: list[str] = []

    async def perform(one: Any) -> None:
        try:
            await commit_edits.perform(workspace, one)
            kinds.append("done")
        except ToolError as error:
            kinds.append(error.problem.kind)

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(perform, planned)
            tasks.start_soon(perform, other)
    assert "done" in kinds
    assert set(kinds) - {"done"} <= {"conflict", "busy", "refused"}
    assert len(kinds) == 2
    assert kinds.count("done") == 1


async def test_hooks_do_not_run_and_the_result_says_so(place: Place, shop: Path) -> None:
    for name in ("pre-commit", "reference-transaction", "post-index-change"):
        shutil.copy2(place.mark(name), shop / ".git" / "hooks" / name)
    place.ran()
    made = await commit(place.workspace(shop), edit("a.py", "two", "2"))
    assert place.ran() == ""
    assert made.notes == ["The repository's hooks (post-index-change, pre-commit, reference-transaction) were not run."]
    place.git(shop, "update-ref", "refs/heads/control", "HEAD")
    assert "reference-transaction" in place.ran()
    shutil.rmtree(shop / ".git" / "hooks")
    place.git(shop, "config", "core.hooksPath", ".husky/_")
    made = await commit(place.workspace(shop), edit("a.py", "two", "2"), branch="agent/2")
    assert made.notes == ["The repository's hooks (core.hooksPath) were not run."]


async def test_without_an_identity_the_result_says_who_committed(place: Place, shop: Path) -> None:
    (place.home / ".gitconfig").unlink()
    made = await commit(place.workspace(shop), edit("a.py", "two", "2"))
    assert made.identity == "factor12 <factor12@localhost>"
    assert made.notes == ["git knows no user.name and user.email here: committed as factor12 <factor12@localhost>."]


async def test_it_works_in_a_linked_work_tree_and_with_sha256(place: Place, shop: Path) -> None:
    tree = place.folder / "tree"
    place.git(shop, "worktree", "add", "-q", str(tree), "-b", "tree")
    made = await commit(place.workspace(tree), edit("a.py", "two", "2"))
    assert place.git(shop, "rev-parse", BRANCH).strip() == made.commit
    other = place.folder / "sha256"
    other.mkdir()
    place.git(other, "init", "-q", "--object-format=sha256")
    place.write(other, {"a.py": "two\n"})
    place.commit(other, "start")
    assert len((await commit(place.workspace(other), edit("a.py", "two", "2"))).commit) == 64


@given(st.lists(st.text(alphabet="abc é", min_size=1, max_size=5), min_size=3, max_size=8, unique=True), st.data())
@settings(max_examples=100)
def test_replacing_whole_lines_changes_only_them(lines: list[str], data: st.DataObject) -> None:
    lines = [f"{number} {line}." for number, line in enumerate(lines)]
    chosen = data.draw(st.sets(st.sampled_from(range(len(lines))), min_size=1))
    edits = [Replacement(old=lines[at], new=f"<{at}>") for at in chosen]
    after = replaced(CommitFile(path="a", edits=edits), "".join(f"{line}\n" for line in lines).encode())
    assert after.decode() == "".join(f"<{at}>\n" if at in chosen else f"{line}\n" for at, line in enumerate(lines))
