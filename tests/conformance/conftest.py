"""What the runs of the suite came to, as one table at the end."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.suite import Report

Tell = Callable[[str, Report], None]
_PREFIX = "conformance: "


@pytest.fixture
def tell(record_property: Callable[[str, Any], None]) -> Tell:
    """Have a line in the table."""

    def record(about: str, report: Report) -> None:
        record_property(f"{_PREFIX}{about}", str(report))

    return record


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for status in ("passed", "failed"):
        for report in terminalreporter.getreports(status):
            for name, value in report.user_properties if report.when == "call" else ():
                if name.startswith(_PREFIX):
                    terminalreporter.write_line(f"{name.removeprefix(_PREFIX):<28} {value}")
