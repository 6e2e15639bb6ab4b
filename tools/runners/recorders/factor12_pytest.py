"""Write each phase of each test as a JSON line: what a JUnit file cannot tell apart (xfail, reruns, subtests).

Loaded into the tested repository's own interpreter with `-p factor12_pytest`, so it imports nothing but pytest's own
surroundings, and works with pytest 6 to 9 on Python 3.9 or later.
"""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

MOST = 4000
elsewhere = import_module("factor12_elsewhere")


def pytest_addoption(parser: Any) -> None:
    parser.addoption("--factor12-report", metavar="FILE", help="Write JSON lines to this file.")


def pytest_configure(config: Any) -> None:
    path = config.getoption("--factor12-report")
    if path and not hasattr(config, "workerinput"):  # with xdist the controller sees every report
        config.pluginmanager.register(Recorder(Path(path), Path.cwd()))


class Recorder:
    def __init__(self, out: Path, root: Path) -> None:
        self.out = out
        self.root = root

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.write({"collect": report.nodeid, "message": str(report.longrepr)[-MOST:]})

    def pytest_runtest_logreport(self, report: Any) -> None:
        message, file, line = self.place(report)
        self.write(
            {
                "id": report.nodeid,
                "when": report.when,
                "outcome": report.outcome,
                "subtest": hasattr(report, "context"),
                "message": message,
                "file": file,
                "line": line,
            }
        )

    def pytest_sessionfinish(self, exitstatus: Any) -> None:
        elsewhere.note()
        self.write({"exit": int(exitstatus)})

    def place(self, report: Any) -> Any:
        """Tell what went wrong and where: in the repository if possible, else where the test stands."""
        file, line, _ = report.location
        line = (line or 0) + 1
        if not report.failed:
            return "", file, line
        crash = getattr(report.longrepr, "reprcrash", None)
        if crash is None:
            return str(report.longrepr)[-MOST:], file, line
        path = Path(crash.path)
        if self.root in path.parents and "site-packages" not in path.parts:
            file, line = str(path.relative_to(self.root)), crash.lineno
        return str(crash.message)[:MOST], file, line

    def write(self, record: Any) -> None:
        with self.out.open("a", encoding="utf-8") as out:
            out.write(json.dumps(record) + "\n")
