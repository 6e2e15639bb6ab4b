"""Find in what a change adds the few things that need no judgement: conflict markers, hidden characters, keys."""

import re
from collections.abc import Iterable, Iterator

from tools.reviewing.findings import Finding, Place, found_at
from tools.reviewing.parts import Line, Part

_CONFLICT = re.compile(r"(?:<{7}|>{7}|\|{7})(?: .*)?")
_HIDDEN = re.compile("[\u202a-\u202e\u2066-\u2069\u200b\U000e0000-\U000e007f]")
"""What changes the order of text, or cannot be seen: source then reads otherwise than it works (CVE-2021-42574)."""
_KEYS = (
    ("private key", re.compile(r"-----BEGIN (?:[A-Z]+ ){0,3}PRIVATE KEY-----")),
    ("access key of AWS", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("token of GitHub", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{60,90})\b")),
    ("token of Slack", re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{20,200}")),
    ("key of a model's provider", re.compile(r"\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{32,200}")),
)


def signs(parts: Iterable[Part]) -> Iterator[Finding]:
    """Yield what is certainly wrong with added lines."""
    for part in parts:
        for line in part.numbered():
            if line.mark == "+" and (found := _sign(part, line)) is not None:
                yield found


def _sign(part: Part, line: Line) -> Finding | None:
    place, text = Place(part, line), line.text
    if _CONFLICT.fullmatch(text):
        return found_at(place, "critical", "bug", "A conflict of a merge is not resolved.", rule="conflict-marker")
    if hidden := _HIDDEN.search(text):
        told = f"U+{ord(hidden[0]):04X} cannot be seen: the line is not what it looks like."
        return found_at(place, "major", "security", told, rule="hidden-character", quote=ascii(text)[1:-1])
    for what, pattern in _KEYS:
        if match := pattern.search(text):
            told = f"This looks like a {what}. Once pushed it counts as known: take it out, and replace it."
            masked = f"{text[: match.start()]}{match[0][:4]}…"
            return found_at(place, "critical", "security", told, rule="secret", quote=masked.strip())
    return None
