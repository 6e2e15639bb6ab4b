"""What a model is told about an issue before it decides: facts from the log, bounded, in JSON-ready form (F3, F13)."""

from collections.abc import Sequence
from typing import Any

from state.thread import Thread
from tools.evidence import Check, file_of
from tools.facts import Excerpt, Facts, Sight
from tools.issue import Issue

MOST_TEXT = 12_000
MOST_FAILURES = 8


def text_of(issue: Issue) -> str:
    """Return what the issue says, under its headings."""
    parts = [("", issue.title), ("", issue.description), ("Problem", issue.problem), ("Solution", issue.solution)]
    parts += [("Requirements", _listed(issue.requirements)), ("Success criteria", _listed(issue.success_criteria))]
    parts += [("Files to update", _listed(issue.files_update)), ("Files to create", _listed(issue.files_create))]
    for pair in issue.pairs:
        parts += [(f"Current code of {pair.file or 'some file'}", pair.old), ("Should be", pair.new)]
    text = "\n\n".join(f"{name}:\n{said}" if name else said for name, said in parts if said.strip())
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}\n… ({len(text) - MOST_TEXT} more characters)"


def named_files(issue: Issue, before: Check) -> list[str]:
    """Return the files that the issue states, and those of the tests that fail."""
    stated = [*issue.files_update, *(pair.file for pair in issue.pairs if pair.file)]
    failing = [path for case in before.failures[:3] for path in (file_of(case.id), case.file) if "." in path]
    return list(dict.fromkeys([*stated, *failing]))[:50]


def sought(issue: Issue, before: Check) -> str:
    """Return the text whose words and symbols the facts are about."""
    said = [f"{case.id} {case.message}" for case in before.failures[:3]]
    return "\n".join([text_of(issue), *said])


def about(thread: Thread, issue: Issue, facts: Facts, before: Check) -> dict[str, Any]:
    """Return what every prompt about the issue begins with."""
    where = thread.workspace[0].name if thread.workspace else "the repository"
    number = f"issue {issue.number}" if issue.number else "the issue"
    places = [f"{one.path}:{one.line}{' (defines it)' if one.defines else ''}: {one.text}" for one in facts.places]
    return {
        "repo": where,
        "origin": f"{number} of {issue.repository or where}",
        "issue": text_of(issue),
        "files": [one.model_dump(mode="json") for one in facts.files],
        "places": "\n".join(places),
        "commits": "\n".join(facts.commits),
        "outline": "\n".join(facts.outline),
        "absent": ", ".join(facts.absent),
        "check": said(before),
    }


def said(check: Check) -> str:
    """Return what a check said, compactly."""
    failures = [f"{case.id}\n{case.message}" for case in check.failures[:MOST_FAILURES]]
    return "\n".join([f"{check.runner or 'No runner'}: {check.verdict}. {check.why}", *failures])


def shown(sights: Sequence[Sight]) -> dict[str, Any]:
    """Return the files that were asked for, the latest view of each, and what could not be shown."""
    files: dict[str, Excerpt] = {one.path: one for sight in sights for one in sight.files}
    absent = dict.fromkeys(why for sight in sights for why in sight.absent)
    return {"shown": [one.model_dump(mode="json") for one in files.values()], "not_shown": "\n".join(absent)}


def _listed(items: Sequence[str]) -> str:
    return "\n".join(f"- {item}" for item in items)
