"""Which folders a program needs to be run at all: its own installation, and those the person's PATH leads to.

A repository has a say in this: the Python of its virtual environment is a link that it may have written. What such a
link leads to is shown only if it is an installation, and then only the parts of it that hold programs and libraries.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from tools.boxes.sandbox import Policy

KEPT_BY: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **dict.fromkeys(("ASDF_DATA_DIR", "ASDF_DIR", "COREPACK_HOME", "FNM_DIR", "GOMODCACHE", "GOROOT"), ("",)),
        **dict.fromkeys(("JAVA_HOME", "MISE_DATA_DIR", "NVM_DIR", "PNPM_HOME", "PYENV_ROOT"), ("",)),
        **dict.fromkeys(("RUSTUP_HOME", "VOLTA_HOME"), ("",)),
        "CARGO_HOME": ("bin", "git", "registry"),  # beside them lie the credentials of a registry
        "GOPATH": ("bin", "pkg"),  # beside them may lie repositories
        "NVM_BIN": ("",),
    }
)
"""Variables that say where a version manager keeps its programs, and which folders there are shown."""
PARTS = ("bin", "include", "lib", "lib64", "libexec", "pyvenv.cfg", "share")
MORE_PARTS = ("Cellar", "opt", "pkg", "src", "VERSION")
"""What is shown of an installation; more of one that the person's PATH leads to."""
_PYTHON = "lib/python3*/os.py"
_OTHERS = ("lib/node_modules/npm/package.json", "src/runtime/proc.go", "Cellar")
"""What makes a folder an installation, of Python; of Node, Go or Homebrew."""
_SYSTEM = tuple(Path(top) for top in ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/nix/store"))


def toolchains(program: str, policy: Policy) -> list[Path]:
    """Return what to show beside the system's own folders, so that the program runs and finds others on its PATH.

    What this user may not look at is not there: `os.access` says so, where `Path.exists` raises.
    """
    found = [*_of_program(Path(program), policy), *_of_path(policy), *_of_variables(policy.environment)]
    shown = {place for place in found if _may_be_shown(place, policy)}
    return sorted(place for place in shown if shown.isdisjoint(place.parents))


def _of_program(program: Path, policy: Policy) -> Iterator[Path]:
    ours = not _is_theirs(program, policy)
    for step in _links(program):
        if _is_theirs(step, policy):
            continue
        yield from _parts(step.parent.parent, ours=ours)
        if ours:
            yield step


def _is_theirs(program: Path, policy: Policy) -> bool:
    """Whether whoever wrote the repository may have put a program there."""
    return any(program.is_relative_to(tree) for tree in (policy.root, policy.checkout) if tree)


def _of_path(policy: Policy) -> Iterator[Path]:
    for folder in map(Path, policy.environment.get("PATH", "").split(":")):
        if folder.is_absolute() and not _is_theirs(folder, policy) and not _is_system(folder):
            yield folder
            if folder.name == "bin":
                yield from _parts(folder.parent, ours=True)


def _of_variables(environment: Mapping[str, str]) -> Iterator[Path]:
    for name, parts in KEPT_BY.items():
        if (value := environment.get(name, "")).startswith("/"):
            yield from (Path(value, part) for part in parts)


def _parts(prefix: Path, *, ours: bool) -> Iterator[Path]:
    """Yield the parts of an installation, and for a virtual environment also those of the one it was made from.

    Unless the person's own PATH led there, it must be one of Python: it could be a repository that looks like another.
    """
    if _is_system(prefix) or _holds_home(prefix):  # /bin/sh and ~/bin/tool make no installation of / and of ~
        return
    if not os.access(prefix, os.X_OK):
        return
    is_virtual = ours and os.access(prefix / "pyvenv.cfg", os.R_OK)
    if is_virtual or any(any(prefix.glob(sign)) for sign in (_PYTHON, *(_OTHERS if ours else ()))):
        yield from (
            prefix / part for part in (*PARTS, *(MORE_PARTS if ours else ())) if os.access(prefix / part, os.F_OK)
        )
    if is_virtual:
        for step in list(_links(prefix / "bin/python"))[1:]:
            yield from _parts(step.parent.parent, ours=False)


def _links(program: Path) -> Iterator[Path]:
    """Yield the program and every link on the way to what it really is."""
    for _ in range(40):  # as many as the kernel follows
        yield program
        try:
            program = Path(os.path.normpath(program.parent / program.readlink()))
        except OSError:  # it is no link, or out of reach
            return


def _is_system(place: Path) -> bool:
    return any(place.is_relative_to(top) for top in _SYSTEM)


def _may_be_shown(place: Path, policy: Policy) -> bool:
    """Whether a folder is neither the system's, which is shown anyway, nor one that holds what must not be seen."""
    real = place.resolve()
    if _is_system(place) or _holds_home(real) or not os.access(real, os.F_OK):
        return False
    return not any(hidden.is_relative_to(real) for hidden in (policy.root, policy.folder))


def _holds_home(place: Path) -> bool:
    try:
        return Path.home().is_relative_to(place)
    except RuntimeError:  # pragma: no cover - an account without a home, which no test can be run as
        return place == Path(place.anchor)
