"""What holds for the project as a whole: sizes, documents that say what the code says, locked dependencies."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, StdioServerParameters, stdio_client
from typer.testing import CliRunner

from mcp_server.cli import app
from mcp_server.settings import Settings
from tests.documentation import TABLES, example_of, renewed, walk_commands

ROOT = Path(__file__).resolve().parent.parent
CODE = ("mcp_server", "agents", "tools", "prompts", "state", "demo", "bundle")
FOLDERS = (*CODE, "tests", "benchmarks")
LONGEST_MODULE, LONGEST_FUNCTION = 300, 40
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def modules(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def test_no_module_is_longer_than_a_reader_can_hold() -> None:
    lengths = {path.relative_to(ROOT): path.read_text(encoding="utf-8").count("\n") for path in modules(*CODE)}
    assert {str(path): length for path, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    functions = [
        (f"{path.relative_to(ROOT)}:{node.name}", (node.end_lineno or 0) - node.lineno + 1)
        for path in modules(*CODE)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert {name: length for name, length in functions if length > LONGEST_FUNCTION} == {}


def test_every_module_says_in_one_sentence_why_it_exists() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in modules(*FOLDERS)
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []


def test_no_type_error_and_no_lint_is_silenced() -> None:
    silenced = re.compile(r"#\s*(type:\s*ignore|pyright:\s*ignore|noqa)")
    found = [str(path) for path in modules(*FOLDERS) if silenced.search(path.read_text(encoding="utf-8"))]
    assert found == []


def test_no_format_is_read_that_can_build_objects_or_write_files() -> None:
    """SECURITY row 23: the log is plain JSON, settings of a repository are TOML, and nothing is unpacked.

    The front matter of prompts is YAML: one module reads it, without tags and aliases.
    """
    banned = {"pickle", "marshal", "shelve", "yaml", "tarfile", "zipfile", "xml", "lxml", "dill", "jsonpickle"}
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in modules(*CODE)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in imported(node)
        if name.partition(".")[0] in banned and (path.name, name.partition(".")[0]) != ("marked.py", "yaml")
    ]
    assert found == []


def imported(node: ast.AST) -> list[str]:
    match node:
        case ast.Import():
            return [alias.name for alias in node.names]
        case ast.ImportFrom():
            return [node.module or ""]
        case _:
            return []


@pytest.mark.parametrize("document", TABLES)
def test_generated_tables_say_what_the_code_says(document: str) -> None:
    assert (ROOT / document).read_text(encoding="utf-8") == renewed(document), "run: make docs"


@pytest.mark.parametrize("name", [name for name, _ in walk_commands()])
def test_every_command_has_help_with_an_example_that_calls_it(name: str) -> None:
    shown = CliRunner().invoke(app, [*name.split()[1:], "--help"], env={"COLUMNS": "300"})
    assert shown.exit_code == 0
    assert f"Example: {name}" in shown.output


def test_every_command_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name, command in walk_commands() if f"`{example_of(command)}`" not in readme] == []


def test_every_link_of_the_documents_leads_to_a_file() -> None:
    broken = [
        f"{path.relative_to(ROOT)}: {link}"
        for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text(encoding="utf-8"))
        if not (path.parent / link).exists()
    ]
    assert broken == []


def test_every_file_that_the_documents_name_exists() -> None:
    named = re.compile(
        r"`((?:docs|tests|state|agents|tools|prompts|mcp_server|benchmarks|demo|requirements)/(?:[\w./-]*[./][\w./-]*)?)`"
    )
    missing = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
        for name in named.findall(path.read_text(encoding="utf-8"))
        if not (ROOT / name).exists()
    ]
    assert missing == []


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in folder.glob("0*.md") if path.name not in index] == []


def test_every_runtime_dependency_has_its_reason() -> None:
    reasons = re.findall(
        r"^\| ([a-z0-9-]+) \|", (ROOT / "docs/dependencies.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    wanted = [re.split(r"[<>=~!\[ ]", name)[0] for name in PROJECT["project"]["dependencies"]]
    assert sorted(name for name in reasons if name != "package") == sorted(wanted)


def test_every_variable_of_the_example_is_one_that_is_read() -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    named = {match[1] for line in lines if (match := re.match(r"#?([A-Z0-9_]+)=", line))}
    assert named and named <= {field.alias for field in Settings.model_fields.values()}


@pytest.mark.parametrize(("lock", "least"), [("runtime", 30), ("dev", 30), ("bench", 30), ("local-model", 2)])
def test_each_lock_pins_by_hash_and_names_no_registry(lock: str, least: int) -> None:
    text = (ROOT / "requirements" / f"{lock}.lock").read_text(encoding="utf-8")
    pins = re.findall(r"^[a-z0-9][\w.-]*(?:\[\S+\])?==\S+.*\\$", text, re.MULTILINE)
    lines = [line for line in text.splitlines() if line[:1].isalnum()]
    assert len(pins) == len(lines) >= least
    assert "://" not in text and "--index" not in text and "--find-links" not in text


def test_the_lock_for_node_pins_by_hash_and_names_no_registry() -> None:
    lock: dict[str, Any] = json.loads((ROOT / "tests/node/package-lock.json").read_text(encoding="utf-8"))
    pins = [pin for name, pin in lock["packages"].items() if name]
    assert len(pins) > 100 and all(pin["version"] and pin["integrity"] and "resolved" not in pin for pin in pins)


def test_the_locks_hold_every_dependency_of_the_project() -> None:
    text = (ROOT / "requirements" / "runtime.lock").read_text(encoding="utf-8")
    wanted = [re.split(r"[<>=~!\[ ]", name)[0] for name in PROJECT["project"]["dependencies"]]
    assert [name for name in wanted if f"\n{name}==" not in text] == []


@pytest.mark.requirement("R19")
def test_the_example_configuration_starts_a_server(tmp_path: Path) -> None:
    example = json.loads((ROOT / "claude_desktop_config.example.json").read_text(encoding="utf-8"))
    entry = example["mcpServers"]["factor12"]
    assert entry["command"].endswith("/.venv/bin/factor12")
    environment = {
        **entry["env"],
        "SISTER_REPO_BASE_PATH": str(tmp_path),
        "FACTOR12_STATE_DIR": str(tmp_path / "state"),
    }
    assert set(entry["env"]) <= {field.alias for field in Settings.model_fields.values()}
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "mcp_server", *entry["args"]],
        env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
    )

    async def names() -> list[str]:
        with anyio.fail_after(20):
            async with Client(stdio_client(server)) as client:
                return [tool.name for tool in (await client.list_tools()).tools]

    assert "issue_fixer" in anyio.run(names)


def test_make_help_names_every_target() -> None:
    shown = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert phony is not None
    assert [target for target in phony[1].split() if f"make {target}" not in shown] == []
