"""Run the linter a repository is configured for, and report what it finds as data."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

from anyio.to_thread import run_sync
from pydantic import BaseModel, ConfigDict

from tools.base import tool
from tools.boxes.sandbox import BoxName, box_for
from tools.children import Child
from tools.findings import READERS, Finding, Linter
from tools.repoconfig import read_config
from tools.runners.boxed import reason_to_ask, wrapping
from tools.runners.cargo import rust_homes
from tools.runners.detection import text_of
from tools.runners.golang import go_homes
from tools.runners.interpreter import environments, on_path
from tools.runners.results import Target, last_lines
from tools.runners.surroundings import attempt, clear, run_there, shown, target
from tools.runners.targets import existing
from tools.workspace import Workspace

TIMEOUT_S = 300
MOST = 40
"""Findings listed in a result; its total says how many there are."""
# What configures each linter: a file, and what must stand in it.
_RULES: tuple[tuple[Linter, str, str], ...] = (
    ("ruff", r"\.?ruff\.toml", ""),
    ("ruff", r"pyproject\.toml", r"^\[tool\.ruff\b"),
    ("flake8", r"\.flake8", ""),
    ("flake8", r"setup\.cfg|tox\.ini", r"^\[flake8\]"),
    ("eslint", r"eslint\.config\.\w+|\.eslintrc(?:\.\w+)?", ""),
    ("eslint", r"package\.json", r'^\s*"eslintConfig"\s*:'),
    ("clippy", r"Cargo\.toml", ""),
    ("vet", r"go\.mod", ""),
)
_ARGUMENTS: dict[Linter, tuple[str, ...]] = {
    "ruff": ("check", "--output-format=json", "--no-fix", "--no-cache", "--force-exclude"),
    "flake8": ("--format=%(path)s:%(row)d:%(col)d: %(code)s %(text)s",),
    "eslint": ("--format=json",),
    "clippy": ("clippy", "--quiet", "--message-format=json", "--all-targets"),
    "vet": ("vet",),
}
_SUFFIXES: dict[Linter, tuple[str, ...]] = {
    "ruff": (".py", ".pyi"),
    "flake8": (".py",),
    "eslint": (".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx"),
    "clippy": (".rs",),
    "vet": (".go",),
}
_INSTALL: dict[Linter, str] = {
    "ruff": "Install it into .venv of the repository (pip install ruff).",
    "flake8": "Install it into .venv of the repository (pip install flake8).",
    "eslint": "Install the package's dependencies (npm install).",
    "clippy": "Install Rust from https://rustup.rs.",
    "vet": "Install Go from https://go.dev/dl.",
}


class LintPlan(BaseModel):
    """What will run, exactly."""

    model_config = ConfigDict(frozen=True)

    repo: str
    linter: Linter | None = None
    reason: str = "No configuration of a known linter was found in the repository."
    """Why this linter; or why none can run, and then `argv` is empty."""
    argv: list[str] = []
    environment: dict[str, str] = {}
    paths: list[str] = []
    sandbox: BoxName = "none"
    writable: list[str] = []
    """What it may write that it otherwise only reads, in a sandbox."""


class Lint(BaseModel):
    """What one run of a repository's linter found."""

    model_config = ConfigDict(frozen=True)

    linter: Linter | None
    command: list[str] = []
    verdict: Literal["clean", "findings", "no_result"]
    why: str
    findings: list[Finding] = []
    """Cut at `MOST`."""
    total: int = 0
    sandbox: BoxName = "none"
    seconds: float = 0.0


def _gate(workspace: Workspace, plan: LintPlan) -> str | None:
    return reason_to_ask(workspace, plan)


async def _apply(workspace: Workspace, plan: LintPlan) -> Lint:
    if plan.linter is None or not plan.argv:
        return Lint(linter=plan.linter, verdict="no_result", why=plan.reason)
    there, wrap = target(workspace, plan.repo, plan.linter, plan.paths), wrapping(workspace, plan)
    async with attempt(there) as here:
        workspace.fence()
        child = await run_there(here, plan, TIMEOUT_S, wrap)
    found = _conclude(there, plan.linter, shown(there, plan.argv), child)
    return found.model_copy(update={"sandbox": plan.sandbox})


async def _probe(workspace: Workspace, plan: LintPlan) -> None:
    """End what a cut-off run left running. It changes nothing: running it again is the answer."""
    if plan.linter is not None:
        await clear(target(workspace, plan.repo, plan.linter, plan.paths))


