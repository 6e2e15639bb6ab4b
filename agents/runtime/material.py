"""What was found in repositories, as templates show it: each excerpt under the place that a citation of it names."""

from collections.abc import Iterable
from typing import Any

from tools.history import Mention
from tools.lookups import Finding
from tools.passages import SHORT, Passage
from tools.surveying import Survey


def material(found: Survey | Finding) -> dict[str, Any]:
    """Return what a template shows of a repository, or of a search."""
    from_history = (inner for commit in found.commits for inner in commit.passages)
    return {
        "title": found.search if isinstance(found, Finding) else f"{found.repo} at {found.commit[:SHORT]}",
        "repo": found.repo,
        "note": found.note if isinstance(found, Finding) else "",
        "passages": [
            {"at": f"{found.repo}/{one.path}:{one.start}@{one.commit}", "text": one.numbered}
            for one in _apart([*found.passages, *from_history])
        ],
        "commits": "\n".join(map(_commit, found.commits)),
    }


def files_of(found: Iterable[Survey | Finding]) -> set[str]:
    """Return every file of which something was read, as repo/path."""
    return {
        f"{one.repo}/{passage.path}"
        for one in found
        for passage in [*one.passages, *(inner for commit in one.commits for inner in commit.passages)]
    }


def _apart(passages: Iterable[Passage]) -> list[Passage]:
    """Leave out what is shown already."""
    kept: list[Passage] = []
    for one in passages:
        end = one.start + len(one.lines)
        same = (other for other in kept if (other.path, other.commit) == (one.path, one.commit))
        if not any(other.start <= one.start and end <= other.start + len(other.lines) for other in same):
            kept.append(one)
    return kept


def _commit(mention: Mention) -> str:
    return f"{mention.commit} {mention.date} {mention.subject} ({mention.why})"
