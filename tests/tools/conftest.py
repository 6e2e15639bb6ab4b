"""What the tests of tools share: a folder of repositories."""

from pathlib import Path

import pytest

from tests.tools.gitting import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)
