"""Turn the words of a section or a field into its values: files, labels, numbers, one of our agents, what to run."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tools.issue_form import Flaw
from tools.issue_lines import code_spans
from tools.issue_names import Section
from tools.issue_paths import contained, is_plain_file, listed_file, stated_file
from tools.runners.results import RUNNERS


@dataclass(frozen=True, slots=True)
class Entry:
    """One item of a list, or one line."""

    line: int
    text: str
    code: bool


_AGENTS = frozenset(
    (
        "issue_fixer",
        "intelligent_issue",
        "smart_issue",
        "pr_review",
        "testing",
        "research",
        "deployment",
        "support",
        "assistant",
        "orchestrate",
    )
)
_CLASSES = {
    "HierarchicalOrchestrator": "orchestrate",
    "ProgressAwareOrchestrator": "orchestrate",
    "IssueOrchestrator": "orchestrate",
    "IssueOrchestratorAgent": "orchestrate",
}
_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_SNAKE = re.compile(r"[a-z][a-z0-9_]*")
_BOX = re.compile(r"\[[ xX]\]\s+")
_REFERENCE = re.compile(r"#[0-9]{1,9}(?:-[0-9]{1,4})?(?![\w-])")
_NUMBER = re.compile(r"(?:issue\s*)?#?0*([0-9]{1,9})(?![\w-])", re.IGNORECASE)
_DECORATION = " \t`*_\"'[]"


def values_of(section: Section, entries: Sequence[Entry]) -> tuple[str, ...]:
    """Return the values that the entries hold, without duplicates and in order; none if they are words only.

    Raises:
        Flaw: A file among them is no file of the repository, or one was asked for and several are named.
    """
    match section:
        case "labels":
            labels = (label for entry in entries for label in entry.text.split(","))
            return _distinct(label.strip(_DECORATION) for label in labels)
        case "requirements" | "success_criteria":
            return _distinct(_BOX.sub("", entry.text, count=1) for entry in entries if not entry.code)
        case "files_update" | "files_create":
            return _distinct(listed_file(entry.text, entry.line) for entry in entries)
        case "target_file":
            return _one_file(entries)
        case "agent":
            return _distinct(_agent(entry.text) for entry in entries)[:1]
        case "assignee":
            return _distinct(_agent(entry.text) for entry in entries if _names_agent(entry.text))[:1]
        case "parent":
            numbers = (_NUMBER.match(entry.text.strip(_DECORATION)) for entry in entries)
            return _distinct(number[1] for number in numbers if number)[:1]
        case "dependencies":
            return _distinct(reference for entry in entries for reference in _REFERENCE.findall(entry.text))
        case "checks":
            return _distinct(word for entry in entries for word in _checks(entry))
        case _:
            return _distinct(entry.text.strip(_DECORATION) for entry in entries)[:1]


def _distinct(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))


def _one_file(entries: Sequence[Entry]) -> tuple[str, ...]:
    files = [(entry.line, file) for entry in entries if (file := stated_file(entry.text, entry.line))]
    for line, file in files:
        if file != files[0][1]:
            what = f"a second target file, {file!r}, beside {files[0][1]!r}."
            raise Flaw(line, what, "Name one; list several under 'Files to Update'.")
    return _distinct(file for _, file in files)


def _names_agent(text: str) -> bool:
    """Tell an agent from a person or a team, whom an issue can be assigned to as well."""
    return _agent(text) in _AGENTS or text.strip(_DECORATION).endswith(("Agent", "_agent"))


def _agent(text: str) -> str:
    """Return our name of the agent that `text` is or holds: the class of a seed, or a name as we write it."""
    whole = text.strip(_DECORATION)
    if _SNAKE.fullmatch(whole):
        return whole.removesuffix("_agent")
    for word in _WORD.findall(whole):
        if name := _CLASSES.get(word):
            return name
        if word.endswith("Agent") and word != "Agent":
            return _HUMPS.sub("_", word.removesuffix("Agent")).lower()
    return ""


def _checks(entry: Entry) -> list[str]:
    """Return the test files and ids that an entry names, or else the runner it starts."""
    texts = [entry.text] if entry.code else code_spans(entry.text) or [entry.text]
    words = [word.strip("'\",;()") for text in texts for word in text.split()]
    tests = [word for word in words if is_plain_file(word.partition("::")[0])]
    if tests:
        return [
            contained(file, entry.line) + colons + test for file, colons, test in (w.partition("::") for w in tests)
        ]
    commanded = entry.code or texts != [entry.text] or len(words) == 1
    return [word for word in words if word in RUNNERS][:1] if commanded else []
