"""Draft the issue that says what was missing, in the form that issues are read in."""

import re
from collections.abc import Sequence
from typing import Literal, TypeAlias

from tools.issue import Issue

Reason: TypeAlias = Literal[
    "MISSING_TARGET_FILE",
    "VAGUE_REQUIREMENTS",
    "MISSING_CURRENT_STATE",
    "INVALID_FILE_PATH",
    "NO_FAILING_TEST",
    "NO_WORKING_PATCH",
]
NEEDED: dict[Reason, str] = {
    "MISSING_TARGET_FILE": "Name the file, or the function, that shall change.",
    "VAGUE_REQUIREMENTS": "Say what shall happen, for which input, and how one can see it.",
    "MISSING_CURRENT_STATE": "Show what happens now: the code, the command, the error.",
    "INVALID_FILE_PATH": "Give every file as the repository has it, relative to its top.",
    "NO_FAILING_TEST": "Give an example that fails now: a call, what it returns, and what it should return.",
    "NO_WORKING_PATCH": "Narrow it to one change, or show the code that should stand there.",
}
_MOST = 600
_MARKS = re.compile(r"^[\s#>*+=~`|-]+|[`|]")


def follow_up(issue: Issue, reason: Reason, missing: str, tried: Sequence[str] = (), files: Sequence[str] = ()) -> str:
    """Return the draft; what a model or a test said in it stands on lines of its own that open no section."""
    title = _line(issue.title or "an issue", 120)
    parts = [f"# Issue: Make {title!r} workable", "## Description", f"The issue {title!r} could not be worked on."]
    parts += ["## Problem", f"{reason}: {_line(missing)}", *(f"- Tried: {_line(one)}" for one in tried[:5])]
    parts += ["## Requirements", f"- {NEEDED[reason]}"]
    if files:
        parts += ["## Files to Update", *(f"- `{path}`" for path in files[:20])]
    parts += ["## Agent Assignment", "intelligent_issue", "## Type", "clarification"]
    parts += [f"## Parent Issue\n#{issue.number}"] if issue.number else []
    return "\n\n".join(parts) + "\n"


def _line(text: str, most: int = _MOST) -> str:
    line = _MARKS.sub("", " ".join("".join(char if char.isprintable() else " " for char in text).split()))
    return line if len(line) <= most else f"{line[:most]}…"
