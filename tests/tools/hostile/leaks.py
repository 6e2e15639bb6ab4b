"""Repositories that would let their reader into somebody else's, each with what plain git shows of the secret."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.tools.gitting import Place
from tests.tools.hostile.traps import Build

SECRET = "secret-of-somebody-else"


@dataclass(frozen=True)
class Leak:
    build: Build
    says: str = "outside what may be opened"
    control: tuple[str, ...] = ("show", "HEAD:secret.txt")

    @property
    def name(self) -> str:
        return self.build.__name__


def _outside(place: Place, root: Path) -> Path:
    """Make a repository outside the roots, and let the victim's branch name its commit; return its objects."""
    outside = place.repository("outside", {"secret.txt": SECRET})
    commit = place.git(outside, "rev-parse", "HEAD")
    (root / ".git" / "refs" / "heads" / "main").write_text(commit, encoding="utf-8")
    return outside / ".git" / "objects"


def _borrow(objects: Path, line: str) -> None:
    (objects / "info").mkdir(exist_ok=True, parents=True)
    (objects / "info" / "alternates").write_text(f"{line}\n", encoding="utf-8")


def alternates(place: Place, root: Path) -> None:
    _borrow(root / ".git" / "objects", str(_outside(place, root)))


def alternates_of_alternates(place: Place, root: Path) -> None:
    _borrow(root / ".git" / "objects", "../more")
    _borrow(root / ".git" / "more", str(_outside(place, root)))


def quoted_alternates(place: Place, root: Path) -> None:
    _borrow(root / ".git" / "objects", '"' + str(_outside(place, root)).replace("/outside/", "\\057\\157utside/") + '"')


def alternates_behind_a_link(place: Place, root: Path) -> None:
    (root / ".git" / "more").symlink_to("real")
    _borrow(root / ".git" / "objects", "../more")
    _borrow(root / ".git" / "real", str(_outside(place, root)))


def linked_alternates(place: Place, root: Path) -> None:
    (root / ".git" / "more").symlink_to(_outside(place, root))
    _borrow(root / ".git" / "objects", "../more")


def linked_objects(place: Place, root: Path) -> None:
    objects = _outside(place, root)
    for folder in objects.iterdir():
        own = root / ".git" / "objects" / folder.name
        shutil.rmtree(own, ignore_errors=True)
        own.symlink_to(folder)


def linked_refs(place: Place, root: Path) -> None:
    objects = _outside(place, root)
    shutil.rmtree(root / ".git" / "objects")
    (root / ".git" / "objects").symlink_to(objects)
    shutil.rmtree(root / ".git" / "refs")
    (root / ".git" / "refs").symlink_to(objects.parent / "refs")


def git_file_outside(place: Place, root: Path) -> None:
    _outside(place, root)
    shutil.rmtree(root / ".git")
    (root / ".git").write_text("gitdir: ../../outside/.git\n", encoding="utf-8")


def work_tree_of_another(place: Place, root: Path) -> None:
    _outside(place, root)
    shutil.rmtree(root)
    place.git(place.folder / "outside", "worktree", "add", "-q", str(root))


LEAKS = (
    Leak(alternates),
    Leak(alternates_of_alternates),
    Leak(quoted_alternates),
    Leak(alternates_behind_a_link),
    Leak(linked_alternates),
    Leak(linked_objects),
    Leak(linked_refs),
    Leak(git_file_outside, "does not point back"),
    Leak(work_tree_of_another),
)


def replaced(place: Place, root: Path) -> None:
    """Let the last commit read as another one."""
    text = place.git(root, "cat-file", "commit", "HEAD").replace("\nmain\n", f"\n{SECRET}\n")
    forged = place.git(root, "hash-object", "-t", "commit", "-w", "--stdin", stdin=text.encode()).strip()
    place.git(root, "replace", "HEAD", forged)


def grafted(place: Place, root: Path) -> None:
    """Give the last commit a parent that it does not have."""
    forged = place.git(root, "commit-tree", "HEAD^{tree}", "-m", SECRET).strip()
    head = place.git(root, "rev-parse", "HEAD").strip()
    (root / ".git" / "info" / "grafts").write_text(f"{head} {forged}\n", encoding="utf-8")


LIES = (Leak(replaced, "", ("log",)), Leak(grafted, "", ("log",)))