@tool("write", apply=_apply, probe=_probe, gate=_gate, carries="output", timeout=360)
async def run_linter(workspace: Workspace, repo: str = "", paths: tuple[str, ...] = ()) -> LintPlan:
    """Run the linter the repository is configured for (ruff, flake8, eslint, clippy, go vet) over it or over `paths`.

    It only reports. A linter that is not configured or not installed is a result with the verdict `no_result`.
    """
    return await run_sync(_plan, workspace, repo, paths)


def _plan(workspace: Workspace, repo: str, paths: tuple[str, ...]) -> LintPlan:
    repository = workspace.repository(repo)
    plan = LintPlan(repo=repository.name, paths=list(existing(repository.root, paths)))
    if (configured := _configured(repository.root)) is None:
        return plan
    linter, file = configured
    there = target(workspace, repo, linter, plan.paths)
    if (program := _program(there, linter)) is None:
        reason = f"{linter} is configured in {file} but not installed. {_INSTALL[linter]}"
        return plan.model_copy(update={"linter": linter, "reason": reason})
    found = {
        "linter": linter,
        "reason": f"{file} configures {linter}.",
        "argv": [program, *_ARGUMENTS[linter], *_where(linter, plan.paths)],
        "environment": _environment(there, linter, program),
        "sandbox": box_for(workspace.sandbox),
        "writable": list(read_config(repository).sandbox.writable),
    }
    return plan.model_copy(update=found)


def _configured(root: Path) -> tuple[Linter, str] | None:
    """Return the first linter the repository is configured for, and the file that does it."""
    files = sorted(path for path in root.iterdir() if path.is_file())
    for linter, name, section in _RULES:
        for path in files:
            if re.fullmatch(name, path.name) and re.search(section, text_of(path), re.MULTILINE):
                return linter, path.name
    return None


def lintable(root: Path, paths: Sequence[str]) -> list[str]:
    """Return what of the paths the configured linter can be pointed at; packages, where it looks at these."""
    if (configured := _configured(root)) is None:
        return []
    fit = [path for path in paths if PurePosixPath(path).suffix in _SUFFIXES[configured[0]]]
    return fit if configured[0] != "vet" else sorted({str(PurePosixPath(path).parent) for path in fit})


def _program(there: Target, linter: Linter) -> str | None:
    """Find the linter the repository brings, else the one on the PATH."""
    own = [there.root / "node_modules/.bin/eslint"] if linter == "eslint" else []
    if linter in {"ruff", "flake8"}:
        own = [venv / "bin" / linter for venv in environments(there.root)]
    found = next((str(path) for path in own if path.is_file()), None)
    return found or on_path(there, {"clippy": "cargo", "vet": "go"}.get(linter, linter))


def _where(linter: Linter, paths: list[str]) -> list[str]:
    match linter:
        case "clippy":
            return []  # cargo checks packages, not files
        case "vet":
            return [f"./{path}" for path in paths] or ["./..."]
        case _:
            return ["--", *(paths or ["."])]


def _environment(there: Target, linter: Linter, program: str) -> dict[str, str]:
    match linter:
        case "clippy":
            return rust_homes(there, program)
        case "vet":
            return go_homes(there)
        case _:
            return {"PYTHONDONTWRITEBYTECODE": "1"}


def _conclude(there: Target, linter: Linter, command: list[str], child: Child) -> Lint:
    seconds = round(child.seconds, 2)
    try:
        findings = list(dict.fromkeys(READERS[linter](there, child)))
    except ValueError:  # not the report it writes when it has run
        findings = []
    if child.timed_out or child.excess or child.stdout_dropped or (child.returncode and not findings):
        said = child.ended_for or last_lines(child.stderr) or last_lines(child.stdout)
        why = f"{linter} ended after {TIMEOUT_S} s." if child.timed_out else f"{linter} did not finish: {said}"
        return Lint(linter=linter, command=command, verdict="no_result", why=why, seconds=seconds)
    total = len(findings)
    return Lint(
        linter=linter,
        command=command,
        verdict="findings" if findings else "clean",
        why=f"{linter} found {total} problem{'' if total == 1 else 's'}." if findings else f"{linter} found nothing.",
        findings=findings[:MOST],
        total=total,
        seconds=seconds,
    )
