"""run_linter: ruff for real, the others by programs that print what they print."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tools.checking import ENVIRONMENT, make_workspace, program, tree, write
from tools.base import ToolError
from tools.linters import MOST, Lint, LintPlan, run_linter
from tools.workspace import Workspace

pytestmark = pytest.mark.anyio


async def plan(workspace: Workspace, **args: Any) -> LintPlan:
    return LintPlan.model_validate(await run_linter.look(workspace, args))


async def lint(workspace: Workspace, **args: Any) -> Lint:
    planned = await run_linter.look(workspace, args)
    return Lint.model_validate_json(json.dumps(await run_linter.perform(workspace, planned)))


async def test_a_real_ruff_reports_places_codes_and_messages(tmp_path: Path) -> None:
    program("ruff")
    files = {"ruff.toml": '[lint]\nselect = ["F"]\n', "src/a.py": "import os\n", "b.py": "x = 1\n"}
    workspace = make_workspace(tmp_path, files)
    before = tree(workspace.repository().root)
    result = await lint(workspace)
    assert (result.linter, result.verdict, result.total, result.why) == ("ruff", "findings", 1, "ruff found 1 problem.")
    (found,) = result.findings
    assert (found.file, found.line, found.column, found.code) == ("src/a.py", 1, 8, "F401")
    assert found.message == "`os` imported but unused"
    assert (await lint(workspace, paths=["b.py"])).verdict == "clean"
    assert tree(workspace.repository().root) == before


async def test_a_linter_that_cannot_finish_is_no_result(tmp_path: Path) -> None:
    program("ruff")
    result = await lint(make_workspace(tmp_path, {"ruff.toml": "nonsense = 1\n", "a.py": ""}))
    assert result.verdict == "no_result"
    assert "unknown field `nonsense`" in result.why


RUSTC = {
    "reason": "compiler-message",
    "message": {
        "message": "length comparison to zero",
        "level": "warning",
        "code": {"code": "clippy::len_zero", "explanation": None},
        "spans": [
            {"file_name": "src/auth.rs", "line_start": 4, "column_start": 35, "is_primary": True},
            {"file_name": "src/auth.rs", "line_start": 1, "column_start": 1, "is_primary": False},
        ],
    },
}
CLIPPY = "\n".join(map(json.dumps, [{"reason": "compiler-artifact"}, RUSTC, RUSTC]))
ESLINT = [{"filePath": "ROOT/c.js", "messages": [{"ruleId": None, "message": "Parsing error", "line": 1, "column": 5}]}]


@pytest.mark.parametrize(
    ("name", "files", "prints", "code", "finding"),
    [
        ("flake8", {".flake8": ""}, "./a.py:1:8: F401 'os' imported but unused\n", 1, ["a.py", 1, 8, "F401"]),
        ("flake8", {"tox.ini": "[flake8]\n"}, "a.py:2:1: E302 expected 2 blank lines\n", 1, ["a.py", 2, 1, "E302"]),
        ("eslint", {"eslint.config.mjs": ""}, json.dumps(ESLINT), 1, ["c.js", 1, 5, ""]),
        ("eslint", {"package.json": '{\n"eslintConfig": {}}'}, json.dumps(ESLINT), 1, ["c.js", 1, 5, ""]),
        ("cargo", {"Cargo.toml": ""}, CLIPPY, 0, ["src/auth.rs", 4, 35, "clippy::len_zero"]),
        ("go", {"go.mod": ""}, "# shop\nvet: ./a.go:3:2: unreachable code\n", 1, ["a.go", 3, 2, ""]),
    ],
)
async def test_what_each_linter_prints_becomes_one_shape(
    tmp_path: Path, name: str, files: dict[str, str], prints: str, code: int, finding: list[object]
) -> None:
    bin_ = tmp_path / "bin"
    workspace = make_workspace(tmp_path, files, environment={"PATH": f"{bin_}:/usr/bin:/bin"})
    printed = prints.replace("ROOT", str(workspace.repository().root))
    write(bin_, {name: f"#!/bin/sh\ncat <<'END'\n{printed}\nEND\nexit {code}\n"})
    (bin_ / name).chmod(0o755)
    result = await lint(workspace)
    assert (result.verdict, result.total) == ("findings", 1)
    (found,) = result.findings
    assert [found.file, found.line, found.column, found.code] == finding
    assert result.command[0] == str(bin_ / name)


@pytest.mark.parametrize(
    ("files", "args", "linter", "argv"),
    [
        ({"pyproject.toml": "[tool.ruff]\n", "a.py": ""}, {"paths": ["a.py"]}, "ruff", ["--", "a.py"]),
        ({"go.mod": "", "auth/a.go": ""}, {"paths": ["auth"]}, "vet", ["vet", "./auth"]),
        ({"go.mod": ""}, {}, "vet", ["vet", "./..."]),
        ({"Cargo.toml": ""}, {}, "clippy", ["--message-format=json", "--all-targets"]),
    ],
)
async def test_paths_are_given_as_each_linter_takes_them(
    tmp_path: Path, files: dict[str, str], args: dict[str, Any], linter: str, argv: list[str]
) -> None:
    bin_ = tmp_path / "bin"
    write(bin_, dict.fromkeys(("ruff", "cargo", "go"), ""))
    for path in bin_.iterdir():
        path.chmod(0o755)
    planned = await plan(make_workspace(tmp_path, files, environment={"PATH": str(bin_)}), **args)
    assert planned.linter == linter
    assert planned.argv[-len(argv) :] == argv


VENV = {".venv/pyvenv.cfg": "", ".venv/bin/python": ""}


async def test_the_repositorys_own_linter_goes_first(tmp_path: Path) -> None:
    files = {"ruff.toml": "", ".venv/bin/ruff": "", **VENV}
    workspace = make_workspace(tmp_path, files)
    assert (await plan(workspace)).argv[0] == str(workspace.repository().root / ".venv/bin/ruff")


async def test_a_linter_that_is_not_there_is_a_result_that_says_what_to_do(tmp_path: Path) -> None:
    nowhere = {**ENVIRONMENT, "PATH": "/nowhere"}
    result = await lint(make_workspace(tmp_path, {".eslintrc.json": "{}"}, environment=nowhere))
    assert (result.linter, result.verdict) == ("eslint", "no_result")
    assert result.why == (
        "eslint is configured in .eslintrc.json but not installed. Install the package's dependencies (npm install)."
    )
    (tmp_path / "2").mkdir()
    result = await lint(make_workspace(tmp_path / "2", {"README.md": ""}))
    assert (result.linter, result.verdict) == (None, "no_result")
    assert result.why == "No configuration of a known linter was found in the repository."


async def test_many_findings_are_cut_and_counted(tmp_path: Path) -> None:
    program("ruff")
    files = {"ruff.toml": '[lint]\nselect = ["F"]\n', "a.py": "import os\n" + "x = y\n" * 100}
    result = await lint(make_workspace(tmp_path, files))
    assert (len(result.findings), result.total) == (MOST, 101)
    assert len(result.model_dump_json()) < 16_000


@pytest.mark.requirement("R8")
async def test_an_untrusted_repositorys_linter_needs_a_person(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {".flake8": "", ".venv/bin/flake8": "", **VENV}, trusted=False)
    planned = await plan(workspace)
    reason = run_linter.reason_to_ask(workspace, planned.model_dump(mode="json"))
    assert reason is not None
    assert reason.startswith("NOT SANDBOXED (this process has no sandbox): this runs the code of 'repo' with your")
    trusted = Workspace(
        {"repo": type(workspace.repository())("repo", workspace.repository().root, "write", trusted=True)},
        workspace.blobs,
        workspace.scratch,
    )
    assert run_linter.reason_to_ask(trusted, planned.model_dump(mode="json")) is None


async def test_a_path_that_is_an_option_is_refused_here_too(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="is not a path inside the repository"):
        await plan(make_workspace(tmp_path, {"ruff.toml": ""}), paths=["--config=/outside"])


@pytest.mark.requirement("R5")
async def test_a_cut_off_run_is_simply_run_again(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"ruff.toml": ""})
    planned = await run_linter.look(workspace, {})
    assert await run_linter.happened(workspace, planned) == (False, None)
    (workspace.repository().root / "ruff.toml").unlink()
    nothing = await run_linter.look(workspace, {})
    assert nothing["linter"] is None and await run_linter.happened(workspace, nothing) == (False, None)
