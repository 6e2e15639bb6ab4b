"""The repositories one thread may touch, and what a tool may know of its surroundings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from state.earlier import Earlier
from tools.boxes.sandbox import Sandbox, Unboxed
from tools.errors import ToolError

Mode: TypeAlias = Literal["read", "write"]
ANY = "*"


class Blobs(Protocol):
    """Content kept by digest, for data too large to sit in the log."""

    def put(self, data: bytes) -> str:
        """Keep `data` and return its sha256 in hex."""
        ...

    def get(self, digest: str) -> bytes | None: ...


@dataclass(frozen=True, slots=True)
class Repository:
    """One git work tree of a workspace."""

    name: str
    root: Path
    """Absolute, symlinks resolved."""
    mode: Mode
    trusted: bool = False
    """A person said that programs of this repository may run."""
    source: Path | None = None
    """The person's checkout, if this is a work tree of the thread's own."""
    config: str = ANY
    """Which factor12.toml of a trusted repository counts in full: `ANY`, or the digest of the one they trusted."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """Fixed at launch: the first repository is the one meant when none is named."""

    repositories: Mapping[str, Repository]
    blobs: Blobs
    scratch: Path
    """A private folder outside every repository: locks, temporary indexes, test reports."""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """What a child may inherit: PATH, LANG and the like; never a key."""
    effect: str = ""
    """The identity of the effect now running, to mark children and temporary files with."""
    vaults: Path = Path()
    """A private folder outside every repository: checkpoints."""
    held: tuple[int, ...] = ()
    """Descriptors of locks that git holds as well, as long as it runs."""
    fence: Callable[[], None] = lambda: None
    """Called right before something changes: raises `Fenced` when another driver took the thread over (R6)."""
    sandbox: Sandbox = field(default_factory=Unboxed)
    """What the programs of a repository run in."""
    earlier: Earlier | None = None
    """What the same agent did before for the same principal."""

    def repository(self, name: str = "") -> Repository:
        """Return the named repository, or the first.

        Raises:
            ToolError: The workspace has no repository of that name.
        """
        if not name:
            return next(iter(self.repositories.values()))
        if (found := self.repositories.get(name)) is None:
            known = ", ".join(self.repositories)
            raise ToolError(
                "refused", f"Repository {name!r} is not part of this thread's workspace.", f"It has: {known}."
            )
        return found

    def writable(self, name: str = "") -> Repository:
        """Return the named repository if this thread may write to it.

        Raises:
            ToolError: Unknown, or named for reading only.
        """
        found = self.repository(name)
        if found.mode != "write":
            raise ToolError(
                "refused", f"Repository {found.name!r} was given for reading only.", "Launch with it as `repo`."
            )
        return found
