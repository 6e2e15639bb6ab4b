"""make: the exit code of the target `test` or `check`, and whatever summary its tools print."""

from tools.children import Child
from tools.errors import ToolError
from tools.runners.detection import make_target
from tools.runners.interpreter import on_path
from tools.runners.results import Missing, Recipe, Report, Target
from tools.runners.summaries import by_exit_code


async def recipe(target: Target) -> Recipe | Missing:
    if target.paths or target.select:
        raise ToolError("bad_input", "make takes neither paths nor a name filter.", "Run the whole target.")
    if not (goal := make_target(target.root)):
        return Missing("The Makefile has neither a target `test` nor `check`.")
    if (program := on_path(target, "make")) is None:
        return Missing("There is no make on the PATH. Install it.")
    return Recipe((program, "--no-print-directory", goal))


def report(target: Target, child: Child) -> Report:
    return by_exit_code(child)
