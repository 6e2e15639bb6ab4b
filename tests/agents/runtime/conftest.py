"""A fresh laboratory for each test of the engine."""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.agents.runtime.lab import Lab


@pytest.fixture
def lab(tmp_path: Path) -> Generator[Lab]:
    made = Lab(tmp_path)
    yield made
    made.close()
