"""What the tests of the doors share: a repository beside the server, and a door over it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mcp_server.hosting import Door


@pytest.fixture
def door(make_repository: Callable[..., Path], tmp_path: Path) -> Door:
    """A door with the toy agent, started in the repository `src/shop`, with `src/portal` beside it."""
    make_repository("src/portal", {"b": "0"})
    return Door(tmp_path, make_repository("src/shop", {"README.md": "a shop\n"}))
