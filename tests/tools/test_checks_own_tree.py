"""Checks in a work tree of a thread's own: with the checkout's environment, and never with the checkout's code."""

import site
import sys
import sysconfig
import venv
from dataclasses import replace
from pathlib import Path

import pytest

from tests.tools.boxing import the_box
from tests.tools.checking import check, make_workspace, write
from tools.workspace import Workspace

pytestmark = pytest.mark.anyio

TEST = """
import subprocess, sys
from lib import word
from lib.inner import deep

def test_here():
    assert word() == "tree" and deep() == "tree"

def test_of_a_child():
    program = "import lib; print(lib.word())"
    assert subprocess.check_output([sys.executable, "-c", program], cwd="/").decode().strip() == "tree"
"""
UNITTEST = f"""
import unittest
{TEST.partition("def")[0]}
class Here(unittest.TestCase):
    def test_here(self):
        self.assertEqual((word(), deep()), ("tree", "tree"))
"""
FINDER = """
import sys
from importlib.machinery import PathFinder

class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return PathFinder.find_spec(name, [{src!r}]) if name == "lib" else None

sys.meta_path.insert(0, Finder)
"""


def code(word: str) -> dict[str, str]:
    told = f"def {{}}():\n    return {word!r}\n"
    return {"src/lib/__init__.py": told.format("word"), "src/lib/inner/__init__.py": told.format("deep")}


def apart(tmp_path: Path, test: str) -> tuple[Workspace, Path]:
    """Return a workspace with a work tree of its own, and a checkout with an environment and other code."""
    workspace = make_workspace(tmp_path, {**code("tree"), "test_it.py": test})
    checkout = tmp_path / "checkout"
    write(checkout, {**code("checkout"), "test_it.py": test})
    venv.create(checkout / ".venv", system_site_packages=True, symlinks=True)
    packages = sysconfig.get_path("purelib", vars={"base": str(checkout / ".venv")})
    ours = [*site.getsitepackages(), sysconfig.get_path("purelib")]
    Path(packages, "ours.pth").write_text("\n".join(ours), encoding="utf-8")
    own = replace(workspace.repository(), source=checkout)
    return replace(workspace, repositories={"repo": own}), Path(packages)


@pytest.mark.parametrize("editable", ["path", "finder"])
@pytest.mark.parametrize(("runner", "test"), [("pytest", TEST), ("unittest", UNITTEST)])
async def test_the_work_trees_code_is_tested_and_not_what_an_editable_install_names(
    tmp_path: Path, editable: str, runner: str, test: str
) -> None:
    workspace, packages = apart(tmp_path, test)
    src = str(tmp_path / "checkout/src")
    if editable == "path":
        (packages / "editable.pth").write_text(src)
    else:
        (packages / "editable_finder.py").write_text(FINDER.format(src=src))
        (packages / "editable.pth").write_text("import editable_finder\n")
    result = await check(workspace, runner=runner)
    assert result.command[0].startswith(str(tmp_path / "checkout/.venv"))
    assert result.verdict == "passed", result.why


async def test_code_that_stands_only_in_the_checkout_is_no_evidence(tmp_path: Path) -> None:
    workspace, packages = apart(tmp_path, "import lib.compiled\n\ndef test_x(): pass\n")
    write(tmp_path / "checkout", {"src/lib/compiled.py": ""})
    (packages / "editable.pth").write_text(f"import sys; sys.path.insert(0, {str(tmp_path / 'checkout/src')!r})\n")
    write(workspace.repository().root, {"conftest.py": LOADER.format(folder=str(tmp_path / "checkout/src/lib"))})
    result = await check(workspace, runner="pytest")
    assert result.verdict == "no_evidence"
    assert "ran code of" in result.why and "lib.compiled" in result.why


LOADER = """
import lib
lib.__path__.append({folder!r})
"""


async def test_the_same_in_the_checkout_itself_is_tested_as_ever(tmp_path: Path) -> None:
    workspace, packages = apart(tmp_path, TEST.replace("tree", "checkout"))
    (packages / "editable.pth").write_text(str(tmp_path / "checkout/src"))
    checkout = replace(workspace.repository(), root=(tmp_path / "checkout").resolve(), source=None)
    result = await check(replace(workspace, repositories={"repo": checkout}), runner="pytest")
    assert result.verdict == "passed", result.why
    assert sys.prefix not in result.command[0]


async def test_the_environments_own_start_up_module_runs_as_well(tmp_path: Path) -> None:
    test = "import sys\n\ndef test_x():\n    assert sys.theirs\n"
    workspace, packages = apart(tmp_path, test)
    (packages / "sitecustomize.py").write_text("import sys\nsys.theirs = True\n")
    result = await check(workspace, runner="pytest")
    assert result.verdict == "passed", result.why


async def test_in_a_box_the_checkout_is_not_even_there_but_for_its_environment_and_packages(tmp_path: Path) -> None:
    test = """
import pathlib
def test_x():
    root = pathlib.Path.cwd()
    assert (root.parent / "node_modules/left-pad").is_dir()
    assert [path.name for path in (root.parent / "checkout").iterdir()] == [".venv"]
"""
    workspace, packages = apart(tmp_path, test + TEST)
    (packages / "editable.pth").write_text(str(tmp_path / "checkout/src"))
    (tmp_path / "checkout/node_modules/left-pad").mkdir(parents=True)
    (tmp_path / "node_modules").symlink_to(tmp_path / "checkout/node_modules")
    result = await check(replace(workspace, sandbox=the_box()), runner="pytest")
    assert result.verdict == "passed", (result.why, result.failures)
    assert result.sandbox == "bwrap"
