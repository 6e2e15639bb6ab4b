"""What the tests of the doors share: a repository beside the server."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def shop(make_repository: Callable[..., Path]) -> Path:
    return make_repository("shop", {"README.md": "A shop.\n"})
