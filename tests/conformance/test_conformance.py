"""The official conformance suite: at our server class with what it calls by name, and at the product as it is."""

import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.conformance.conftest import Tell
from tests.conformance.suite import run
from tests.conftest import repository
from tests.mcp_server.http_server import served

pytestmark = pytest.mark.conformance

EQUIPPED = (sys.executable, "-m", "tests.conformance.server")
REQUIRED = {"2025-11-25": 84, "2026-07-28": 194}
"""The revisions whose requirements are frozen, and how many checks pass."""
ALL = 232
DEAD = 55
"""What passes when nobody answers: an error is what many a check expects."""

FOR_ANY_SERVER = (
    "server-initialize",
    "server-session-lifecycle",
    "server-stateless",
    "ping",
    "tools-list",
    "resources-list",
    "prompts-list",
    "dns-rebinding-protection",
    "server-sse-multiple-streams",
    "caching",
    "http-header-validation",
    "sep-2164-resource-not-found",
    "input-required-result-unsupported-methods",
)
BY_NAME = {
    "server-stateless:sep-2575-missing-capability-http-400": "calls a tool that only the suite has",
    "server-stateless:sep-2575-server-rejects-undeclared-capability": "calls a tool that only the suite has",
}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return repository(tmp_path / "src/shop", {"README.md": "A shop.\n"})


@pytest.fixture
def equipped(shop: Path) -> Generator[str]:
    with served(shop, command=EQUIPPED, FACTOR12_INLINE_WAIT_S="0") as (_, url):
        yield url


@pytest.mark.parametrize("revision", REQUIRED)
def test_what_a_revision_requires_is_there(equipped: str, tmp_path: Path, revision: str, tell: Tell) -> None:
    report = run(equipped, tmp_path, "--requirements", revision)
    tell(f"requirements of {revision}", report)
    assert report.complaints(REQUIRED[revision]) == []


def test_every_scenario_passes_also_those_of_extensions(equipped: str, tmp_path: Path, tell: Tell) -> None:
    report = run(equipped, tmp_path, "--suite", "all")
    tell("every scenario", report)
    assert report.complaints(ALL) == []


def test_the_product_passes_what_needs_no_tools_of_the_suite(shop: Path, tmp_path: Path, tell: Tell) -> None:
    with served(shop) as (_, url):
        report = run(url, tmp_path, "--suite", "all").of(FOR_ANY_SERVER)
    tell("the product itself", report)
    assert report.complaints(73, BY_NAME) == []


def test_a_server_that_is_not_there_does_not_pass(tmp_path: Path, tell: Tell) -> None:
    report = run("http://127.0.0.1:9", tmp_path, "--suite", "all")
    tell("no server at all", report)
    assert report.count("SUCCESS") >= DEAD, "nothing would be shown"
    complaints = report.complaints(ALL)
    assert complaints[0].startswith("exit code 1") and "checks passed, not" in complaints[1]
