"""Read the reports of jest, vitest, mocha and Node's own test runner."""

import re
from collections.abc import Mapping

from pydantic import BaseModel, ValidationError

from tools.runners.results import Case, Report, State, Target, compact, gather, inside, json_lines, report_bytes

_MOCHA_HOOK = re.compile(r'"[^"]+" hook for "(.*)"$')  # the test it kept from running
_HOOK = {"hookFailed", "cancelledByParent"}
_JEST: dict[str, State] = {"passed": "pass", "failed": "fail"}


class _Assertion(BaseModel):
    title: str
    status: str
    ancestorTitles: list[str] = []
    failureMessages: list[str] = []
    location: dict[str, int] | None = None


class _JestFile(BaseModel):
    name: str
    status: str
    message: str = ""
    assertionResults: list[_Assertion]


class _Jest(BaseModel):
    """What `jest --json` writes; vitest writes the same."""

    testResults: list[_JestFile]


class _Error(BaseModel):
    message: str = ""


class _MochaTest(BaseModel):
    fullTitle: str
    file: str = ""
    err: _Error = _Error()


class _Mocha(BaseModel):
    """What mocha's json reporter writes; a failed hook is among the failures and not among the tests."""

    passes: list[_MochaTest]
    failures: list[_MochaTest]
    pending: list[_MochaTest]


class _Event(BaseModel):
    """What our reporter for Node's test runner writes."""

    type: str
    name: str = ""
    nesting: int = 0
    file: str = ""
    line: int | None = None
    message: str | None = None
    skipped: bool = False
    suite: bool = False
    failure: str | None = None
    error: str | None = None


def jest(target: Target) -> Report:
    try:
        written = _Jest.model_validate_json(report_bytes(target))
    except ValidationError:
        return Report(problem="The JSON report of the test runner cannot be read.")
    cases: list[Case] = []
    broken: list[str] = []
    for file in written.testResults:
        if file.status == "failed" and not file.assertionResults:
            broken.append(f"{inside(target, file.name)} cannot be run: {_error_line(file.message)}")
        cases += [_jest_case(inside(target, file.name), assertion) for assertion in file.assertionResults]
    return gather(cases, "; ".join(broken[:5]))


def mocha(target: Target) -> Report:
    try:
        written = _Mocha.model_validate_json(report_bytes(target))
    except ValidationError:
        return Report(problem="The JSON report of mocha cannot be read.")
    cases = [_mocha_case(target, test, "pass") for test in written.passes]
    cases += [_mocha_case(target, test, "skip") for test in written.pending]
    cases += [
        _mocha_case(target, test, "error" if _MOCHA_HOOK.search(test.fullTitle) else "fail")
        for test in written.failures
    ]
    return gather(cases)


def node(target: Target) -> Report:
    """Read the events of Node's runner, which come in order of declaration, a parent's start before its children."""
    printed: dict[str, str] = {}
    broken: list[str] = []
    cases: list[Case] = []
    hooks: dict[str, str] = {}
    above: list[str] = []
    for event in (_Event.model_validate(record) for record in json_lines(target)):
        file = inside(target, event.file)
        name = f"{file}::{' > '.join([*above[: event.nesting], event.name])}"
        match event.type:
            case "test:start":
                above[event.nesting :] = [event.name]
            case "test:stderr":
                printed[file] = printed.get(file, "") + (event.message or "")
            case _ if event.suite or event.failure == "subtestsFailed":  # its tests say it
                hooks[name] = event.error or ""
            case _ if inside(target, event.name) != file:
                cases.append(_node_case(event, name))
            case "test:fail" if "AssertionError" not in printed.get(file, ""):
                said = _error_line(printed.get(file, "")) or compact(
                    event.error or "it failed and does not say why.", 300
                )
                broken.append(f"{file} cannot be run: {said}")
            case _:
                cases.append(_node_case(event, file))
    return gather((_explained(case, hooks) for case in cases), "; ".join(broken[:5]))


def _jest_case(file: str, assertion: _Assertion) -> Case:
    return Case(
        id=f"{file}::{' > '.join([*assertion.ancestorTitles, assertion.title])}",
        state=_JEST.get(assertion.status, "skip"),
        message="\n".join(said.partition("\n    at ")[0] for said in assertion.failureMessages),
        file=file,
        line=(assertion.location or {}).get("line", 0),
    )


def _mocha_case(target: Target, test: _MochaTest, state: State) -> Case:
    file = inside(target, test.file)
    name = _MOCHA_HOOK.sub(r"\1", test.fullTitle)
    return Case(id=f"{file}::{name}", state=state, message=test.err.message, file=file)


def _node_case(event: _Event, name: str) -> Case:
    """A failed `todo` test is expected to fail; a failed hook is an error of each test that it kept from running."""
    state: State = "pass" if event.type == "test:pass" else "error" if event.failure in _HOOK else "fail"
    return Case(
        id=name,
        state="skip" if event.skipped else state,
        message=event.error or "",
        file=name.partition("::")[0],
        line=event.line or 0,
    )


def _explained(case: Case, suites: Mapping[str, str]) -> Case:
    """Give a test that was cancelled with its suite the suite's error, which is the one of its hook."""
    above = [said for suite, said in suites.items() if case.state == "error" and case.id.startswith(f"{suite} > ")]
    return case.model_copy(update={"message": compact(above[-1])}) if above else case


def _error_line(printed: str) -> str:
    """Find the line that names the error in what was printed when a file did not load."""
    lines = [line for line in printed.splitlines() if re.search(r"Error|Cannot", line)]
    return compact(lines[0] if lines else printed, 300)
