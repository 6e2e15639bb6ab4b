"""Started by every Python of a check in a work tree of a thread's own, the children of tests included.

It comes before the `sitecustomize` that the environment may have, and hands on to it.
"""

import importlib
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path

importlib.import_module("factor12_elsewhere")
spec = PathFinder.find_spec("sitecustomize", [entry for entry in sys.path if Path(entry) != Path(__file__).parent])
if spec is not None and spec.loader is not None:
    spec.loader.exec_module(module_from_spec(spec))
