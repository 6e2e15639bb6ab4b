"""Lay the bundle's files out in a folder: the program, the manifest, and which versions of packages it is held to."""

import json
import re
import shutil
from pathlib import Path

from bundle.icon import icon
from bundle.manifest import ENTRY, ICON, ROOT, manifest

FOLDERS = ("mcp_server", "agents", "tools", "prompts", "state")
PIN = re.compile(r"^([a-z0-9][\w.-]*(?:\[[\w,-]+\])?==[^\\]+?) *\\$", re.MULTILINE)


def stage(place: Path) -> None:
    """Fill an empty folder."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    for name in ("README.md", "LICENSE"):
        shutil.copy(ROOT / name, place / name)
    shutil.copy(Path(__file__).with_name("server.py"), place / ENTRY)
    (place / ICON).write_bytes(icon())
    (place / "pyproject.toml").write_text(pyproject(), encoding="utf-8")
    (place / "manifest.json").write_text(json.dumps(manifest(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def pyproject() -> str:
    """Return the project's own, for uv: without what only development needs, and held to the locked versions."""
    ours = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert "[tool.uv]" not in ours
    pins = PIN.findall((ROOT / "requirements" / "runtime.lock").read_text(encoding="utf-8"))
    listed = "".join(f"    {json.dumps(pin)},\n" for pin in pins)
    return f"{ours}\n[tool.uv]\ndefault-groups = []\nconstraint-dependencies = [\n{listed}]\n"
