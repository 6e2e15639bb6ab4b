"""GitPython's one class that is used, without what its package does first.

That is to run whatever `git` the PATH of this process finds, which may lie in the folder it was started in.
"""

import sys
from importlib.util import find_spec, module_from_spec

if "git" not in sys.modules and (_spec := find_spec("git")) is not None:
    sys.modules["git"] = module_from_spec(_spec)

from git.cmd import Git

__all__ = ["Git"]
