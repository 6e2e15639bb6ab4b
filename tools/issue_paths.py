"""Which words of an issue are files of its repository, and which must not be taken for one."""

import re
import unicodedata
from pathlib import PurePosixPath

from tools.issue_form import Flaw
from tools.issue_lines import code_spans
from tools.issue_names import is_twin, named

_SHOWN = 80
_ABSENT = frozenset({"none", "n/a", "tbd", "unknown", "-"})
_WORD = re.compile(r"[\[*\"'<(]*([^\s\]*\"'<>,;()]+)")
_LINE = re.compile(r"(?<=[^:]):[0-9]+(?:[-:][0-9]+)?$")
_LETTERS = re.compile(r"[^\W\d_]+")
_NO_FILE = frozenset("*?<>|\"'(){}$=,; \t")
_SUFFIX = re.compile(r"\.[A-Za-z]\w{0,9}$")
_KNOWN_SUFFIX = re.compile(
    r"\.(?:py|pyi|ipynb|js|jsx|mjs|cjs|ts|tsx|vue|svelte|html?|css|scss|json|toml|ya?ml|xml|ini|cfg|conf|env|lock|md"
    r"|rst|txt|csv|rs|go|mod|c|h|cc|cpp|hpp|cs|java|kt|kts|scala|swift|rb|php|pl|lua|r|ex|exs|erl|hs|sql|sh|bash"
    r"|ps1|bat|tf|proto|gradle|j2)$",
    re.IGNORECASE,
)


def contained(path: str, line: int) -> str:
    """Return a file name without a leading `./` if it can only mean a file inside the repository.

    Raises:
        Flaw: It is absolute, climbs, enters `.git`, or holds a character that is invisible or a look-alike.
    """
    shown = path if len(path) <= _SHOWN else path[:_SHOWN] + "…"
    if (place := _odd(path)) is not None:
        hint = "Type the path as the repository has it."
        raise Flaw(line, f"the file name {shown!r} holds {named(path, place)}.", hint)
    parts = PurePosixPath(path).parts
    outside = not parts or path[0] in "/~" or path[1:2] == ":" or "\\" in path or ".." in parts
    if outside or any(part.lower() == ".git" for part in parts):
        hint = "Name a file relative to the root of the repository."
        raise Flaw(line, f"{shown!r} is not a file inside the repository.", hint, "refused")
    return str(PurePosixPath(path))


def _odd(path: str) -> int | None:
    """Return where a character is that a reader cannot see or would take for another."""
    if path.isascii() and path.isprintable():
        return None
    for place, char in enumerate(path):
        if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") or (char != " " and char.isspace()):
            return place
        if not char.isalpha() and is_twin(char):
            return place
    for word in _LETTERS.finditer(path):
        twins = [word.start() + i for i, char in enumerate(word[0]) if is_twin(char)]
        variants = (at for at in twins if unicodedata.normalize("NFKC", path[at]) != path[at])
        # A word that holds a letter without a Latin twin is a word of that other script, and reads as one.
        if twins and all(char.isascii() or is_twin(char) for char in word[0]):
            return twins[0]
        if (variant := next(variants, None)) is not None:
            return variant
    return None


def stated_file(text: str, line: int) -> str | None:
    """Return the file that the value of a `File:` field states; `None` if the value is a sentence.

    Raises:
        Flaw: It is no file of the repository.
    """
    if spans := code_spans(text):
        return contained(_without_line(spans[0]), line)
    if text.strip().lower() in _ABSENT or not (word := _WORD.match(text)):
        return None
    path = _without_line(word[1].rstrip(":"))
    alone = not text[word.end() :].strip(" \t*\"'>)].,")
    return contained(path, line) if path and (alone or "/" in path or _SUFFIX.search(path)) else None


def listed_file(text: str, line: int) -> str | None:
    """Return the file that an item of a list of files starts with or names in backticks; `None` if it names none.

    Raises:
        Flaw: It is no file of the repository.
    """
    words = [path for span in code_spans(text) if _is_file(path := _without_line(span))]
    if not words and (word := _WORD.match(text)):
        words = [path for path in (_without_line(word[1].rstrip(":")),) if _is_file(path)]
    return contained(words[0], line) if words else None


def mentioned_files(text: str) -> list[str]:
    """Return what a text names in backticks that is a file by its looks and lies inside the repository."""
    return [path for span in code_spans(text) if is_plain_file(path := _without_line(span))]


def is_plain_file(text: str) -> bool:
    """Tell whether a word in running text is a file: `src/auth.py` and `auth.py` are, `user.name` is not."""
    inside = text[:1] not in ("/", "~") and ".." not in text.split("/") and "://" not in text
    return inside and _is_file(text) and ("/" in text or _KNOWN_SUFFIX.search(text) is not None)


def _is_file(text: str) -> bool:
    return _NO_FILE.isdisjoint(text) and _SUFFIX.search(text) is not None


def _without_line(path: str) -> str:
    return _LINE.sub("", path)
