"""Run unittest and write the state of each test as a JSON line; unittest itself has no machine-readable report.

Run by the tested repository's own interpreter as `python -m factor12_unittest REPORT SELECT [PATH…]`; standard
library only, Python 3.9 or later. Ids are `file::Class::method`.
"""

import importlib
import importlib.util
import json
import os
import sys
import traceback
import unittest
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO

MOST = 4000
ROOT = Path.cwd()
elsewhere = importlib.import_module("factor12_elsewhere")


class Recorder(unittest.TestResult):
    """Writes outcomes; knows the whole plan, so that a class whose set-up fails still names its tests."""

    def __init__(self, out: TextIO, plan: dict[str, str]) -> None:
        super().__init__()
        self.out = out
        self.plan = plan
        self.seen: set[str] = set()

    def addSuccess(self, test: Any) -> None:
        self.note(test, "pass")

    def addFailure(self, test: Any, err: Any) -> None:
        super().addFailure(test, err)
        self.note(test, "fail", err)

    def addError(self, test: Any, err: Any) -> None:
        super().addError(test, err)
        self.note(test, "error", err)

    def addSkip(self, test: Any, reason: str) -> None:
        self.note(test, "skip")

    def addExpectedFailure(self, test: Any, err: Any) -> None:
        self.note(test, "skip")

    def addUnexpectedSuccess(self, test: Any) -> None:
        super().addUnexpectedSuccess(test)
        self.note(test, "fail")

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.note(test, "fail" if issubclass(err[0], test.failureException) else "error", err)

    def note(self, test: Any, state: str, err: Any = None) -> None:
        message, file, line = place(err) if err is not None else ("", "", 0)
        for name in self.names(test):
            self.seen.add(name)
            record = {"id": name, "state": state, "message": message, "file": file, "line": line}
            self.out.write(json.dumps(record) + "\n")
        self.out.flush()

    def names(self, test: Any) -> list[str]:
        """Name the test, or for `setUpClass (package.Class)` every test of it that this kept from running."""
        if isinstance(test, unittest.TestCase):
            return [identity(test)]
        owner = test.id().partition("(")[2].rstrip(")")
        owned = [name for name, place in self.plan.items() if (place + ".").startswith(owner + ".")]
        return [name for name in owned if name not in self.seen] or owned


def place(err: Any) -> Any:
    """Tell what went wrong, and the innermost line of the repository it passed through."""
    kind, value, trace = err
    message = "".join(traceback.format_exception_only(kind, value))[:MOST]
    for frame in reversed(traceback.extract_tb(trace)):
        path = Path(frame.filename)
        if ROOT in path.parents and "site-packages" not in path.parts:
            return message, str(path.relative_to(ROOT)), frame.lineno
    return message, "", 0


def identity(test: Any) -> str:
    file = getattr(sys.modules.get(type(test).__module__), "__file__", None) or ""
    if Path(file).is_absolute() and ROOT in Path(file).parents:
        file = str(Path(file).relative_to(ROOT))
    return "::".join([file, *type(test).__qualname__.split("."), test.id().rpartition(".")[2]])


def cases(suite: Any) -> Iterator[Any]:
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from cases(test)
        else:
            yield test


def test_files(start: Path, pattern: str = "test*.py") -> list[Path]:
    """Find test files below `start`, leaving out hidden folders, dependencies and virtual environments."""
    found: list[Path] = []
    for folder, folders, _ in os.walk(start):
        here = Path(folder)
        folders[:] = [name for name in folders if name[0] != "." and name not in {"node_modules", "__pycache__"}]
        if (here / "pyvenv.cfg").exists():
            folders[:] = []
            continue
        found += [path for path in here.glob(pattern) if path.stem.isidentifier() and path.is_file()]
    return sorted(found)


def load(path: Path) -> ModuleType:
    """Import a test file under its dotted name; under another if two unrelated files share it."""
    top = path.parent
    while (top / "__init__.py").exists() and top != ROOT:
        top = top.parent
    name = ".".join(path.relative_to(top).with_suffix("").parts)
    if str(top) not in sys.path:
        sys.path.insert(0, str(top))
    module = importlib.import_module(name)
    if Path(module.__file__ or "").resolve() == path.resolve():
        return module
    spec = importlib.util.spec_from_file_location("_".join(path.relative_to(ROOT).with_suffix("").parts), path)
    assert spec is not None
    assert spec.loader is not None
    sys.modules[spec.name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Importing:
    """Survives whatever a test file does when it is imported, and writes it down as a `collect` record."""

    def __init__(self, loader: unittest.TestLoader, path: Path, out: TextIO) -> None:
        self.loader = loader
        self.path = path
        self.out = out

    def __enter__(self) -> None:
        self.known = len(self.loader.errors)

    def __exit__(self, kind: Any, value: Any, trace: Any) -> bool:
        messages = [str(message) for message in self.loader.errors[self.known :]]
        if kind is not None and not issubclass(kind, unittest.SkipTest):
            messages.append("".join(traceback.format_exception(kind, value, trace)))
        for message in messages:
            record = {"collect": str(self.path.relative_to(ROOT)), "message": message[-MOST:]}
            self.out.write(json.dumps(record) + "\n")
        return kind is None or issubclass(kind, (Exception, SystemExit))


def collect(paths: list[str], select: str, out: TextIO) -> unittest.TestSuite:
    """Load what the paths name; a file that cannot be imported becomes a `collect` record."""
    loader = unittest.TestLoader()
    if select:
        loader.testNamePatterns = ["*" + select + "*"]
    wanted: list[unittest.TestSuite] = []
    for path in paths or ["."]:
        file, _, name = path.partition("::")
        start = ROOT / file
        for found in [start] if start.is_file() else test_files(start):
            with Importing(loader, found, out):
                suite = loader.loadTestsFromModule(load(found))
                wanted.append(chosen(suite, path) if name else suite)
    return unittest.TestSuite(wanted)


def chosen(suite: unittest.TestSuite, prefix: str) -> unittest.TestSuite:
    return unittest.TestSuite(test for test in cases(suite) if (identity(test) + "::").startswith(prefix + "::"))


def main() -> int:
    report, select, *paths = sys.argv[1:]
    del sys.argv[1:]  # what is tested need not know where it is written down, and reads no arguments of ours
    with Path(report).open("w", encoding="utf-8") as out:
        suite = collect(paths, select, out)
        plan: dict[str, str] = {
            identity(test): f"{type(test).__module__}.{type(test).__qualname__}" for test in cases(suite)
        }
        result = Recorder(out, plan)
        suite.run(result)
        elsewhere.note()
        out.write(json.dumps({"exit": 0}) + "\n")
    print(len(plan), "tests,", len(result.failures), "failures,", len(result.errors), "errors")
    return 0 if plan and result.wasSuccessful() else 1 if plan else 5


if __name__ == "__main__":
    sys.exit(main())
