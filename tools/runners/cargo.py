"""cargo: read what libtest prints, since its machine-readable report is not stable."""

import re
from pathlib import Path

from tools.children import Child
from tools.runners.interpreter import on_path
from tools.runners.results import Case, Missing, Recipe, Report, State, Target, compact, gather, last_lines

# On stderr, one for each test program, in the order in which they run.
_PROGRAM = re.compile(r"^[ \t]+(?:Running (?:unittests )?(\S+) \(|(Doc-tests) )", re.MULTILINE)
_BLOCK = re.compile(r"^running \d+ tests?$", re.MULTILINE)
_TEST = re.compile(r"^test (.+?)(?: - should panic)? \.\.\. (ok|FAILED|ignored)", re.MULTILINE)
_OUTPUT = re.compile(r"^---- (.+?) stdout ----\n(.*?)(?=^---- |\Z|^failures:$)", re.MULTILINE | re.DOTALL)
_LINE = re.compile(r" \(line \d+\)$")  # of a documentation test; it moves with every edit above
_PANIC = re.compile(r"panicked at (?:'.{0,400}', )?([^\s:]+):(\d+):\d+")
_COMPILER = re.compile(r"^error(?:\[\w+\])?: (.+)\n[ \t]+--> ([^:\n]+):(\d+)", re.MULTILINE)
_STATES: dict[str, State] = {"ok": "pass", "FAILED": "fail", "ignored": "skip"}


async def recipe(target: Target) -> Recipe | Missing:
    if (program := on_path(target, "cargo")) is None:
        return Missing("There is no cargo on the PATH. Install Rust from https://rustup.rs.")
    only = [part for path in target.paths for part in ("--test", Path(path).stem)]
    argv = (program, "test", "--no-fail-fast", *only, *(("--", target.select) if target.select else ()))
    return Recipe(argv, {"CARGO_TERM_COLOR": "never", "RUST_BACKTRACE": "0", **rust_homes(target, program)})


def report(target: Target, child: Child) -> Report:
    out, err = child.stdout.decode(errors="replace"), child.stderr.decode(errors="replace")
    programs = [source or "doc" for source, _ in _PROGRAM.findall(err)]
    blocks = _BLOCK.split(out)[1:]
    cases = [case for source, block in zip(programs, blocks, strict=False) for case in _cases(target, source, block)]
    complete = len(blocks) == out.count("\ntest result: ") and bool(blocks or child.returncode == 0)
    return gather(cases, _problem(child, err, complete=complete))


def rust_homes(target: Target, program: str) -> dict[str, str]:
    """Tell rustup's stand-in for cargo where it lives, which it would look for in the private HOME."""
    folder = Path(program).parent.parent
    if not (folder / "bin/rustup").exists():
        return {}
    homes = {"CARGO_HOME": str(folder), "RUSTUP_HOME": str(folder.with_name(".rustup"))}
    return {name: value for name, value in homes.items() if name not in target.environment}


def _cases(target: Target, source: str, block: str) -> list[Case]:
    said: dict[str, str] = dict(_OUTPUT.findall(block))
    cases: list[Case] = []
    for name, state in _TEST.findall(block):
        text = said.get(name, "")
        file = name.partition(" - ")[0] if source == "doc" else _file(target.root, source, name)
        panic = _PANIC.search(text)
        name = _LINE.sub("", name)
        cases.append(
            Case(
                id=f"{file}::{name}",
                state=_STATES[state],
                message=text[panic.end() + 1 :] if panic else text,
                file=panic.group(1) if panic else file,
                line=int(panic.group(2)) if panic else 0,
            )
        )
    return cases


def _file(root: Path, source: str, name: str) -> str:
    """Find the file of a unit test: the deepest module of its path that is a file of its own."""
    folder, modules = Path(source).parent, name.split("::")[:-1]
    for depth in range(len(modules), 0, -1):
        stem = folder.joinpath(*modules[:depth])
        for place in (stem.with_suffix(".rs"), stem / "mod.rs"):
            if (root / place).is_file():
                return str(place)
    return source


def _problem(child: Child, err: str, *, complete: bool) -> str:
    if found := _COMPILER.search(err):
        message, file, line = found.groups()
        return f"{file}:{line} does not compile: {compact(message, 300)}"
    if child.stdout_dropped or not complete or child.returncode not in {0, 101}:
        return f"cargo ended early with exit code {child.returncode}: {last_lines(err)}"
    return ""
