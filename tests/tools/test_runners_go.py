"""go's states, from recorded `go test -json` streams (go itself is not needed)."""

import json
import os
from pathlib import Path

import pytest

from tests.tools.checking import ended, make_workspace, plan, write
from tools.runners import golang
from tools.runners.results import Target

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("R13"), pytest.mark.usefixtures("each_box")]
FILES = {
    "go.mod": "module example.com/shop\n\ngo 1.22\n",
    "auth/auth.go": "package auth\n",
    "auth/auth_test.go": "package auth\n\nfunc TestLogin(t *testing.T) {\n}\n",
    "auth/other_test.go": "package auth\n\nfunc TestLogout(t *testing.T) {\n}\n",
    "root_test.go": "package shop\n\nfunc TestRoot(t *testing.T) {\n}\n",
}


def stream(*events: tuple[str, str, str, str]) -> str:
    named = [dict(zip(("Action", "Package", "Test", "Output"), event, strict=True)) for event in events]
    return "\n".join(json.dumps({k: v for k, v in event.items() if v}) for event in named)


PACKAGE = "example.com/shop/auth"


def test_each_test_is_told_with_the_file_that_declares_it(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    out = stream(
        ("start", PACKAGE, "", ""),
        ("run", PACKAGE, "TestLogin", ""),
        ("output", PACKAGE, "TestLogin", "=== RUN   TestLogin\n"),
        ("run", PACKAGE, "TestLogin/empty name", ""),
        ("output", PACKAGE, "TestLogin/empty name", "    auth_test.go:9: got true, want false\n"),
        ("output", PACKAGE, "TestLogin/empty name", "    --- FAIL: TestLogin/empty name (0.00s)\n"),
        ("fail", PACKAGE, "TestLogin/empty name", ""),
        ("fail", PACKAGE, "TestLogin", ""),
        ("skip", PACKAGE, "TestLogout", ""),
        ("fail", PACKAGE, "", ""),
        ("pass", "example.com/shop", "TestRoot", ""),
        ("pass", "example.com/shop", "", ""),
        ("pass", "example.com/shop", "TestMadeUp", ""),
    )
    report = golang.report(Target(tmp_path, tmp_path, {}), ended(1, "not json\n" + out))
    assert report.states == {
        "auth/auth_test.go::TestLogin/empty name": "fail",
        "auth/auth_test.go::TestLogin": "fail",
        "auth/other_test.go::TestLogout": "skip",
        "root_test.go::TestRoot": "pass",
        ".::TestMadeUp": "pass",
    }
    failure = report.failures[0]
    assert (failure.file, failure.line) == ("auth/auth_test.go", 9)
    assert failure.message.startswith("auth_test.go:9: got true, want false")
    assert report.problem == ""


def test_a_package_that_does_not_build_is_no_evidence_and_named(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    out = stream(("output", PACKAGE, "", f"FAIL\t{PACKAGE} [build failed]\n"), ("fail", PACKAGE, "", ""))
    err = f"# {PACKAGE}\nauth/auth.go:3:9: undefined: x\n"
    assert golang.report(Target(tmp_path, tmp_path, {}), ended(1, out, err)).problem == (
        f"{PACKAGE} cannot be tested: auth/auth.go:3:9: undefined: x"
    )
    assert golang.report(Target(tmp_path, tmp_path, {}), ended(1, out)).problem == (
        f"{PACKAGE} cannot be tested: FAIL\t{PACKAGE} [build failed]"
    )


def test_a_go_that_fails_without_a_report_is_no_evidence(tmp_path: Path) -> None:
    write(tmp_path, {"go.mod": ""})
    report = golang.report(Target(tmp_path, tmp_path, {}), ended(1, "", "go: no such tool\n"))
    assert report.problem == "go ended with exit code 1: go: no such tool"
    assert golang.report(Target(tmp_path, tmp_path, {}), ended(dropped=1)).problem == "The report is too long."


def test_a_module_file_that_is_missing_and_a_test_file_that_is_a_pipe_keep_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a_test.go")
    report = golang.report(Target(tmp_path, tmp_path, {}), ended(0, stream(("pass", "shop", "TestA", ""))))
    assert list(report.states.values()) == ["pass"]


async def test_packages_a_filter_and_the_caches_are_told_to_go(tmp_path: Path) -> None:
    bin_ = tmp_path / "bin"
    workspace = make_workspace(tmp_path, FILES, environment={"PATH": str(bin_), "GOPATH": "/gopath"})
    assert (await plan(workspace)).reason.startswith("There is no go on the PATH.")
    write(bin_, {"go": ""})
    (bin_ / "go").chmod(0o755)
    assert (await plan(workspace)).argv == [str(bin_ / "go"), "test", "-json", "-count=1", "./..."]
    planned = await plan(workspace, paths=["auth/"], select="TestLogin/a.b")
    assert planned.argv[1:] == ["test", "-json", "-count=1", "-run", "TestLogin/a\\.b", "./auth"]
    (cache,) = planned.environment.values()
    assert planned.environment.keys() == {"GOCACHE"}
    assert cache.startswith(str(workspace.scratch / "checks/go-build-"))
    other = make_workspace(tmp_path / "bin", FILES, environment={"PATH": str(bin_), "GOPATH": "/gopath"})
    assert (await plan(other)).environment["GOCACHE"].rpartition("/")[2] != cache.rpartition("/")[2], "one each"
