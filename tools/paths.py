"""Decide from its spelling alone whether a path can only mean one place inside a repository (SECURITY rows 1, 5-7)."""

import re
import unicodedata

from tools.errors import ToolError

LONGEST = 4096
"""Characters of a path."""
LONGEST_NAME = 255
"""Bytes of one component, as Linux and macOS have it."""
DEEPEST = 100
"""Components of a path."""
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$|clock\$) *(?:\..*)?", re.IGNORECASE)
_GIT = re.compile(r"(?:\.git|git~[0-9]+)[. ]*")
_ENCODED = re.compile(r"%(?:2e|2f|5c|00)", re.IGNORECASE)
_SLASHES = "\u2044\u2215\u2216\u29f5\u29f8\u29f9"
"""Look like a separator and are left alone by NFKC."""
_HINT = "Give a path relative to the repository's top, such as 'src/app.py'."
_SHOWN = 80


def components(relative: str) -> tuple[str, ...]:
    """Return the names a path consists of; nothing in them is decoded, normalised or expanded, `~` and `$X` included.

    Raises:
        ToolError: The path is absolute, climbs, enters a `.git`, is not plain text, or means something else on another
            system than on this one.
    """
    parts = tuple(relative.split("/"))
    wrong = _whole(relative, parts) or next((why for part in parts if (why := _flaw(part))), "")
    if wrong:
        raise ToolError("bad_input", f"Path {relative[:_SHOWN]!r} {wrong}.", _HINT)
    if any(is_git_name(part) for part in parts):
        raise ToolError("refused", f"Path {relative[:_SHOWN]!r} leads into git's own folder.", "Use the git tools.")
    return parts


def is_git_name(name: str) -> bool:
    """Tell whether some file system takes this name for `.git`: by case, code points it ignores, or a short name."""
    visible = "".join(char for char in name if unicodedata.category(char) != "Cf")
    return _GIT.fullmatch(unicodedata.normalize("NFKC", visible).casefold()) is not None


def _whole(relative: str, parts: tuple[str, ...]) -> str:
    if not relative:
        return "is empty"
    if len(relative) > LONGEST or len(parts) > DEEPEST:
        return "is too long"
    if relative.startswith("/"):
        return "is absolute"
    return ""


def _flaw(part: str) -> str:
    """Say what is wrong with one component, or nothing."""
    if part in ("", ".", ".."):
        return "climbs out of its folder" if part == ".." else "has an empty component"
    if any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in part):
        return "has a control or invisible character"
    if len(part.encode()) > LONGEST_NAME:
        return "has a name that is too long"
    if "\\" in part or ":" in part or _ENCODED.search(part):
        return "has a backslash, a colon or an encoded separator"
    if part.endswith((".", " ")) or _DEVICE.fullmatch(part):
        return "has a name that Windows reads as another one"
    return "has a character that looks like a dot or a separator" if _imitates(part) else ""


def _imitates(part: str) -> bool:
    seen = unicodedata.normalize("NFKC", part)
    return any(seen.count(char) != part.count(char) for char in "./\\:") or any(char in part for char in _SLASHES)
