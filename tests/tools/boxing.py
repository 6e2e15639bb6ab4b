"""What the tests of boxes share: the box of this machine, or the reason why there is none."""

from functools import cache

import pytest

from tests.tools.checking import PATH
from tools.boxes.bubblewrap import Bubblewrap


@cache
def found() -> Bubblewrap:
    """Ask the machine once for all tests; each process of the product asks for itself."""
    return Bubblewrap(PATH)


def the_box() -> Bubblewrap:
    """Return the box of this machine; skip the test, with the reason, where none can be started."""
    if found().standing().name == "none":
        pytest.skip(f"no box can be started on this machine: {found().standing().says}")
    return found()
