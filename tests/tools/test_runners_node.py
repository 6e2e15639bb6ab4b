"""Test scripts of packages: Node's own runner for real, jest, vitest and mocha by what they wrote."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.tools.checking import check, ended, make_workspace, plan, program, tree
from tools.base import ToolError
from tools.runners import node
from tools.runners.results import Target

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("R13"), pytest.mark.usefixtures("each_box")]


def package(script: str, **more: object) -> str:
    return json.dumps({"name": "p", "type": "module", "scripts": {"test": script}, **more})


TESTS = """
import { test, describe, it, before } from 'node:test';
import assert from 'node:assert';
test('passes', () => {});
test('fails', () => { assert.strictEqual(1, 2) });
test('throws', () => { throw new Error('broken') });
test('skipped', { skip: true }, () => {});
test('todo', { todo: true }, () => { throw new Error('not yet') });
test('parent', async (t) => { await t.test('child', () => {}); });
describe('group', () => {
  it('inside', () => {});
  it('bad', () => { assert.ok(false) });
  describe('deep', () => { it('inside', () => {}) });
});
describe('hooks', () => { before(() => { throw new Error('no database') }); it('never', () => {}) });
"""


async def test_nodes_own_runner_tells_each_test_with_its_file(tmp_path: Path) -> None:
    program("npm")
    files = {"package.json": package("node --test"), "test/a.test.js": TESTS}
    workspace = make_workspace(tmp_path, files)
    before = tree(workspace.repository().root)
    result = await check(workspace)
    assert {name.removeprefix("test/a.test.js::"): state for name, state in result.states.items()} == {
        "passes": "pass",
        "fails": "fail",
        "throws": "fail",
        "skipped": "skip",
        "todo": "skip",
        "parent": "pass",
        "parent > child": "pass",
        "group > inside": "pass",
        "group > bad": "fail",
        "group > deep > inside": "pass",
        "hooks > never": "error",
    }
    assert next(case.message for case in result.failures if case.id.endswith("never")) == "no database"
    failure = next(case for case in result.failures if case.id.endswith("throws"))
    assert (failure.file, failure.line, failure.message) == ("test/a.test.js", 6, "broken")
    assert (result.runner, result.verdict, result.exit_code) == ("npm", "failed", 1)
    assert tree(workspace.repository().root) == before


async def test_red_tests_of_a_script_that_takes_no_paths_are_looked_at_in_a_second_run_of_it(tmp_path: Path) -> None:
    program("npm")
    turns = "test('turns', () => { if (!fs.existsSync('there')) { fs.mkdirSync('there'); throw new Error('once') } });"
    text = (
        f"import {{ test }} from 'node:test';\nimport fs from 'node:fs';\n{turns}\ntest('red', () => {{ throw 1 }});\n"
    )
    workspace = make_workspace(tmp_path, {"package.json": package("node --test"), "a.test.js": text})
    found = await check(workspace, confirm=True)
    assert found.states == {"a.test.js::turns": "fail", "a.test.js::red": "fail"}
    assert found.flaky == ["a.test.js::turns"]


async def test_a_file_that_is_itself_a_test_passes_or_fails_as_one(tmp_path: Path) -> None:
    program("npm")
    files = {
        "package.json": package("node --test"),
        "good.test.js": "import assert from 'node:assert'; assert.ok(true);",
        "bad.test.js": "import assert from 'node:assert'; assert.strictEqual(1, 2);",
    }
    assert (await check(make_workspace(tmp_path, files))).states == {"good.test.js": "pass", "bad.test.js": "fail"}


async def test_a_file_that_does_not_load_is_no_evidence_and_named(tmp_path: Path) -> None:
    program("npm")
    files = {"package.json": package("node --test"), "a.test.js": "import './nothere.js';"}
    result = await check(make_workspace(tmp_path, files))
    assert result.verdict == "no_evidence"
    assert result.why.startswith("a.test.js cannot be run: Error [ERR_MODULE_NOT_FOUND]: Cannot find module")


async def test_a_script_that_names_no_tests_is_judged_by_its_exit_code(tmp_path: Path) -> None:
    program("npm")
    result = await check(
        make_workspace(tmp_path, {"package.json": package("echo '# pass 2' && echo '# fail 1' && exit 3")})
    )
    assert (result.verdict, result.exit_code, result.ids, result.states) == ("failed", 3, False, {})
    assert (result.counts.passed, result.counts.failed) == (2, 1)


async def test_a_tool_that_is_not_installed_is_a_missing_runner(tmp_path: Path) -> None:
    program("npm")
    result = await check(make_workspace(tmp_path, {"package.json": package("jest")}))
    assert result.verdict == "no_evidence"
    assert "not found" in result.why
    assert result.why.endswith("Install the package's dependencies.")


@pytest.mark.parametrize(
    ("script", "args", "options"),
    [
        ("jest", {}, ["--", "--ci", "--json", "--outputFile=R", "--testLocationInResults"]),
        (
            "NODE_ENV=test node --experimental-vm-modules node_modules/jest/bin/jest.js",
            {"paths": ["a.test.js"], "select": "adds"},
            [
                "--",
                "--ci",
                "--json",
                "--outputFile=R",
                "--testLocationInResults",
                "--runTestsByPath",
                "-t",
                "adds",
                "a.test.js",
            ],
        ),
        ("jest", {"paths": ["src"]}, ["--", "--ci", "--json", "--outputFile=R", "--testLocationInResults", "src"]),
        ("vitest run", {"select": "adds"}, ["--", "--run", "--reporter=json", "--outputFile=R", "-t", "adds"]),
        (
            "mocha",
            {"paths": ["a.test.js"], "select": "adds"},
            ["--", "--reporter", "json", "--reporter-option", "output=R", "-g", "adds", "a.test.js"],
        ),
        ("jest && eslint .", {}, []),
        ("node --test", {}, []),
        ("tap", {}, []),
    ],
)
async def test_a_tool_that_can_report_is_told_where(
    tmp_path: Path, script: str, args: dict[str, Any], options: list[str]
) -> None:
    npm = program("npm")
    workspace = make_workspace(tmp_path, {"package.json": package(script), "a.test.js": "", "src/b.js": ""})
    planned = await plan(workspace, **args)
    assert planned.argv[:3] == [npm, "test", "--silent"]
    assert [word.replace(report_in(planned.argv), "R") for word in planned.argv[3:]] == options
    assert ("NODE_OPTIONS" in planned.environment) == (script == "node --test")


def report_in(argv: list[str]) -> str:
    return next((word.partition("=")[2] for word in argv if word.endswith("/report")), "no report")


async def test_pnpm_is_used_where_its_lock_file_is(tmp_path: Path) -> None:
    bin_ = tmp_path / "bin"
    files = {"package.json": package("jest"), "pnpm-lock.yaml": ""}
    workspace = make_workspace(tmp_path, files, environment={"PATH": str(bin_)})
    missing = await plan(workspace)
    assert (missing.runner, missing.argv) == ("pnpm", [])
    assert missing.reason.startswith("There is no pnpm on the PATH.")
    bin_.mkdir()
    (bin_ / "pnpm").write_text("#!/bin/sh\n")
    (bin_ / "pnpm").chmod(0o755)
    assert (await plan(workspace)).argv[:5] == [str(bin_ / "pnpm"), "--silent", "test", "--ci", "--json"]


@pytest.mark.parametrize("files", [{"pnpm-workspace.yaml": ""}, {}])
async def test_packages_linked_to_the_checkout_are_no_evidence_in_a_work_tree_of_its_own(
    tmp_path: Path, files: dict[str, str]
) -> None:
    several = package("jest") if files else package("jest").replace("{", '{"workspaces": ["a"], ', 1)
    workspace = make_workspace(tmp_path, {"package.json": several, **files})
    own = replace(workspace.repository(), source=tmp_path)
    planned = await plan(replace(workspace, repositories={"repo": own}))
    assert planned.argv == [] and "linked to the checkout" in planned.reason


async def test_a_script_without_a_filter_refuses_one(tmp_path: Path) -> None:
    program("npm")
    with pytest.raises(ToolError, match="takes neither paths nor a name filter"):
        await plan(make_workspace(tmp_path, {"package.json": package("node --test")}), select="x")
    (tmp_path / "2").mkdir()
    with pytest.raises(ToolError, match="takes neither paths nor a name filter"):
        await plan(make_workspace(tmp_path / "2", {"package.json": package("node --test"), "a.js": ""}), paths=["a.js"])


async def test_a_package_without_a_test_script_has_no_runner(tmp_path: Path) -> None:
    planned = await plan(make_workspace(tmp_path, {"package.json": "{}"}), runner="npm")
    assert (planned.argv, planned.reason) == ([], "package.json has no test script.")


def jest_file(root: Path, name: str, status: str, *assertions: object, message: str = "") -> dict[str, object]:
    return {"name": str(root / name), "status": status, "message": message, "assertionResults": assertions}


def jest_test(title: str, status: str, *messages: str) -> dict[str, object]:
    location = {"line": 3, "column": 1} if messages else None
    told = {"ancestorTitles": ["group"], "title": title, "fullName": f"group {title}", "location": location}
    return {**told, "status": status, "failureMessages": messages, "duration": 1}


@pytest.mark.parametrize("tool", ["jest", "vitest run"])
def test_jest_and_vitest_tell_each_test_with_its_file(tmp_path: Path, tool: str) -> None:
    told = [jest_test("ok", "passed"), jest_test("bad", "failed", "Error: \x1b[31mexpected 2\x1b[0m\n    at a.js:3")]
    told += [jest_test("later", "pending"), jest_test("some day", "todo"), jest_test("off", "skipped")]
    target = reported(tmp_path, tool, {"testResults": [jest_file(tmp_path, "a.test.js", "failed", *told)]})
    report = node.report(target, ended(1))
    assert report.states == {
        "a.test.js::group > ok": "pass",
        "a.test.js::group > bad": "fail",
        "a.test.js::group > later": "skip",
        "a.test.js::group > some day": "skip",
        "a.test.js::group > off": "skip",
    }
    (failure,) = report.failures
    assert (failure.file, failure.line, failure.message) == ("a.test.js", 3, "Error: expected 2")
    assert report.problem == ""


def reported(root: Path, script: str, written: object) -> Target:
    (root / "package.json").write_text(package(script))
    (root / "report").write_text(written if isinstance(written, str) else json.dumps(written))
    return Target(root, root, {})


def test_a_suite_that_jest_cannot_run_is_no_evidence_and_named(tmp_path: Path) -> None:
    message = "  ● Test suite failed to run\n\n    Cannot find module './nothere' from 'a.test.js'\n\n    > 1 | require"
    target = reported(tmp_path, "jest", {"testResults": [jest_file(tmp_path, "a.test.js", "failed", message=message)]})
    assert node.report(target, ended(1)).problem == (
        "a.test.js cannot be run: Cannot find module './nothere' from 'a.test.js'"
    )


def test_mocha_tells_each_test_and_a_failed_hook_as_an_error(tmp_path: Path) -> None:
    def told(title: str, **err: str) -> dict[str, object]:
        return {"fullTitle": title, "title": title, "file": str(tmp_path / "test/a.js"), "err": err}

    hook = told('group "before all" hook for "never"', message="no database")
    bad = told("group bad", message="1 == 2", stack="…")
    written = {"passes": [told("group ok")], "failures": [bad, hook], "pending": [told("group later")]}
    report = node.report(reported(tmp_path, "mocha", written), ended(2))
    assert report.states == {
        "test/a.js::group ok": "pass",
        "test/a.js::group later": "skip",
        "test/a.js::group bad": "fail",
        "test/a.js::group never": "error",
    }
    assert report.failures[0].message == "1 == 2"


@pytest.mark.parametrize("tool", ["jest", "vitest", "mocha"])
def test_a_report_that_is_broken_or_absent_is_no_evidence(tmp_path: Path, tool: str) -> None:
    target = reported(tmp_path, tool, "{")
    assert "cannot be read" in node.report(target, ended(1)).problem
    target.report.unlink()
    assert node.report(target, ended(1, stderr="Error: boom\n")).problem == (
        f"{tool} ended with exit code 1 and no report: Error: boom"
    )
