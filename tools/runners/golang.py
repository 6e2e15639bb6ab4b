"""go: read the event stream of `go test -json`."""

import hashlib
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel

from tools.beneath import LIMIT
from tools.children import Child
from tools.runners.detection import text_of
from tools.runners.interpreter import on_path
from tools.runners.results import Case, Missing, Recipe, Report, State, Target, compact, gather, last_lines

_STATES: dict[str, State] = {"pass": "pass", "fail": "fail", "skip": "skip"}
_PLACE = re.compile(r"^[ \t]+(\w+_test\.go):(\d+): ?", re.MULTILINE)
_COMPILER = re.compile(r"^(?:\./)?([\w./-]+\.go):(\d+):\d+: (.+)$", re.MULTILINE)


class _Event(BaseModel):
    Action: str
    Package: str = ""
    Test: str = ""
    Output: str = ""


async def recipe(target: Target) -> Recipe | Missing:
    if (program := on_path(target, "go")) is None:
        return Missing("There is no go on the PATH. Install it from https://go.dev/dl.")
    packages = [f"./{path.removesuffix('/')}" for path in target.paths] or ["./..."]
    only = ("-run", re.escape(target.select)) if target.select else ()
    argv = (program, "test", "-json", "-count=1", *only, *packages)
    return Recipe(argv, go_homes(target))


def report(target: Target, child: Child) -> Report:
    states: dict[tuple[str, str], State] = {}
    said: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    broken: list[str] = []
    for event in _events(child.stdout):
        test = (event.Package, event.Test)
        said[test].append(event.Output)
        if event.Action in _STATES and event.Test:
            states[test] = _STATES[event.Action]
        elif event.Action == "fail" and not any(package == event.Package for package, _ in states):
            broken.append(f"{event.Package} cannot be tested: {_compiler_error(child, ''.join(said[test]))}")
    module = _module(target.root)
    cases = [_case(target.root, module, test, state, "".join(said[test])) for test, state in states.items()]
    problem = "The report is too long." if child.stdout_dropped else "; ".join(broken[:5])
    if not (cases or problem) and child.returncode:
        problem = f"go ended with exit code {child.returncode}: {last_lines(child.stderr)}"
    return gather(cases, problem)


def go_homes(target: Target) -> dict[str, str]:
    """Keep the caches out of the private HOME, which is new for each check: modules the person's, builds ours.

    Builds are kept for each repository: what one of them writes there must not become part of another's programs.
    """
    root = hashlib.sha256(os.fsencode(target.root)).hexdigest()[:16]
    homes = {"GOCACHE": str(target.folder.parent / f"go-build-{root}")}
    with suppress(RuntimeError):  # an account without a home
        homes["GOPATH"] = str(Path.home() / "go")
    return {name: value for name, value in homes.items() if name not in target.environment}


def _events(output: bytes) -> Iterator[_Event]:
    for line in output.splitlines():
        try:
            yield _Event.model_validate(json.loads(line))
        except (ValueError, RecursionError):
            continue


def _case(root: Path, module: str, test: tuple[str, str], state: State, said: str) -> Case:
    package, name = test
    folder = package.removeprefix(module).strip("/")
    file = _file(root / folder, name.partition("/")[0])
    place = _PLACE.search(said)
    return Case(
        id=f"{Path(folder, file)}::{name}",
        state=state,
        message="\n".join(line for line in said.splitlines() if not line.startswith(("===", "---"))),
        file=str(Path(folder, place.group(1) if place else file)),
        line=int(place.group(2)) if place else 0,
    )


def _module(root: Path) -> str:
    found = re.search(r"^module\s+(\S+)", text_of(root / "go.mod"), re.MULTILINE)
    return found.group(1) if found else ""


def _file(folder: Path, function: str) -> str:
    """Find the file that declares a test function; go does not say it."""
    declared = re.compile(rf"^func {re.escape(function)}\(", re.MULTILINE)
    for path in sorted(folder.glob("*_test.go")):
        if declared.search(text_of(path, LIMIT)):
            return path.name
    return ""


def _compiler_error(child: Child, said: str) -> str:
    found = _COMPILER.search(said) or _COMPILER.search(child.stderr.decode(errors="replace"))
    return compact(found.group(0), 300) if found else last_lines(child.stderr) or last_lines(said)
