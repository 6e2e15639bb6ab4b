"""Whose objects a repository reads through to: its alternates, theirs, and so on, spelled in any way git takes."""

import os
import re
from pathlib import Path

from tools.beneath import open_file, open_folder, read_open
from tools.errors import ToolError

LIMIT = 64 * 1024
MOST = 100
"""git itself gives up at a depth of five; more stores than this are a trap for whoever counts them."""
_ESCAPE = re.compile(r"\\([abfnrtv\"\\]|[0-7]{1,3})")
_MEANS = dict(zip('abfnrtv"\\', '\a\b\f\n\r\t\v"\\', strict=True))


def alternates(objects: Path) -> list[Path]:
    """Return every object store that `objects` borrows from, also by way of others; symlinks resolved.

    Raises:
        ToolError: They are too many, or the file that names them is not one.
    """
    found: dict[Path, None] = {}
    todo = [Path(os.path.realpath(objects))]
    while todo:
        folder = todo.pop()
        for line in _lines(folder):
            store = Path(os.path.realpath(os.path.normpath(folder / _unquoted(line))))
            if store not in found:
                found[store] = None
                todo.append(store)
        if len(found) > MOST:
            raise ToolError("refused", f"{str(objects)!r} borrows from too many others.", "Make a full clone.")
    return list(found)


def _lines(objects: Path) -> list[str]:
    name = "info/alternates"
    try:
        with open_folder(objects, ["info"]) as folder, open_file(folder, "alternates", name) as file:
            text = os.fsdecode(read_open(file, name, LIMIT))
    except ToolError as error:
        if error.problem.kind == "not_found":
            return []
        message = f"{str(objects / name)!r} is not a short file of its own."
        raise ToolError("refused", message, "Make a full clone.") from error
    return [line for line in text.split("\n") if line and not line.startswith("#")]


def _unquoted(line: str) -> str:
    """Return the path of a line; one in quotes is written as in C."""
    if not line.startswith('"'):
        return line
    return _ESCAPE.sub(lambda escape: _MEANS.get(escape[1]) or chr(int(escape[1], 8)), line[1:].rpartition('"')[0])
