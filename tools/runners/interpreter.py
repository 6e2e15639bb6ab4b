"""Find the Python that a repository's tests are meant for, without running anything of the repository."""

import os
import shutil
from pathlib import Path

from tools.beneath import read_bytes
from tools.children import run_child
from tools.errors import ToolError
from tools.runners.results import REPORT_LIMIT, Missing, Recipe, Target, last_lines

RECORDERS = Path(__file__).with_name("recorders")
OWN_TREE = RECORDERS / "own_tree"
_PROBE = "import sys, importlib.util as u; print(sys.executable); sys.exit(u.find_spec(sys.argv[1]) is None)"


async def python(target: Target, module: str) -> str | Missing:
    """Return a Python that can import `module`: of the repository's own environment, else of the PATH."""
    own = environments(target.root) + (environments(target.checkout) if target.checkout else [])
    for venv in own:
        if _holds(venv, module):
            return str(venv / "bin/python")
    reasons = [f"{venv.name} has no {module}" for venv in own]
    for name in ("python3", "python"):
        if (program := on_path(target, name)) is None:
            reasons.append(f"there is no {name} on the PATH")
            continue
        found = await _probe(target, program, module)
        if isinstance(found, str):
            return found
        reasons.append(found.reason)
    return Missing(
        f"No Python with {module}: {'; '.join(reasons)}. "
        f"Run `python3 -m venv .venv && .venv/bin/pip install {module}` in the repository."
    )


def environments(root: Path) -> list[Path]:
    """Return the repository's virtual environments: `.venv`, `venv`, then any other, if their Python can be reached."""
    configs = sorted(root.glob("*/pyvenv.cfg"), key=lambda path: (path.parent.name not in {".venv", "venv"}, path))
    return [config.parent for config in configs if os.access(config.parent / "bin/python", os.F_OK)]


def on_path(target: Target, name: str) -> str | None:
    """Find a program on the PATH, never inside the repository."""
    folders = target.environment.get("PATH", "").split(":")
    own = [root for root in (target.root, target.checkout) if root]
    outside = [f for f in folders if Path(f).is_absolute() and not any(map(Path(f).resolve().is_relative_to, own))]
    return shutil.which(name, path=":".join(outside))


def python_environment(target: Target, interpreter: str) -> dict[str, str]:
    """Keep a run's by-products out of the repository, and let its scripts find their own environment."""
    environment = {
        "PYTHONPATH": str(RECORDERS),
        "PYTHONDONTWRITEBYTECODE": "1",
        "COVERAGE_FILE": str(target.folder / "coverage"),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(target.folder / "hypothesis"),
    }
    if target.checkout:
        ahead = [str(path) for path in (target.root / "src", target.root) if path.is_dir()]
        environment |= {
            "PYTHONPATH": ":".join((str(OWN_TREE), str(RECORDERS), *ahead)),  # before what an editable install names
            "FACTOR12_CHECKOUT": str(target.checkout),
            "FACTOR12_TREE": str(target.root),
        }
    folder = Path(interpreter).parent
    if (folder.parent / "pyvenv.cfg").exists():
        environment |= {
            "VIRTUAL_ENV": str(folder.parent),
            "PATH": f"{folder}:{target.environment.get('PATH', '')}",
        }
    return environment


def python_recipe(target: Target, interpreter: str, *arguments: str) -> Recipe:
    return Recipe((interpreter, *arguments), python_environment(target, interpreter))


def elsewhere(target: Target) -> str:
    """Say which code of the checkout ran although the work tree was to be tested; empty if none did."""
    try:
        names = read_bytes(target.folder, "elsewhere", REPORT_LIMIT).decode(errors="replace").split()
    except ToolError:
        return ""
    named = ", ".join(sorted(set(names))[:3])
    return f"Tests ran code of {str(target.checkout)!r} and not of the work tree: {named}."


def _holds(venv: Path, module: str) -> bool:
    """Look for the module by its files: asking the interpreter would run the repository's own program."""
    if any(venv.glob(f"lib*/python3*/site-packages/{module}/__init__.py")) or module == "unittest":
        return True
    config = venv / "pyvenv.cfg"
    return config.is_file() and "include-system-site-packages = true" in config.read_text(errors="replace").lower()


async def _probe(target: Target, program: str, module: str) -> str | Missing:
    """Ask a Python of the PATH, isolated, whether it has the module, and where it is if the PATH names a shim."""
    try:
        child = await run_child(
            [program, "-I", "-c", _PROBE, module],
            cwd=target.root,
            env=target.environment,
            timeout_s=10,
            mark=target.mark,
        )
    except ToolError as error:
        return Missing(error.problem.message)
    if child.returncode == 0:
        return child.stdout.decode(errors="replace").strip()
    return Missing(f"{program} has no {module}" + (f" ({last_lines(child.stderr)})" if child.stderr else ""))
