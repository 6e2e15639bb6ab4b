"""The start-up guard: a platform we know, and our own folders under their generic names."""

import subprocess
import sys
from pathlib import Path

import pytest

from mcp_server.guard import FOLDERS, complaint
from tests.mcp_server.process import CHECKOUT, environment


def test_where_the_folders_are_our_own_there_is_no_complaint() -> None:
    assert complaint() is None


def test_native_windows_is_refused_with_what_to_use_instead() -> None:
    says = complaint("win32")
    assert says is not None and "WSL2" in says and "\n" not in says


def test_a_package_that_is_not_beside_the_program_is_named_with_its_place(tmp_path: Path) -> None:
    for name in FOLDERS:
        (tmp_path / name).mkdir()
    says = complaint(home=tmp_path)
    assert says is not None and "'agents'" in says and str(CHECKOUT / "agents") in says and "uv tool install" in says


@pytest.mark.requirement("R15")
@pytest.mark.parametrize("name", FOLDERS)
def test_a_strangers_package_of_the_same_name_stops_the_start_in_one_line(tmp_path: Path, name: str) -> None:
    stranger = tmp_path / "stranger"
    (stranger / name).mkdir(parents=True)
    (stranger / name / "__init__.py").write_text("raise SystemExit('the stranger ran')\n")
    variables = environment(tmp_path / "state", PYTHONPATH=f"{stranger}:{CHECKOUT}")
    start = "from mcp_server.__main__ import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", start, "serve"], cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=30
    )
    assert ran.returncode == 1 and ran.stdout == ""
    assert ran.stderr.startswith(f"factor12: The Python package {name!r} is ") and ran.stderr.count("\n") == 1
    assert str(stranger / name) in ran.stderr
