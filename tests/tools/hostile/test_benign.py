"""What hostile repositories are made of, as ordinary ones have it: it works, or one line says what to do next."""

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.tools.gitting import Place, look
from tests.tools.hostile.traps import Build, configure
from tests.tools.hostile.visit import Visit, change, visit, visit_door
from tools.commit import commit_edits
from tools.errors import ToolError
from tools.git import git_diff, git_log, git_status

pytestmark = pytest.mark.anyio
LARGE = b"large\0" * 100


@pytest.fixture
def shop(place: Place) -> Path:
    root = place.repository("base/shop", {"a.txt": "one\n", "b.txt": "b\n", ".gitignore": "*.log\n"})
    place.write(root, {"a.txt": "two\n"})
    place.commit(root, "two")
    return root


def husky(place: Place, root: Path) -> None:
    place.write(root, {".husky/_/pre-commit": "#!/bin/sh\nnpx lint-staged\n", ".husky/pre-commit": "npm test\n"})
    place.commit(root, "husky")
    configure(place, root, core__hooksPath=".husky/_")
    shutil.copy2(root / ".git/hooks/pre-commit.sample", root / ".git/hooks/pre-commit")


def pointer(content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n"


def large_files(place: Place, root: Path) -> None:
    """As after `git lfs install --local` and a checkout."""
    program = place.folder / "bin" / "git-lfs"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho lfs >>{place.marker}\ncat\n", encoding="utf-8")
    program.chmod(0o755)
    place.environment["PATH"] += f":{program.parent}"
    place.write(root, {"x.bin": pointer(LARGE), ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n"})
    place.commit(root, "lfs")
    configure(place, root, filter__lfs__clean="git-lfs clean -- %f", filter__lfs__smudge="git-lfs smudge -- %f")
    configure(place, root, filter__lfs__process="git-lfs filter-process", filter__lfs__required="true")
    configure(place, root, lfs__repositoryformatversion="0", lfs__url="https://example.org/lfs")
    place.write(root, {"x.bin": LARGE})


def documents(place: Place, root: Path) -> None:
    configure(place, root, diff__docx__textconv="pandoc --to plain", merge__npm__driver="npx npm-merge-driver %A")
    place.write(root, {".gitattributes": "*.docx diff=docx\npackage-lock.json merge=npm\n", "x.docx": b"PK\0"})
    place.commit(root, "documents")


def signed(place: Place, root: Path) -> None:
    configure(place, root, commit__gpgSign="true", user__signingKey="ABCD", gpg__format="ssh", tag__gpgSign="true")


def developer(place: Place, root: Path) -> None:
    configure(place, root, color__ui="always", core__pager="delta", core__editor="code --wait", diff__tool="meld")
    configure(place, root, alias__st="!git status", alias__lg="log --graph", merge__tool="meld", pull__rebase="true")
    configure(place, root, diff__noprefix="true", diff__algorithm="histogram", log__date="iso", status__short="true")
    configure(place, root, core__fsmonitor="true", core__untrackedCache="true", credential__helper="store")
    configure(place, root, sendemail__smtpServer="localhost", sequence__editor="vim", log__decorate="full")


def line_ends(place: Place, root: Path) -> None:
    configure(place, root, core__autocrlf="true")
    place.write(root, {"a.txt": b"two\r\n", ".gitattributes": "*.bat eol=crlf\n", "x.bat": "echo\r\n"})
    place.commit(root, "line ends")


def with_submodule(place: Place, root: Path) -> None:
    place.git(root, "submodule", "add", "-q", str(place.repository("library", {"lib.txt": "lib\n"})), "lib")
    place.commit(root, "submodule")


def with_nested(place: Place, root: Path) -> None:
    place.repository("base/shop/inner", {"x.txt": "one\n"})


def sparse(place: Place, root: Path) -> None:
    place.write(root, {"kept/x": "x", "left/y": "y"})
    place.commit(root, "folders")
    place.git(root, "sparse-checkout", "set", "--cone", "--sparse-index", "kept")
    configure(place, root, extensions__worktreeConfig="true")


def split(place: Place, root: Path) -> None:
    configure(place, root, core__splitIndex="true")
    place.git(root, "update-index", "--split-index", "--untracked-cache")


def packed(place: Place, root: Path) -> None:
    place.git(root, "gc", "-q")
    place.git(root, "commit-graph", "write", "--reachable")


def notes_and_replacements(place: Place, root: Path) -> None:
    place.git(root, "notes", "add", "-m", "a note")
    place.git(root, "replace", "HEAD~1", place.git(root, "commit-tree", "HEAD~1^{tree}", "-m", "other").strip())


OPENED: list[Build] = [
    *(husky, large_files, documents, signed, developer, line_ends, with_submodule, with_nested),
    *(sparse, split, packed, notes_and_replacements),
]


def works(visited: Visit) -> None:
    assert visited.refused == {}


@pytest.mark.parametrize("shape", OPENED)
async def test_an_ordinary_repository_is_worked_in(shape: Build, place: Place, shop: Path) -> None:
    shape(place, shop)
    place.ran()
    works(await visit_door(place, shop))
    works(await visit(place, shop))
    assert place.ran() == ""
    assert (await look(git_status, place.workspace(shop)))["total"] == (1 if shape is with_nested else 0)


@pytest.mark.parametrize("how", ["worktree", "submodule", "shallow", "partial", "shared"])
async def test_a_repository_that_was_made_from_another_is_worked_in(how: str, place: Place, shop: Path) -> None:
    other = shop.parent / "other"
    match how:
        case "worktree":
            place.git(shop, "worktree", "add", "-q", str(other))
        case "submodule":
            place.git(shop, "submodule", "add", "-q", str(shop), "lib")
            other = shop / "lib"
        case "shallow":
            place.git(shop, "clone", "-q", "--depth=2", f"file://{shop}", str(other))
        case "partial":
            configure(place, shop, uploadpack__allowFilter="true")
            place.git(shop, "clone", "-q", "--filter=blob:none", f"file://{shop}", str(other))
        case _:
            place.git(shop, "clone", "-q", "--shared", str(shop), str(other))
    works(await visit_door(place, other))
    visited = await visit(place, other)
    assert visited.refused.keys() == ({"git_diff_range", "git_show"} if how == "partial" else set[str]())
    assert all("never" in said or "there yourself" in said for said in visited.refused.values())


@pytest.mark.parametrize("trusted", [False, True])
async def test_large_files_show_as_changed_only_when_they_are(trusted: bool, place: Place, shop: Path) -> None:
    large_files(place, shop)
    workspace = place.workspace(shop, trusted=trusted)
    place.ran()
    assert (await look(git_status, workspace))["total"] == 0
    place.write(shop, {"x.bin": LARGE + b"more"})
    assert [each["path"] for each in (await look(git_status, workspace))["changes"]] == ["x.bin"]
    assert (await look(git_diff, workspace))["filtered"] == ["x.bin"]
    with pytest.raises(ToolError, match="'lfs', which is not run"):
        await look(commit_edits, workspace, branch="agent/x", message="x", at=1, files=edit_of("x.bin"))
    assert place.ran() == ""


def edit_of(path: str) -> list[dict[str, Any]]:
    return [{"path": path, "edits": [{"old": "b", "new": "c"}]}]


async def test_a_commit_where_commits_are_signed_says_that_it_is_not(place: Place, shop: Path) -> None:
    signed(place, shop)
    workspace = place.workspace(shop, trusted=True)
    args = {"branch": "agent/x", "message": "x", "at": 1, "files": edit_of("b.txt")}
    assert any("not signed" in note for note in (await change(commit_edits, workspace, **args))["notes"])
    configure(place, shop, commit__gpgSign="false")
    args["branch"] = "agent/y"
    assert not any("not signed" in note for note in (await change(commit_edits, workspace, **args))["notes"])


def includes(place: Place, root: Path) -> None:
    """A harmless file, which a team keeps in its repository, with one of the person beside it."""
    place.write(root, {".gitconfig": "[diff]\n\talgorithm = patience\n[user]\n\tname = Team\n"})
    place.commit(root, "settings")
    configure(place, root, include__path="../.gitconfig")
    (place.folder / "mine").write_text("[user]\n\tname = Mine\n", encoding="utf-8")
    place.git(root, "config", f"includeIf.gitdir:{root}/.path", str(place.folder / "mine"))


def kept_apart(place: Place, root: Path) -> None:
    (root / ".git").rename(root.parent / "kept")
    (root / ".git").write_text("gitdir: ../kept\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("shape", "says"), [(includes, "include.path, includeif.gitdir"), (kept_apart, "does not point back")]
)
async def test_what_needs_trust_says_how_to_give_it_and_then_works(
    shape: Build, says: str, place: Place, shop: Path
) -> None:
    shape(place, shop)
    for visited in (await visit_door(place, shop), await visit(place, shop)):
        assert visited.refused
        for problem in visited.refused.values():
            assert says in problem and "factor12 repo trust PATH" in problem
    trusted = await visit(place, shop, trusted=True)
    works(trusted)
    if shape is includes:
        assert "Mine <" in trusted.told


async def test_an_included_file_names_no_program_that_runs_even_when_trusted(place: Place, shop: Path) -> None:
    large_files(place, shop)
    evil = place.mark("included")
    included = f'[core]\n\tfsmonitor = {evil}\n\thooksPath = {evil.parent}\n[filter "lfs"]\n\tclean = {evil}\n'
    (place.folder / "extra").write_text(included, encoding="utf-8")
    configure(place, shop, include__path=str(place.folder / "extra"))
    workspace = place.workspace(shop, trusted=True)
    assert (await look(git_status, workspace))["total"] == 0
    assert (await look(git_log, workspace))["commits"]
    assert place.ran() == ""
    place.git(shop, "status")
    assert place.ran()
