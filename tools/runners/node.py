"""npm and pnpm: the package's own test script, told to report where its tool can."""

import re
from collections.abc import Callable

from tools.children import Child
from tools.errors import ToolError
from tools.runners import node_reports
from tools.runners.detection import has_workspaces, npm_script
from tools.runners.interpreter import RECORDERS, on_path
from tools.runners.results import Missing, Recipe, Report, Target, last_lines
from tools.runners.summaries import by_exit_code

_TOOL = re.compile(r"(?:^|[\s/])(jest|vitest|mocha)(?:\.m?js)?(?=\s|$)")
_NODE = re.compile(r"\bnode\b")
_TEST = re.compile(r"\s--test\b")
_COMPOUND = re.compile(r"[;&|`\n]|\$\(")
_READERS: dict[str, Callable[[Target], Report]] = {
    "jest": node_reports.jest,
    "vitest": node_reports.jest,
    "mocha": node_reports.mocha,
    "node": node_reports.node,
}
_ENVIRONMENT = {"CI": "true", "npm_config_update_notifier": "false", "npm_config_fund": "false"}


async def npm(target: Target) -> Recipe | Missing:
    return _recipe(target, "npm")


async def pnpm(target: Target) -> Recipe | Missing:
    return _recipe(target, "pnpm")


def report(target: Target, child: Child) -> Report:
    if child.returncode == 127:
        return Report(problem=f"{last_lines(child.stderr)}. Install the package's dependencies.")
    tool = reporter(npm_script(target.root))
    if not tool:
        return by_exit_code(child)
    if not target.report.exists():
        said = last_lines(child.stderr) or last_lines(child.stdout)
        return Report(problem=f"{tool} ended with exit code {child.returncode} and no report: {said}")
    return _READERS[tool](target)


def reporter(script: str) -> str:
    """Name the tool that a test script runs, if it can be told to write a report."""
    if (node := _NODE.search(script)) and _TEST.search(script, node.end()):
        return "node"
    found = _TOOL.search(script)
    return found.group(1) if found and not _COMPOUND.search(script) else ""


def _recipe(target: Target, manager: str) -> Recipe | Missing:
    script = npm_script(target.root)
    if not script:
        return Missing("package.json has no test script.")
    if target.checkout and has_workspaces(target.root):
        return Missing("Its packages are linked to the checkout, so tests in a work tree would run the code there.")
    if (program := on_path(target, manager)) is None:
        return Missing(f"There is no {manager} on the PATH. Install it, and the package's dependencies.")
    tool = reporter(script)
    options = _options(target, tool)
    environment = dict(_ENVIRONMENT)
    if tool == "node":
        environment["NODE_OPTIONS"] = f"--test-reporter={RECORDERS / 'factor12_node.mjs'}"
    if manager == "pnpm":  # which hands a `--` on to the script
        return Recipe((program, "--silent", "test", *options), environment)
    return Recipe((program, "test", "--silent", *(("--",) if options else ()), *options), environment)


def _options(target: Target, tool: str) -> tuple[str, ...]:
    paths, select, out = target.paths, target.select, str(target.report)
    match tool:
        case "jest":
            exact = ("--runTestsByPath",) if paths and all((target.root / path).is_file() for path in paths) else ()
            options = ("--ci", "--json", f"--outputFile={out}", "--testLocationInResults", *exact)
            return (*options, *(("-t", select) if select else ()), *paths)
        case "vitest":
            options = ("--run", "--reporter=json", f"--outputFile={out}")
            return (*options, *(("-t", select) if select else ()), *paths)
        case "mocha":
            options = ("--reporter", "json", "--reporter-option", f"output={out}")
            return (*options, *(("-g", select) if select else ()), *paths)
        case _ if paths or select:
            raise ToolError(
                "bad_input", "The package's test script takes neither paths nor a name filter.", "Run all of it."
            )
        case _:
            return ()
