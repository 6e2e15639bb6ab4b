"""Make tests in a work tree of a thread's own import that tree, and not the checkout that an editable install names.

Imported by our recorders in the tested repository's own interpreter; standard library only, Python 3.9 or later. What
is imported from the checkout all the same, such as a compiled module that only stands there, is written down.
"""

import atexit
import os
import sys
from importlib.abc import MetaPathFinder
from importlib.util import spec_from_file_location
from pathlib import Path
from typing import Any

CHECKOUT = os.environ.get("FACTOR12_CHECKOUT", "")
TREE = os.environ.get("FACTOR12_TREE", "")
OUT = Path(os.environ.get("FACTOR12_CHECK", ""), "elsewhere")


def inside(path: Any, folder: str) -> bool:
    return isinstance(path, str) and (path == folder or path.startswith(folder + os.sep))


def is_of_checkout(path: Any) -> bool:
    """Whether a path is in the checkout; the environment that is running may stand there too, and is left alone."""
    return inside(path, CHECKOUT) and not inside(path, sys.prefix)


def moved(path: str) -> str:
    """Return where a path of the checkout is in the work tree, if it is there."""
    there = TREE + path[len(CHECKOUT) :]
    return there if is_of_checkout(path) and Path(there).exists() else path


class Here(MetaPathFinder):
    """Asks the other finders, and leads what they find in the checkout to the work tree."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        for finder in [other for other in sys.meta_path if other is not self]:
            find = getattr(finder, "find_spec", None)
            spec = find(fullname, path, target) if find else None
            if spec is not None:
                return self.here(fullname, spec)
        return None

    def here(self, fullname: str, spec: Any) -> Any:
        folders = spec.submodule_search_locations
        if folders is not None and spec.origin is None:  # a namespace: its folders may be in several places
            spec.submodule_search_locations = [moved(str(folder)) for folder in folders]
            return spec
        if not is_of_checkout(spec.origin) or moved(spec.origin) == spec.origin:
            return spec
        inner = None if folders is None else [moved(str(folder)) for folder in folders]
        return spec_from_file_location(fullname, moved(spec.origin), submodule_search_locations=inner)


def note() -> None:
    """Write down what came from the checkout after all."""
    files = ((name, getattr(module, "__file__", None)) for name, module in list(sys.modules.items()))
    if CHECKOUT and (found := sorted(name for name, file in files if is_of_checkout(file))):
        with OUT.open("a", encoding="utf-8") as out:
            out.write("".join(name + "\n" for name in found))


if CHECKOUT and TREE:
    sys.path[:] = [moved(entry) for entry in sys.path]
    sys.meta_path.insert(0, Here())
    atexit.register(note)
