"""What is made once and kept beside the store for the next start, for exactly this code."""

import json
import logging
import os
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from pydantic import VERSION

log = logging.getLogger(__name__)

CODE = ("agents", "mcp_server", "prompts", "state", "tools")


def read(path: Path, key: str) -> dict[str, Any] | None:
    """Return what was kept, if it was made for that key."""
    try:
        kept: Any = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    match kept:
        case {"key": str(made_for)} if made_for == key:
            return cast(dict[str, Any], kept)
        case _:
            return None


def keep(path: Path, made: dict[str, Any]) -> None:
    """Keep it for the next start, if it can be kept."""
    try:
        _write(path, json.dumps(made).encode())
    except OSError as error:
        log.info("%s is made anew at every start: %s", path.name, error)


def code_key(*further: str) -> str:
    """Identify the code by its files' sizes and times, which is a hundred times faster than by what is in them."""
    home = Path(__file__).parent.parent
    files = sorted(line for name in CODE for line in _files(home / name))
    return sha256("\n".join([sys.version, VERSION, *further, str(home), *files]).encode()).hexdigest()


def _write(path: Path, data: bytes) -> None:
    """Put the file there whole; of two processes at the same time, the later one's stays."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
    new.replace(path)


def _files(folder: Path) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(Path(entry.path))
            elif entry.name.endswith(".py"):
                found = entry.stat()
                yield f"{entry.path} {found.st_size} {found.st_mtime_ns}"
