"""What must hold before anything starts: our five folders are the ones that Python found, on a platform we know."""

import importlib.util
import sys
from pathlib import Path

from state.problem import ProblemError

FOLDERS = ("agents", "tools", "prompts", "state")


def check_platform(platform: str = sys.platform) -> None:
    """Refuse what was never tried.

    Raises:
        ProblemError: `refused`, on native Windows.
    """
    if platform == "win32":
        raise ProblemError("refused", "factor12 does not run on native Windows.", "Run it inside WSL2.")


def check_folders(home: Path = Path(__file__).parent.parent) -> None:
    """Make sure that the generic package names mean ours.

    Raises:
        ProblemError: `conflict`, naming the folder that stands in the way and the distribution that owns it.
    """
    for name in FOLDERS:
        spec = importlib.util.find_spec(name)
        found = Path(spec.origin).parent if spec and spec.origin else None
        if found != home / name:
            owner = _owner(name)
            raise ProblemError(
                "conflict",
                f"The package {name!r} was found in {str(found)!r} ({owner}), not beside factor12.",
                "Install factor12 by itself: `uv tool install factor12`.",
            )


def _owner(package: str) -> str:
    from importlib.metadata import packages_distributions

    owners = [owner for owner in packages_distributions().get(package, []) if owner != "factor12"]
    return f"of {', '.join(owners)}" if owners else "of no installed distribution"
