"""What a person wants to know when something does not work: each part looked at, and what to do about it."""

import os
import platform
import shutil
import sqlite3
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

import anyio
from anyio.to_thread import run_sync

from mcp_server.compose import Runtime
from mcp_server.deciding import deciding, lacking, unpriced
from mcp_server.model_settings import HOST
from mcp_server.settings import Settings, child_environment
from mcp_server.version import program_version
from state import upkeep
from state.problem import ProblemError
from state.sqlite import StoreError
from state.store import Search
from tools.children import run_child

ANSWERS_S = 3.0
"""A server that is asked whether it is there."""
State: TypeAlias = Literal["good", "note", "bad"]
OLDEST_GIT = (2, 39)
"""Of Debian 12; the options that keep a repository's own programs from running were tried with it."""


LEAST_FREE = 100_000_000
"""Bytes on the database's disk, below which it is mentioned; a hundredth of it stops runs."""
NAMED, COUNTED = 3, 100
"""Threads of one status that are named one by one, and that are counted at all."""
_BROKEN = (
    "Is its disk full or failing? If the file itself is broken, move it aside with its -wal and -shm files: "
    "a new one is begun."
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One part and how it is; `bad` keeps a run from working, a `note` may surprise."""

    part: str
    state: State
    says: str
    next: str = ""


async def examine(
    settings: Settings, compose: Callable[[], Runtime], here: Path, *, rebuild: bool
) -> AsyncGenerator[Finding]:
    """Look at each part, also when the store cannot be used. Only its index is changed, and only with `rebuild`."""
    git = await _git()
    yield git
    for finding in (*_programs(), await _models(settings), *_disk(settings.database)):
        yield finding
    try:
        runtime = compose()
        yield await _sandbox(runtime)
        for finding in chain(_folders(runtime), _store(runtime, rebuild=rebuild), _threads(runtime)):
            yield finding
        for finding in await _agents(runtime):
            yield finding
        if git.state == "good":
            yield await _repository(runtime, here)
    except StoreError as error:
        pointed_here = "factor12 doctor" in error.problem.hint
        yield Finding("database", "bad", error.problem.message, _BROKEN if pointed_here else error.problem.hint)
        yield Finding("sandbox", "note", "not looked for: it must be no repository's own, and those need the database")


def _programs() -> Iterator[Finding]:
    python = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {platform.system()}"
    yield Finding("program", "good", f"factor12 {program_version()}, {python}")


async def _models(settings: Settings) -> Finding:
    """Look at each model of the chain: a run works as long as one of them can decide."""
    says, flaws = deciding(settings), list[tuple[str, str]]()
    for provider, name in settings.chain:
        if (flaw := lacking(settings, provider, name) or await _silent(settings, provider)) is not None:
            flaws.append((f"{provider}:{name} {flaw[0]}", flaw[1]))
    if not settings.chain and settings.secrets:
        return Finding("model", "note", f"{says}; there is a key, and no model is named", "Set MODEL_NAME.")
    if flaws:
        state: State = "bad" if len(flaws) == len(settings.chain) else "note"
        return Finding("model", state, f"{says}; {', and '.join(what for what, _ in flaws)}", flaws[0][1])
    if free := unpriced(settings):
        says = f"{says}; no price is known of {', '.join(free)}, so it counts as 0"
        return Finding("model", "note", says, "Set FACTOR12_MODEL_PRICES, if it costs money.")
    return Finding("model", "good", says)


async def _silent(settings: Settings, provider: str) -> tuple[str, str] | None:
    """Say that nobody answers where a person said that the provider is. No key is sent, nor anything else.

    Providers' own addresses are not called unasked, and behind a proxy only the proxy could be asked.
    """
    from urllib.request import getproxies, proxy_bypass  # on the way to no other command

    variable = "ANTHROPIC_BASE_URL" if provider == "anthropic" else "OPENAI_BASE_URL"
    url = {"scripted": "", HOST: ""}.get(provider, getattr(settings, variable.lower(), ""))
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not host or (parts.scheme in getproxies() and not proxy_bypass(host)):
        return None
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with anyio.fail_after(ANSWERS_S):
            await (await anyio.connect_tcp(host, port)).aclose()
    except (OSError, TimeoutError) as error:
        why = "not in time" if isinstance(error, TimeoutError) else "no connection"
        return f"does not answer at {host}:{port}: {why}", f"Start its server, or correct {variable}."
    return None


async def _git() -> Finding:
    if (found := shutil.which("git")) is None:
        return Finding("git", "bad", "not on the PATH", "Install git 2.39 or newer.")
    child = await run_child(
        [found, "--version"], cwd=Path("/"), env=child_environment(), timeout_s=10, mark="doctor", limit=1000
    )
    said = child.stdout.decode(errors="replace").strip()
    numbers = tuple(int(part) for part in said.removeprefix("git version ").split(".")[:2] if part.isdecimal())
    if numbers < OLDEST_GIT:
        return Finding("git", "bad", f"{said or 'does not answer'}", "Install git 2.39 or newer.")
    return Finding("git", "good", said)


def _disk(database: Path) -> Iterator[Finding]:
    folder = next(parent for parent in database.parents if parent.is_dir())
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE:
        says = f"{free / 1e6:.1f} MB are free where the database is, in {folder}"
        yield Finding("disk", "bad" if free < LEAST_FREE // 100 else "note", says, "Free space there.")


async def _sandbox(runtime: Runtime) -> Finding:
    standing = await run_sync(runtime.sandbox.standing)
    if standing.name != "none":
        return Finding(
            "sandbox", "good", f"{standing.name}: {standing.says} starts boxes; tests of a repository run in one"
        )
    if runtime.sandbox.required:
        says = f"none, so no tests run: FACTOR12_SANDBOX is `require`, and {standing.says}"
        return Finding("sandbox", "bad", says, "Install bubblewrap, or set FACTOR12_SANDBOX=auto.")
    says = f"none, so tests run with your rights, if you trust the repository or approve: {standing.says}"
    return Finding("sandbox", "note", says, "" if runtime.settings.sandbox == "off" else "Install bubblewrap.")


def _folders(runtime: Runtime) -> Iterator[Finding]:
    for root in runtime.repositories.roots:
        if not root.is_dir():
            says = f"{root} is no folder, and repositories are looked for there"
            yield Finding("folders", "bad", says, "Set SISTER_REPO_BASE_PATH or FACTOR12_ALLOWED_ROOTS to one.")


def _store(runtime: Runtime, *, rebuild: bool) -> Iterator[Finding]:
    size = upkeep.size(runtime.database)
    says = f"{runtime.database.path}, {size.bytes / 1e6:.1f} MB, {size.threads} threads, {size.events} events"
    yield Finding("database", "good", says)
    flaws = upkeep.integrity(runtime.database)
    for flaw in flaws:
        yield Finding("integrity", "bad", flaw, "Keep a copy of the file, then: factor12 threads export THREAD")
    if not flaws:
        yield Finding("integrity", "good", "every log can be read, and every blob is what it was")
    if rebuild:
        mended = upkeep.rebuild(runtime.database)
        yield Finding("index", "good", f"rebuilt from the log; {len(mended)} rows were different")
    elif drifted := upkeep.drift(runtime.database):
        says = f"{len(drifted)} rows do not say what their log says, as of thread {drifted[0]}"
        yield Finding("index", "bad", says, "factor12 doctor --rebuild")
    else:
        yield Finding("index", "good", "every row says what its log says")
    if users := _users(runtime.database.path):
        yield Finding("in use", "note", f"also by {', '.join(users)}")


def _users(database: Path) -> list[str]:
    """Name the other processes that have the file open, as far as this user may see."""
    import psutil  # on the way to no other command

    found = list[str]()
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and any(file.path == str(database) for file in process.open_files()):
                found.append(f"process {process.pid} ({' '.join(process.cmdline())[-60:]})")
        except psutil.Error:
            continue
    return found


def _threads(runtime: Runtime) -> Iterator[Finding]:
    waiting = runtime.store.list(Search(status="waiting", limit=COUNTED), runtime.principal)
    interrupted = runtime.store.list(Search(status="interrupted", limit=COUNTED), runtime.principal)
    for row in interrupted[:NAMED]:
        says = f"thread {row.thread_id} is interrupted ({row.agent} in {row.repo})"
        yield Finding("threads", "note", says, f"factor12 threads resume {row.thread_id}, or threads cancel")
    for row in waiting[:NAMED]:
        says = f"thread {row.thread_id} waits for {row.question} ({row.agent} in {row.repo})"
        yield Finding("threads", "note", says, f"factor12 answer {row.thread_id}")
    for status, rows in (("interrupted", interrupted), ("waiting", waiting)):
        if (more := len(rows) - NAMED) > 0:
            told = f"{more}{' or more' if len(rows) == COUNTED else ''} more {'is' if more == 1 else 'are'} {status}"
            yield Finding("threads", "note", told, f"factor12 threads list --status {status}")
    if not waiting and not interrupted:
        yield Finding("threads", "good", "none waits and none is interrupted")


async def _agents(runtime: Runtime) -> list[Finding]:
    """Look at the agents of the person's own repositories."""
    await runtime.custom.learn()
    broken = [Finding("agents", "note", one.problem.message, one.problem.hint) for one in runtime.custom.broken]
    if names := runtime.custom.named():
        return [Finding("agents", "good", f"of your own repositories: {', '.join(names)}"), *broken]
    return broken


async def _repository(runtime: Runtime, here: Path) -> Finding:
    repositories = runtime.repositories
    if (root := repositories.home) is None:
        listed = repositories.list()
        says = f"{here} is in no repository; {len(listed)} may be used from here by name"
        return Finding("repository", "note" if listed else "bad", says, "Go to one, or set SISTER_REPO_BASE_PATH.")
    try:
        facts = await repositories.facts(root)
    except ProblemError as error:
        return Finding("repository", "bad", error.problem.message, error.problem.hint)
    if why := facts.why_not_writable():
        return Finding("repository", "bad", why.message, why.hint)
    if notice := await run_sync(repositories.notice, root):
        return Finding("repository", "note", f"{root}: {notice}", f"factor12 repo trust {root}")
    if repositories.trusted(root):
        return Finding("repository", "good", f"{root} can be worked on, and is trusted")
    if (await run_sync(runtime.sandbox.standing)).name != "none":
        return Finding(
            "repository", "good", f"{root} can be worked on; it is not trusted, so its tests need the sandbox"
        )
    says = f"{root} is not trusted, so running its tests needs an approval"
    return Finding("repository", "note", says, f"factor12 repo trust {root}")
