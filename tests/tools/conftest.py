"""What the tests of tools share: a folder of repositories."""

from pathlib import Path

import pytest

from tests.tools import checking
from tests.tools.boxing import the_box
from tests.tools.gitting import Place
from tools.boxes.sandbox import Unboxed


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture(params=["none", "bwrap"])
def each_box(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test without a box, and again in one."""
    monkeypatch.setattr(checking, "SANDBOX", the_box() if request.param == "bwrap" else Unboxed())
