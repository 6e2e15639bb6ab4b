"""The seam between a program of a repository and what keeps it in; there is one of them per process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from tools.errors import ToolError

BoxName: TypeAlias = Literal["bwrap", "none"]


@dataclass(frozen=True, slots=True)
class Policy:
    """What a program may reach: nothing but the system's programs and libraries, and what is named here."""

    root: Path
    """The work tree: writable, and where the program starts."""
    folder: Path
    """The private folder of this run: writable."""
    environment: Mapping[str, str]
    """Where its programs and their toolchains are looked for."""
    checkout: Path | None = None
    """The person's checkout, when `root` is a work tree of a thread's own: of it only what is named is shown."""
    readable: tuple[Path, ...] = ()
    """Further files and folders, for reading only."""
    guarded: tuple[Path, ...] = ()
    """What of the work tree is for reading only."""
    writable: tuple[Path, ...] = ()
    """What is writable all the same: a part of a guarded folder, or a folder elsewhere."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Which box a process has."""

    name: BoxName
    says: str
    """What the box is; or why there is none, as the end of a sentence."""


class Sandbox(Protocol):
    """What a process runs the programs of repositories in."""

    @property
    def required(self) -> bool:
        """Whether what cannot be boxed may not run at all."""
        ...

    def standing(self) -> Standing:
        """Tell which box there is; found out when it is first asked for, which starts a program and waits for it."""
        ...

    def wrap(self, argv: Sequence[str], policy: Policy) -> list[str]:
        """Return the command that runs `argv` in a box, its environment that of the caller."""
        ...

    def seal(self, argv: Sequence[str], readable: Sequence[Path]) -> list[str]:
        """Return the command that runs `argv` where it can read `readable` and write nothing at all."""
        ...


@dataclass(frozen=True, slots=True)
class Unboxed:
    """No box: programs run with the rights of whoever started the server."""

    why: str = "this process has no sandbox"
    required: bool = False

    def standing(self) -> Standing:
        return Standing("none", self.why)

    def wrap(self, argv: Sequence[str], policy: Policy) -> list[str]:  # pragma: no cover - asked of boxes only
        return list(argv)

    def seal(self, argv: Sequence[str], readable: Sequence[Path]) -> list[str]:
        return list(argv)


def box_for(sandbox: Sandbox) -> BoxName:
    """Return the box in which a program of a repository will run.

    Raises:
        ToolError: There is none, and the person wants none to run without.
    """
    standing = sandbox.standing()
    if standing.name == "none" and sandbox.required:
        message = f"FACTOR12_SANDBOX is `require`, and there is no sandbox: {standing.says}."
        raise ToolError("refused", message, "Install bubblewrap, or set FACTOR12_SANDBOX=auto.")
    return standing.name
