"""Which repositories a process may use, what they are called, and which of them a call means."""

import os
import re
import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from mcp_server.settings import Settings, child_environment
from state import sessions
from state.events import HeldFiles, RepositoryRef
from state.problem import ProblemError
from state.sqlite import Database
from tools.workspace import ANY, Blobs, Mode, Repository, Workspace

if TYPE_CHECKING:
    from tools.gitrepo import Facts

Isolation: TypeAlias = Literal["in_place", "worktree"]
"""Whether an agent edits the person's checkout, or a work tree of its own."""
NEAR = 5
TOKEN = re.compile(r"[0-9a-f]{8}")
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
LONGEST_PATH = 4096


@dataclass(frozen=True, slots=True)
class Named:
    """A repository as it is listed: `name` is what a caller gives."""

    name: str
    root: Path
    trusted: bool


class Repositories:
    """The git work trees under the base path and the allowed roots."""

    def __init__(self, settings: Settings, database: Database, blobs: Blobs, home: Path) -> None:
        """`home` is the folder the process was started in.

        The base path, unless it is set, is the parent of the repository that holds `home`; without one, `home`. The
        root of the file system is never taken for a base by default: everything would be inside.
        """
        self._settings = settings
        self._database = database
        self._blobs = blobs
        self.home = _top(home.resolve())
        """The repository the process was started in."""
        self.base = _base(settings, home.resolve(), self.home)
        found = [self.base, *(root.resolve() for root in settings.allowed_roots)]
        self.roots = tuple(dict.fromkeys(root for root in found if root is not None))
        self._openable = (*self.roots, *([self.home] if self.home else []))
        self._excluded = [root.resolve() for root in settings.excluded_roots]
        self._scratch = settings.state_dir / "scratch"
        self.worktrees = Path(os.path.realpath(settings.worktrees))
        """Where work trees of threads' own are."""

    def allowed(self, path: Path) -> bool:
        """Whether the path, symlinks resolved, is in a root or the server's own repository, and not excluded."""
        real = Path(os.path.realpath(path))
        if any(real.is_relative_to(root) for root in self._excluded):
            return False
        return any(real.is_relative_to(root) for root in self._openable)

    def trusted(self, root: Path) -> bool:
        """Whether a person said that programs of this repository may run."""
        return self._config(root) is not None

    def notice(self, root: Path) -> str:
        """Say what the person should know of a repository they trust: that its settings are not those they trusted."""
        from tools.repoconfig import config_changed

        return config_changed(self._repository(root))

    def enabled(self, root: Path) -> Sequence[str] | None:
        """Return which agents a repository lets work on it; `None` for all, and for one that is not trusted to say.

        Raises:
            ProblemError: `bad_input`; its settings cannot be read.
        """
        from tools.repoconfig import read_config

        repository = self._repository(root)
        return read_config(repository).agents.enabled if repository.trusted else None

    def _config(self, root: Path) -> str | None:
        """Return which settings of a trusted repository count in full; `None` if it is not trusted.

        A folder that is trusted is trusted with whatever settings come to lie in it.
        """
        if any(root.is_relative_to(trusted.resolve()) for trusted in self._settings.trusted_roots):
            return ANY
        return sessions.trusted_config(self._database, root)

    def list(self) -> list[Named]:
        """Return every git work tree directly under the roots, and the server's own; equal names get their parent's."""
        found = [child for root in self.roots for child in _work_trees(root)]
        if self.home is not None:
            found.append(self.home)
        real = [root for root in dict.fromkeys(found) if self.allowed(root)]
        taken = Counter(root.name for root in real)
        names = {root: root.name if taken[root.name] == 1 else f"{root.parent.name}/{root.name}" for root in real}
        return [Named(name, root, self.trusted(root)) for root, name in sorted(names.items(), key=lambda item: item[1])]

    def name_of(self, root: Path) -> str:
        """Return what the repository is called in a list."""
        return next((named.name for named in self.list() if named.root == root), root.name)

    def resolve(self, wanted: str) -> Path:
        """Return the top of the repository that a name or a path means, symlinks resolved.

        A relative path is looked for in the base path first, then from the server's own repository.

        Raises:
            ProblemError: `bad_input` (no path), `not_found` (with the nearest names), `ambiguous`, `refused` (outside).
        """
        if not wanted or not wanted.isprintable() or len(wanted) > LONGEST_PATH:
            raise ProblemError("bad_input", f"{wanted[:80]!r} is no repository.", "Give a folder's name or path.")
        listed = self.list()
        if named := [entry.root for entry in listed if entry.name == wanted]:
            return named[0]
        if len(alike := [entry.name for entry in listed if entry.root.name == wanted]) > 1:
            raise ProblemError(
                "ambiguous", f"There are {len(alike)} repositories {wanted!r}.", self._one_of(alike, len(alike))
            )
        existing = [path for path in self._places(wanted) if os.path.lexists(path)]
        if not existing:
            names = [entry.name for entry in listed]
            near = get_close_matches(wanted, names, NEAR)
            hint = f"Did you mean {' or '.join(near)}?" if near else self._one_of(names)
            raise ProblemError("not_found", f"There is no repository {wanted!r}.", hint)
        root = next((path for path in existing if self.allowed(path)), None)
        if root is None:
            raise ProblemError("refused", f"{wanted!r} is outside the folders that may be used.", self._inside())
        from tools.gitrepo import find_work_tree  # git's part is imported when a repository is first looked at

        return find_work_tree(str(root), self._openable)

    async def ref(
        self, repo: str, session: str, mode: Mode, principal: str = "", isolation: Isolation = "in_place"
    ) -> RepositoryRef:
        """Return the repository a call means: the named one, else the session's current one, else the server's own.

        With isolation "worktree" it is a work tree of the thread's own, which is made when the thread first needs it.

        Raises:
            ProblemError: As `resolve`; `bad_input` when none is meant; `refused` when it cannot be written to now.
        """
        from tools.gitrepo import work_tree_key

        root = self.meant(repo, session, principal)
        facts = await self.facts(root)
        own = isolation == "worktree"
        if mode == "write" and (why := facts.why_no_work_tree() if own else facts.why_not_writable()):
            raise ProblemError(why.kind, why.message, why.hint)
        ref = RepositoryRef(
            name=root.name,
            root=str(root),
            mode=mode,
            key=work_tree_key(facts),
            branch=facts.status.branch or None,
            head=facts.status.head or None,
        )
        return self.own(ref) if own else ref

    def own(self, ref: RepositoryRef, files: HeldFiles | None = None) -> RepositoryRef:
        """Return a work tree of its own, by a name nobody else has, that begins where the repository stands."""
        token = secrets.token_hex(4)
        root = str(self.worktrees / token / ref.name)
        changed = {"mode": "write", "root": root, "key": root, "source": ref.source or ref.root}
        return ref.model_copy(update={**changed, "branch": f"agent/{token}", "files": files})

    def meant(self, repo: str, session: str, principal: str = "") -> Path:
        """Return the root of the repository that a call means.

        Raises:
            ProblemError: As `resolve`; `bad_input` when none is meant.
        """
        if repo:
            return self.resolve(repo)
        if current := sessions.current(self._database, principal, session):
            return self.resolve(current)
        if self.home is not None:
            return self.home
        hint = self._one_of([named.name for named in self.list()])
        raise ProblemError("bad_input", "No repository is named, and the session has none.", f"Give `repo`. {hint}")

    async def facts(self, root: Path) -> "Facts":
        """Ask git about a repository.

        Raises:
            ProblemError: It is not one, or not one that may be opened.
        """
        from tools.gitrepo import read_facts

        self._scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        return await read_facts(self.workspace(root), self._repository(root), self._openable)

    async def branches(self, root: Path, beginning: str, most: int) -> Sequence[str]:
        """Return branches of a repository, the one that was committed to last first.

        Raises:
            ProblemError: As `facts`.
        """
        from tools.gitrepo import branches

        self._scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        return await branches(self.workspace(root), self._repository(root), self._openable, beginning, most)

    def workspace(self, root: Path) -> Workspace:
        """Return a workspace for looking at one repository outside of any thread."""
        return Workspace({root.name: self._repository(root)}, self._blobs, self._scratch, child_environment())

    def _repository(self, root: Path) -> Repository:
        return Repository(root.name, root, "read", self.trusted(root), config=self._config(root) or "")

    def opened(self, ref: RepositoryRef) -> Repository:
        """Return a thread's repository, as the process that drives it may use it.

        Raises:
            ProblemError: `refused`; it is outside this process's folders.
        """
        if not self.may_use(ref):
            raise ProblemError("refused", f"{ref.root!r} is outside the folders that may be used.", self._inside())
        root = Path(os.path.realpath(ref.root))
        source = Path(os.path.realpath(ref.source)) if ref.source else None
        config = self._config(source or root)
        return Repository(ref.name, root, ref.mode, config is not None, source, config or "")

    def may_use(self, ref: RepositoryRef) -> bool:
        """Whether this process may work in a thread's repository; an own work tree belongs to the checkout it is of."""
        return self.allowed(Path(ref.source or ref.root)) and (not ref.source or self._is_own(ref))

    def _is_own(self, ref: RepositoryRef) -> bool:
        """Whether the work tree, its branch and its beginning are as `own` makes them: a log may be an imported one."""
        root = Path(os.path.realpath(ref.root))
        token = root.parent.name
        place = root == Path(ref.root) and root.parent.parent == self.worktrees and TOKEN.fullmatch(token)
        held = ref.files is None or COMMIT.fullmatch(ref.files.commit) is not None
        return bool(place and ref.branch == f"agent/{token}" and COMMIT.fullmatch(ref.head or "") and held)

    def _places(self, wanted: str) -> Sequence[Path]:
        anchors = [anchor for anchor in (self.base, self.home, *self.roots) if anchor is not None]
        return [Path(os.path.realpath(anchor / wanted)) for anchor in anchors] or [Path(os.path.realpath(wanted))]

    def _one_of(self, names: Sequence[str], most: int = NEAR) -> str:
        if names:
            more = f" and {len(names) - most} more" if len(names) > most else ""
            return f"There are: {', '.join(names[:most])}{more}."
        where = ", ".join(str(root) for root in self.roots) or "the base path"
        return f"There is none in {where}; SISTER_REPO_BASE_PATH names the folder that holds them."

    def _inside(self) -> str:
        roots = ", ".join(str(root) for root in self.roots) or "none"
        return f"They are: {roots}. The person may add one with FACTOR12_ALLOWED_ROOTS."


def _base(settings: Settings, home: Path, own: Path | None) -> Path | None:
    if settings.base_path is not None:
        return settings.base_path.resolve()
    base = own.parent if own else home
    return None if base == Path(base.anchor) else base


def _top(folder: Path) -> Path | None:
    """Return the top of the work tree that holds the folder."""
    return next((path for path in (folder, *folder.parents) if (path / ".git").exists()), None)


def _work_trees(root: Path) -> list[Path]:
    try:
        with os.scandir(root) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []
    return [root / name for name in names if (root / name / ".git").exists()]
