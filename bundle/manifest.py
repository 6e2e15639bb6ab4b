"""What the bundle tells a host before it starts it: made of the program, so that it says what the program does."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mcp_server.app import table
from mcp_server.catalogue import OFFERED
from mcp_server.compose import compose
from mcp_server.prompts import shown
from mcp_server.settings import Settings
from prompts import render

ROOT = Path(__file__).resolve().parent.parent
ENTRY, ICON = "server.py", "icon.png"
ASKED = {
    "base_path": ("SISTER_REPO_BASE_PATH", "Your repositories", "directory"),
    "trusted_roots": ("FACTOR12_TRUSTED_ROOTS", "Trusted folders, joined by ':'", "string"),
}
"""What the host asks the person -> the variable it sets, the title and the kind of field."""


def project() -> Mapping[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def manifest() -> dict[str, Any]:
    """Return the manifest, version 0.4; JSON-ready."""
    known = project()
    holder = re.search(r"Copyright \(c\) \d+ (.+)", (ROOT / "LICENSE").read_text(encoding="utf-8"))
    assert holder is not None
    return {
        "manifest_version": "0.4",
        "name": known["name"],
        "display_name": known["name"],
        "version": known["version"],
        "description": known["description"],
        "author": {"name": holder[1]},
        "license": known["license"],
        "icon": ICON,
        "server": _server(),
        "tools": _tools(),
        "prompts": [_prompt(shown(agent)) for agent in OFFERED],
        "prompts_generated": True,  # resume_work names the threads there are
        "compatibility": {"platforms": ["darwin", "linux"], "runtimes": {"python": known["requires-python"]}},
        "user_config": {name: _field(*asked) for name, asked in ASKED.items()},
    }


def _server() -> dict[str, Any]:
    return {
        "type": "uv",
        "entry_point": ENTRY,
        "mcp_config": {
            "command": "uv",
            "args": ["run", "--directory", "${__dirname}", ENTRY],
            "env": {variable: f"${{user_config.{name}}}" for name, (variable, _, _) in ASKED.items()},
        },
    }


def _field(variable: str, title: str, kind: str) -> dict[str, Any]:
    """Return a question of the host; what is not required has a default, or hosts hand on its placeholder."""
    described = {field.alias: field.description for field in Settings.model_fields.values()}[variable]
    may_be_empty = {"required": False, "default": ""} if kind == "string" else {"required": True}
    return {"type": kind, "title": title, "description": described, **may_be_empty}


def _tools() -> list[dict[str, str]]:
    with TemporaryDirectory() as folder:
        runtime = compose(Settings(FACTOR12_STATE_DIR=Path(folder)), Path(folder))
        listed = [{"name": entry.name, "description": entry.description} for entry in table(runtime)]
        runtime.database.close()
    return listed


def _prompt(fields: Mapping[str, Any]) -> dict[str, Any]:
    names = [argument["name"] for argument in fields["arguments"]]
    task = {name: f"${{arguments.{name}}}" for name in names}
    text = render("call_agent", agent=fields["name"], description=fields["description"], task=task)
    return {"name": fields["name"], "description": fields["description"], "arguments": names, "text": text}
