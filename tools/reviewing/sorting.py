"""Decide which files of a change are worth a look, and say of each other one why not."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from tools.reviewing.patch import FileDiff
from tools.tampering import is_test_file

_LOCKS = """
    package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml bun.lock bun.lockb deno.lock poetry.lock uv.lock
    pdm.lock Pipfile.lock Cargo.lock Gemfile.lock composer.lock go.sum mix.lock pubspec.lock Podfile.lock flake.lock
    gradle.lockfile packages.lock.json
"""
LOCKS = frozenset(_LOCKS.split())
HARMLESS = frozenset({"deleted", "renamed, not changed", "only its mode changed", "empty", "a lock file"})
"""What keeps nobody from approving."""
MARKED = 2000
"""Characters at the top of a file among which it may say that a program wrote it."""
MINIFIED = 5000
"""Characters of a line."""
LARGEST = 5000
"""Lines of one file's change."""
_NAMED = re.compile(
    r".*\.min\.(?:js|css)|.*\.(?:js|css)\.map|.*_pb2(?:_grpc)?\.pyi?|.*\.pb\.(?:go|cc|h)|.*\.g\.dart|.*\.designer\.cs"
)
_SAYS = re.compile(r"@generated\b|\bcode generated .{0,200}do not edit|\bauto-?generated\b.{0,200}do not edit", re.I)
_PROSE = (".md", ".rst", ".txt", ".adoc")


def why_not(file: FileDiff, text: str) -> str:
    """Say why a file is not reviewed, or nothing; `text` is the file after the change, as far as it is known."""
    reasons: Mapping[str, bool] = {
        file.flaw: bool(file.flaw),
        "a submodule": file.mode == "160000",
        "deleted": file.kind == "deleted",
        "binary": file.binary,
        "a lock file": PurePosixPath(file.path).name in LOCKS,
        "renamed, not changed": not file.hunks and file.kind == "renamed",
        "empty": not file.hunks and file.kind == "added",
        "only its mode changed": not file.hunks,
        "generated": _is_generated(file, text),
        "minified": any(len(line) > MINIFIED for hunk in file.hunks for line in hunk.lines),
        f"more than {LARGEST} lines": sum(len(hunk.lines) for hunk in file.hunks) > LARGEST,
    }
    return next((why for why, holds in reasons.items() if holds), "")


def importance(path: str) -> int:
    """Return the order in which files are looked at: source, then tests, then prose."""
    return 2 if path.lower().endswith(_PROSE) else int(is_test_file(path))


def _is_generated(file: FileDiff, text: str) -> bool:
    return bool(_NAMED.fullmatch(PurePosixPath(file.path).name) or _SAYS.search(text[:MARKED]))
