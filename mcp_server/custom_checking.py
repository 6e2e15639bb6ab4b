"""Try every agent of a repository before anybody relies on it: imports, schemas, prompts, purity."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from mcp_server.compose import Runtime
from mcp_server.custom_child import Child
from mcp_server.custom_described import LOAD_S, slug
from mcp_server.custom_files import FOLDER, LARGEST, Source, found
from mcp_server.enabling import BETWEEN
from mcp_server.wordings import FOLDER as FOLDER_OF_PROMPTS
from prompts.render import SUFFIX
from state.problem import Problem, ProblemError
from state.rows import encode
from state.store import Search
from tools.workspace import Repository

State: TypeAlias = Literal["good", "note", "bad"]
EXPLORE_S = 30.0
MOST_RECORDED = 5


@dataclass(frozen=True, slots=True)
class Checked:
    """One thing that was looked at."""

    file: str
    what: Literal["imports", "schemas", "prompts", "purity"]
    state: State
    says: str


async def checked(runtime: Runtime, root: Path) -> list[Checked]:
    """Return what was found, file by file. The agents run in a process of their own, as they would when called."""
    repo = runtime.repositories.name_of(root)
    meant, unreadable = found(root, repo)
    results = [Checked(one.file, "imports", "bad", str(one.problem)) for one in unreadable]
    results += _unmeant(root, {one.file for one in meant} | {one.file for one in unreadable})
    names = dict[str, str]()
    child = Child(repo, runtime.sandbox)
    try:
        for one in meant:
            results += await _agent(runtime, child, one, names)
    finally:
        child.end()
    return [*results, *_templates(runtime, root)]


async def _agent(runtime: Runtime, child: Child, one: Source, names: dict[str, str]) -> list[Checked]:
    try:
        shape = (await child.ask(one, "shape", LOAD_S))["shape"]
    except ProblemError as error:
        return [Checked(one.file, "imports", "bad", str(error.problem))]
    results = [Checked(one.file, "imports", "good", "only what is promised")]
    if (other := names.setdefault(shape["name"], one.file)) != one.file:
        return [*results, Checked(one.file, "schemas", "bad", f"it is called {shape['name']!r} like {other}")]
    fields = ", ".join(shape["input"].get("properties", {})) or "nothing"
    full = f"{slug(one.repo)}{BETWEEN}{shape['name']}"
    results.append(Checked(one.file, "schemas", "good", f"{full} takes {fields}"))
    try:
        logs = _recorded(runtime, full)
        notes = (await child.ask(one, "explore", EXPLORE_S, logs=logs))["notes"]
    except ProblemError as error:
        return [*results, Checked(one.file, "purity", "bad", str(error.problem))]
    return [*results, *_purity(one.file, notes, len(logs))]


def _recorded(runtime: Runtime, agent: str) -> list[list[Any]]:
    rows = runtime.store.list(Search(agent=agent, limit=MOST_RECORDED), runtime.principal)
    return [[encode(record.event) for record in runtime.store.read(row.thread_id)] for row in rows]


def _purity(file: str, notes: list[dict[str, Any]], recorded: int) -> Iterator[Checked]:
    bad = False
    for note in notes:
        match note["kind"]:
            case "tried" if not bad:
                says = f"the same step twice from each of {note['says']}"
                yield Checked(
                    file, "purity", "good", f"{says}, {recorded} threads' own among them" if recorded else says
                )
            case "raised":
                yield Checked(file, "purity", "note", note["says"])
            case "impure":
                bad = True
                yield Checked(file, "purity", "bad", note["says"])
            case _:
                pass


def _unmeant(root: Path, meant: set[str]) -> Iterator[Checked]:
    """Say of the other files why they are not offered; one that uses our internals is wrong, not another project's."""
    from mcp_server.custom_rules import flaws
    from tools.beneath import read_bytes

    folder = root / FOLDER
    for path in sorted(folder.glob("*.py")) if folder.is_dir() else ():
        file = f"{FOLDER}/{path.name}"
        if file in meant or path.name.startswith("_"):
            continue
        internal = [one for one in flaws(read_bytes(root, file, LARGEST)) if "internal of factor12" in one.message]
        if internal:
            yield Checked(file, "imports", "bad", str(internal[0].problem(file, root.name)))
        else:
            yield Checked(file, "imports", "note", "no agent of factor12: it does not import mcp_server.plugin")


def _templates(runtime: Runtime, root: Path) -> Iterator[Checked]:
    """Compile every template, and name the variables that it takes."""
    there = Repository(root.name, root, "read", trusted=True)
    folder = root / FOLDER_OF_PROMPTS
    for path in sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else ():
        file, name = f"{FOLDER_OF_PROMPTS}/{path.name}", path.name.removesuffix(SUFFIX)
        wording = next(runtime.wordings.every(name, there), None)
        if wording is None or wording.origin != "repository":
            yield Checked(file, "prompts", "bad", "a repository cannot word a prompt of that name")
        elif wording.template is None:
            yield Checked(file, "prompts", "bad", str(wording.problem))
        else:
            yield Checked(file, "prompts", "good", f"takes {', '.join(wording.template.header.variables) or 'nothing'}")


def no_agents(root: Path) -> ProblemError:
    problem = Problem(
        kind="not_found", message=f"{str(root)!r} has no agents: no agents/*.py and no prompts/.", hint=""
    )
    return ProblemError(problem.kind, problem.message, "`factor12 new agent NAME` writes one.")
