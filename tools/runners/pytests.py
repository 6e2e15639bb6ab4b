"""pytest: run with our own recorder plugin, which tells setup errors, xfail, reruns and subtests apart."""

import re

from pydantic import BaseModel

from tools.children import Child
from tools.runners.interpreter import elsewhere, python, python_recipe
from tools.runners.results import (
    Case,
    Missing,
    Recipe,
    Report,
    State,
    Target,
    gather,
    json_lines,
    last_line,
    last_lines,
)

_USAGE = re.compile(r"error: (?!usage:)(.+)", re.IGNORECASE)


class _Phase(BaseModel):
    """What our plugin writes of the set-up, the call or the tear-down of one test."""

    id: str
    when: str
    outcome: str
    subtest: bool
    message: str
    file: str
    line: int


async def recipe(target: Target) -> Recipe | Missing:
    interpreter = await python(target, "pytest")
    if isinstance(interpreter, Missing):
        return interpreter
    return python_recipe(
        target,
        interpreter,
        *("-m", "pytest", "-p", "factor12_pytest", f"--factor12-report={target.report}"),
        "--rootdir=.",  # test ids are relative to the repository, whatever is configured
        *("-o", f"cache_dir={target.folder}/cache"),
        *("--maxfail=0", "--tb=short", "--color=no"),
        *(("-k", target.select) if target.select else ()),
        *(("--", *target.paths) if target.paths else ()),
    )


def report(target: Target, child: Child) -> Report:
    said: dict[str, list[Case]] = {}
    broken: list[str] = []
    complete = False
    for record in json_lines(target):
        match record:
            case {"collect": str(file), "message": str(message)}:
                broken.append(f"{file} cannot be collected: {last_line(message)}")
            case {"exit": int()}:
                complete = True
            case {"id": str(name), "outcome": "rerun"}:
                said[name] = []  # what follows counts instead
            case {"id": str(name)}:
                said.setdefault(name, []).extend(_cases(_Phase.model_validate(record)))
            case _:
                continue
    return gather(
        (case for cases in said.values() for case in cases), elsewhere(target) or _problem(child, broken, complete)
    )


def _cases(phase: _Phase) -> list[Case]:
    """Return what one phase says about its test, if anything."""
    if (state := _state(phase)) is None:
        return []
    return [Case(id=phase.id, state=state, message=phase.message, file=phase.file, line=phase.line)]


def _state(phase: _Phase) -> State | None:
    """Return what one phase says about its test: an expected failure proves nothing, so it counts as skipped."""
    match phase.when, phase.outcome:
        case "call", "failed":
            return "fail"
        case _, "failed":
            return "error"
        case _, "skipped":
            return None if phase.subtest else "skip"
        case "call", "passed":
            return None if phase.subtest else "pass"
        case _:
            return None


def _problem(child: Child, broken: list[str], complete: bool) -> str:
    if broken:
        return "; ".join(broken[:5])
    match child.returncode:
        case 0 | 1 if complete:
            return ""
        case 4:
            why = _USAGE.search(child.stderr.decode(errors="replace"))
            return f"pytest refused its arguments: {why.group(1) if why else last_lines(child.stderr)}"
        case 5:
            return "pytest found no tests."
        case code:
            said = last_lines(child.stderr) or last_lines(child.stdout) or "it printed nothing."
            return f"pytest ended early with exit code {code}: {said}"
