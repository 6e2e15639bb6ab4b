"""cargo's states, from what libtest prints; once from a real cargo."""

from pathlib import Path

import pytest

from tests.tools.checking import ENVIRONMENT, check, ended, make_workspace, plan, program, write
from tools.runners import cargo
from tools.runners.results import Target

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("R13"), pytest.mark.usefixtures("each_box")]

STDOUT = """
running 5 tests
test auth::tests::fine ... ok
test tests::later ... ignored, later
test tests::adds ... FAILED
test tests::panics - should panic ... ok
test tests::zero ... ok

failures:

---- tests::adds stdout ----

thread 'tests::adds' (7391) panicked at src/lib.rs:10:17:
assertion `left == right` failed
  left: 0
 right: 4
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace


failures:
    tests::adds

test result: FAILED. 3 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.13s


running 1 test
test outer ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s


running 1 test
test src/lib.rs - (line 1) ... FAILED

failures:

---- src/lib.rs - (line 1) stdout ----
Test executable failed (exit status: 101).

failures:
    src/lib.rs - (line 1)

test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.08s
"""
STDERR = """
   Compiling crate_x v0.1.0 (/repo)
    Finished `test` profile [unoptimized + debuginfo] target(s) in 1.03s
     Running unittests src/lib.rs (target/debug/deps/crate_x-32b4756aacfda311)
error: test failed, to rerun pass `--lib`
     Running tests/api.rs (target/debug/deps/api-42ba57cc11b98cd2)
   Doc-tests crate_x
error: doctest failed, to rerun pass `--doc`
"""


def test_each_test_is_told_with_the_file_of_its_module(tmp_path: Path) -> None:
    write(tmp_path, {"src/lib.rs": "", "src/auth.rs": "", "tests/api.rs": ""})
    report = cargo.report(Target(tmp_path, tmp_path, {}), ended(101, STDOUT, STDERR))
    assert report.states == {
        "src/auth.rs::auth::tests::fine": "pass",
        "src/lib.rs::tests::later": "skip",
        "src/lib.rs::tests::adds": "fail",
        "src/lib.rs::tests::panics": "pass",
        "src/lib.rs::tests::zero": "pass",
        "tests/api.rs::outer": "pass",
        "src/lib.rs::src/lib.rs -": "fail",
    }
    failure = report.failures[0]
    assert (failure.file, failure.line) == ("src/lib.rs", 10)
    assert failure.message.startswith("assertion `left == right` failed\n  left: 0\n right: 4")
    assert report.failures[1].message == "Test executable failed (exit status: 101)."
    assert report.problem == ""


def test_a_module_may_be_a_folder_with_a_mod_file(tmp_path: Path) -> None:
    write(tmp_path, {"src/lib.rs": "", "src/auth/mod.rs": ""})
    report = cargo.report(Target(tmp_path, tmp_path, {}), ended(101, STDOUT, STDERR))
    assert "src/auth/mod.rs::auth::tests::fine" in report.states


@pytest.mark.parametrize(
    ("returncode", "stdout", "stderr", "problem"),
    [
        (
            101,
            "",
            "error[E0425]: cannot find value `b` in this scope\n  --> src/lib.rs:2:5\n   |\nerror: could not compile",
            "src/lib.rs:2 does not compile: cannot find value `b` in this scope",
        ),
        (-9, STDOUT, STDERR, "cargo ended early with exit code -9"),
        (101, STDOUT[:200], STDERR, "cargo ended early with exit code 101"),
        (101, "", "error: could not find `Cargo.toml`", "cargo ended early with exit code 101: error: could not find"),
    ],
)
def test_what_keeps_tests_from_speaking_is_no_evidence(
    tmp_path: Path, returncode: int, stdout: str, stderr: str, problem: str
) -> None:
    report = cargo.report(Target(tmp_path, tmp_path, {}), ended(returncode, stdout, stderr))
    assert report.problem.startswith(problem)


async def test_a_real_cargo_runs_with_a_private_home(tmp_path: Path) -> None:
    cargo_path = program("cargo")
    files = {
        "Cargo.toml": '[package]\nname = "x"\nversion = "0.1.0"\nedition = "2021"\n[lib]\ndoctest = false\n',
        "src/lib.rs": '#[cfg(test)]\nmod tests {\n  #[test] fn good() {}\n  #[test] fn bad() { panic!("no") }\n}\n',
    }
    environment = {**ENVIRONMENT, "PATH": f"{Path(cargo_path).parent}:{ENVIRONMENT['PATH']}"}
    result = await check(make_workspace(tmp_path, files, environment=environment))
    assert result.states == {"src/lib.rs::tests::good": "pass", "src/lib.rs::tests::bad": "fail"}
    assert (result.failures[0].line, result.failures[0].message.splitlines()[0]) == (4, "no")


async def test_paths_are_test_programs_and_a_filter_goes_to_them(tmp_path: Path) -> None:
    bin_ = tmp_path / "cargo/bin"
    write(bin_, {"cargo": "", "rustup": ""})
    (bin_ / "cargo").chmod(0o755)
    files = {"Cargo.toml": "", "tests/api.rs": ""}
    workspace = make_workspace(tmp_path, files, environment={"PATH": str(bin_), "RUSTUP_HOME": "/rustup"})
    planned = await plan(workspace, paths=["tests/api.rs"], select="outer")
    assert planned.argv[1:] == ["test", "--no-fail-fast", "--test", "api", "--", "outer"]
    assert planned.environment["CARGO_HOME"] == str(bin_.parent)
    assert "RUSTUP_HOME" not in planned.environment


async def test_without_cargo_the_reason_says_what_to_install(tmp_path: Path) -> None:
    result = await check(make_workspace(tmp_path, {"Cargo.toml": ""}, environment={"PATH": "/nowhere"}))
    assert (result.verdict, result.why) == (
        "no_evidence",
        "There is no cargo on the PATH. Install Rust from https://rustup.rs.",
    )
