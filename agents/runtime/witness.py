"""Have a failing test written where none fails, and see it fail for the right reason, before anything else changes.

A test that the same model wrote is weaker evidence than one that stood there, and whoever reads the result is told.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from agents.runtime.changeset import undo_all
from agents.runtime.proof import Scope, checked_again, reviewed
from agents.runtime.script import attempt, thought
from state.problem import Problem
from state.thread import Thread
from tools.changes import Changed
from tools.edits import Edit
from tools.errors import ToolError
from tools.evidence import Check, file_of, harm
from tools.files import edit_file, write_file
from tools.paths import components
from tools.replaced import CommitFile, Replacement
from tools.runners.results import RED, Case
from tools.tampering import is_test_module

TRIES = 3
LONGEST = 20_000


class NewTest(BaseModel):
    """A test that fails now because of the issue, and passes once it is resolved."""

    model_config = ConfigDict(extra="forbid")

    path: Annotated[str, Field(max_length=1000)] = Field(description="Test file, new or existing")
    old: Annotated[str, Field(max_length=LONGEST)] = Field(
        default="", description="In an existing file: text that stands in it once and stays; '' = new file"
    )
    new: Annotated[str, Field(max_length=LONGEST)] = Field(
        description="The new file, or `old` with the test added before or after it"
    )


class Witness(NamedTuple):
    """What came of it: the test and the check with it; or why there is none."""

    test: NewTest | None = None
    changed: Changed | None = None
    scope: Scope = Scope()
    check: Check | None = None
    red: tuple[Case, ...] = ()
    complaints: tuple[str, ...] = ()


def written(thread: Thread, prompt: str, scope: Scope, before: Check, context: dict[str, Any]) -> Witness:
    """Ask for a test until one fails as it should; one that does not is taken away again."""
    complaints: list[str] = []
    for number in range(1, TRIES + 1):
        said = {**context, "complaints": list(complaints), "runner": before.runner or ""}
        test = thought(thread, prompt, NewTest, f"write_test:{number}", **said)
        found = _tried(thread, test, scope, before, f":test{number}")
        if found.test is not None:
            return found._replace(complaints=tuple(complaints))
        complaints += found.complaints
        if thread.denials:
            break
    return Witness(complaints=tuple(complaints))


def _tried(thread: Thread, test: NewTest, scope: Scope, before: Check, suffix: str) -> Witness:
    if flaw := _flaw(test):
        return Witness(complaints=(flaw,))
    if test.old.strip():
        edit = Edit(old=test.old, new=test.new)
        changed = attempt(thread, edit_file, f"edit:{test.path}{suffix}")(test.path, [edit])
    else:
        changed = attempt(thread, write_file, f"edit:{test.path}{suffix}")(test.path, test.new)
    if isinstance(changed, Problem):
        return Witness(complaints=(str(changed),))
    wider = _scope(scope, before, test.path)
    check = checked_again(thread, wider, _baseline(before), f"check{suffix}")
    wrong = str(check) if isinstance(check, Problem) else _wrong(check, before, test.path)
    wrong = wrong or next((one.doubt for one in reviewed(thread, [changed], f"review{suffix}") if one.doubt), "")
    if wrong or isinstance(check, Problem):
        undo_all(thread, [changed], suffix)
        return Witness(complaints=(wrong,))
    return Witness(test, changed, wider, check, tuple(_red(check, before, test.path)))


def _flaw(test: NewTest) -> str:
    """Say what is wrong with a test before the repository is looked at."""
    try:
        components(test.path)
    except ToolError as error:
        return str(error.problem)
    if not is_test_module(test.path):
        return f"{test.path!r} is no file that a runner takes for tests, such as tests/test_shop.py."
    if test.old and (test.old not in test.new or test.old == test.new):
        return f"The edit of {test.path!r} must keep `old` as it is and add the test before or after it."
    return "" if test.new.strip() else f"There is no test for {test.path!r}."


def _scope(scope: Scope, before: Check, path: str) -> Scope:
    """Return what to run: what ran before and the test; if that cannot run, the test alone."""
    runner = scope.runner or before.runner
    if before.verdict == "no_evidence":
        return Scope((path,), runner)
    return Scope((*scope.paths, path) if scope.paths and path not in scope.paths else scope.paths, runner)


def _baseline(before: Check) -> Check:
    """Nothing can be compared with a check that said nothing."""
    return before if before.verdict != "no_evidence" else before.model_copy(update={"report": ""})


def _wrong(check: Check, before: Check, path: str) -> str:
    """Say why the check does not show the issue by the new test."""
    if check.verdict == "no_evidence":
        return f"With it the tests cannot run, so it shows nothing: {check.why}"
    if broke := harm(before, check):
        return f"It breaks other tests. {broke}"
    if _red(check, before, path) or (not check.ids and (before.verdict, check.verdict) == ("passed", "failed")):
        return ""
    failing = [case for case in check.failures if file_of(case.id) == path]
    if failing:
        return f"It does not fail by an assertion of its own: {failing[0].id}: {failing[0].message}"
    return "It passes on the code as it is, or was not run, so it does not show the issue."


def _red(check: Check, before: Check, path: str) -> list[Case]:
    """Return the tests that fail for the right reason: in the test itself, always, and not already before.

    pytest calls it `fail` only if the test's own body raised; what is missing before that is an `error`.
    """
    known = {name for name, state in before.states.items() if state in RED} | {case.id for case in before.failures}
    right = {"fail"} if check.runner == "pytest" else RED
    return [
        case
        for case in check.failures
        if case.state in right and case.id not in known and case.id not in check.flaky and _is_of(case, path)
    ]


def _is_of(case: Case, path: str) -> bool:
    file = file_of(case.id)
    return file == path or "." not in file.rpartition("/")[2]


def as_commit(test: NewTest) -> CommitFile:
    return CommitFile(path=test.path, edits=[Replacement(old=test.old if test.old.strip() else "", new=test.new)])


def names_what_was_edited(test: str, text: str, edited: Sequence[str]) -> bool:
    """Tell whether a test, by its text, is about one of the edited files at all: a module or a folder it names."""
    words = set(re.findall(r"\w+", text))
    folder = test.rpartition("/")[0]
    for path in edited:
        *folders, name = path.split("/")
        stems = {name.partition(".")[0], *folders} - {"src", "lib", "tests", "test", "__init__"}
        if stems & words or (folders and "/".join(folders) == folder):
            return True
    return False
