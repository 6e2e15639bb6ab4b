"""unittest: run by our own recorder, since unittest has no report that a program can read."""

from dataclasses import replace

from tools.children import Child
from tools.runners.interpreter import elsewhere, python, python_recipe
from tools.runners.results import (
    Case,
    Missing,
    Recipe,
    Report,
    Target,
    gather,
    json_lines,
    last_line,
    last_lines,
)


async def recipe(target: Target) -> Recipe | Missing:
    interpreter = await python(target, "unittest")
    if isinstance(interpreter, Missing):
        return interpreter
    return python_recipe(
        target, interpreter, "-m", "factor12_unittest", str(target.report), target.select, *target.paths
    )


def report(target: Target, child: Child) -> Report:
    cases: list[Case] = []
    broken: list[str] = []
    complete = False
    for record in json_lines(target):
        match record:
            case {"collect": str(file), "message": str(message)}:
                broken.append(f"{file} cannot be imported: {last_line(message)}")
            case {"exit": int()}:
                complete = True
            case _:
                cases.append(Case.model_validate(record))
    found = gather(cases, elsewhere(target) or _problem(child, broken, complete))
    if child.returncode == 1 and not (found.problem or found.failures):  # it is our recorder's: a report that hides it
        return replace(found, problem="unittest ended with exit code 1 though no test is reported as red.")
    return found


def _problem(child: Child, broken: list[str], complete: bool) -> str:
    if broken:
        return "; ".join(broken[:5])
    if complete and child.returncode in {0, 1, 5}:
        return "unittest found no tests." if child.returncode == 5 else ""
    said = last_lines(child.stderr) or "it printed nothing."
    return f"unittest ended early with exit code {child.returncode}: {said}"
