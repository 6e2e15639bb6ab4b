"""What must hold before anything of ours is imported: a platform we know, and our folders under their generic names.

Imports nothing but the standard library, as the names it checks may belong to somebody else.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

FOLDERS = ("agents", "tools", "prompts", "state")


def complaint(platform: str = sys.platform, home: Path = Path(__file__).parent.parent) -> str | None:
    """Return in one line why factor12 cannot run here, or `None`."""
    if platform == "win32":
        return "factor12 does not run on native Windows; run it inside WSL2."
    for name in FOLDERS:
        spec = find_spec(name)
        found = Path(spec.origin).parent if spec and spec.origin else None
        if found is None or not found.samefile(home / name):
            where = f"is {str(found)!r}{_owner(name)}" if found else "is missing"
            return (
                f"The Python package {name!r} {where}, not the one beside factor12. "
                "Install factor12 by itself: uv tool install factor12."
            )
    return None


def _owner(package: str) -> str:
    from importlib.metadata import packages_distributions

    owners = [owner for owner in packages_distributions().get(package, []) if owner != "factor12"]
    return f" of the distribution {', '.join(owners)}" if owners else ""
