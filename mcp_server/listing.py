"""What clients read before any call, kept beside the store: making it needs every agent's code, reading it needs none.

A host waits for the first list of tools, and importing all agents for their schemas takes longer than all the rest.
"""

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias, cast

from pydantic import VERSION

from mcp_server.compose import Runtime, catalogued

log = logging.getLogger(__name__)

Listing: TypeAlias = dict[str, Any]
"""`tools` and `prompts`, as `toolbox.shown` and `prompts.shown` describe them, and the `key` they were made for."""
FILE = "listing.json"
CODE = ("agents", "mcp_server", "prompts", "state", "tools")


def listing(runtime: Runtime, make: Callable[[], Listing]) -> Listing:
    """Return what was kept for exactly this code and these settings, or make it, and keep it for the next start."""
    if runtime.parts is not catalogued:
        return make()
    path = runtime.settings.state_dir / FILE
    key = _key(runtime.settings.approval)
    if (kept := _read(path, key)) is not None:
        return kept
    made = {"key": key, **make()}
    try:
        _write(path, json.dumps(made).encode())
    except OSError as error:
        log.info("the list of tools is made anew at every start: %s", error)
    return made


def _read(path: Path, key: str) -> Listing | None:
    try:
        kept: Any = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    match kept:
        case {"key": str(made_for)} if made_for == key:
            return cast(Listing, kept)
        case _:
            return None


def _write(path: Path, data: bytes) -> None:
    """Put the file there whole; of two processes at the same time, the later one's stays."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
    new.replace(path)


def _key(approval: str) -> str:
    """Identify the code by its files' sizes and times, which is a hundred times faster than by what is in them."""
    home = Path(__file__).parent.parent
    files = sorted(line for name in CODE for line in _files(home / name))
    return sha256("\n".join([sys.version, VERSION, approval, str(home), *files]).encode()).hexdigest()


def _files(folder: Path) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(Path(entry.path))
            elif entry.name.endswith(".py"):
                found = entry.stat()
                yield f"{entry.path} {found.st_size} {found.st_mtime_ns}"
