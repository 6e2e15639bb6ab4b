"""The table of runners: how each is started and how its report is read."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from tools.children import Child
from tools.runners import cargo, golang, makefile, node, pytests, unittests
from tools.runners.results import Missing, Recipe, Report, Runner, Target


@dataclass(frozen=True, slots=True)
class Family:
    recipe: Callable[[Target], Awaitable[Recipe | Missing]]
    report: Callable[[Target, Child], Report]


FAMILIES: Mapping[Runner, Family] = {
    "pytest": Family(pytests.recipe, pytests.report),
    "unittest": Family(unittests.recipe, unittests.report),
    "npm": Family(node.npm, node.report),
    "pnpm": Family(node.pnpm, node.report),
    "cargo": Family(cargo.recipe, cargo.report),
    "go": Family(golang.recipe, golang.report),
    "make": Family(makefile.recipe, makefile.report),
}
