"""What checkpoints cost in a repository of 10,000 files, each beside git doing the like in the same minute."""

import os
import subprocess
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter

import anyio

from benchmarks.figures import Figure, at_most, at_most_times
from tools.checkpoints.pruning import size
from tools.checkpoints.restoring import carry_out, finish, propose
from tools.checkpoints.saving import save
from tools.checkpoints.vault import opened
from tools.workspace import Repository, Workspace

FILES, CHANGED, TIMES = 10_000, 100, 15
PERSON = ("-c", "user.name=Bench", "-c", "user.email=bench@example.org")


class _Nothing:
    """Blobs are of no use here."""

    def put(self, data: bytes) -> str:
        return data.hex()

    def get(self, digest: str) -> bytes | None:
        return bytes.fromhex(digest)


@dataclass(frozen=True)
class _Shop:
    root: Path
    workspace: Workspace
    random: Random
    numbers: "count[int]"

    def git(self, *words: str) -> None:
        subprocess.run(["git", "-C", str(self.root), *PERSON, *words], check=True, capture_output=True)

    def change(self, files: int) -> None:
        for number in self.random.sample(range(FILES), files):
            _path(self.root, number).write_text(f"x = {next(self.numbers)}\n" * 20, encoding="utf-8")

    async def settle(self) -> None:
        """Bring everything back, and let both know the files as they are."""
        self.git("checkout", "HEAD", "--", ".")
        self.git("status")
        await self.save()

    async def save(self) -> str:
        repository = self.workspace.repository()
        async with opened(self.workspace, repository) as vault:
            return (await save(self.workspace, repository, vault, "bench")).commit

    async def restore(self, commit: str) -> None:
        repository = self.workspace.repository()
        async with opened(self.workspace, repository) as vault:
            await carry_out(vault, await propose(self.workspace, repository, vault, commit))
            await finish(vault)


def figures(folder: Path) -> Iterator[Figure]:
    yield from anyio.run(_measure, folder / "checkpoints")


async def _measure(folder: Path) -> list[Figure]:
    shop = _made(folder)
    start = perf_counter()
    await shop.save()
    first = perf_counter() - start
    await shop.settle()
    commit, before = await shop.save(), size(shop.workspace.vaults)
    status, clean = await _beside(shop, ("status", "--porcelain"), shop.save, changed=0)
    growth = (size(shop.workspace.vaults) - before) / TIMES / 1e3
    status_changed, changed = await _beside(shop, ("status", "--porcelain"), shop.save, changed=CHANGED)

    async def restore() -> None:
        await shop.save()  # git's checkout has brought the files back, and written its index
        shop.change(CHANGED)
        start = perf_counter()
        await shop.restore(commit)
        taken.append(perf_counter() - start)

    taken = list[float]()
    checkout, _ = await _beside(shop, ("checkout", "HEAD", "--", "."), restore, changed=CHANGED)
    what = f"of a {FILES:,}-file repository"
    return [
        Figure(f"first checkpoint {what}", 1e3 * first, "ms"),
        at_most_times(f"second checkpoint {what}, clean", 1e3 * clean, "ms", 1e3 * status, "git status", 2),
        at_most_times(f"checkpoint, {CHANGED} changed", 1e3 * changed, "ms", 1e3 * status_changed, "git status", 3),
        at_most_times(
            f"restore of {CHANGED} files, held before and after",
            *(1e3 * median(taken), "ms", 1e3 * checkout, "git checkout HEAD -- .", 3),
        ),
        at_most("disk growth per checkpoint of an unchanged tree", growth, "kB", 2),
    ]


async def _beside(
    shop: _Shop, git: Sequence[str], ours: Callable[[], Awaitable[object]], *, changed: int
) -> tuple[float, float]:
    """Return the medians of git's time and ours in seconds, in turn, each time from the same state on."""
    taken: tuple[list[float], list[float]] = [], []
    for _ in range(TIMES):
        shop.change(changed)
        start = perf_counter()
        shop.git(*git)
        taken[0].append(perf_counter() - start)
        start = perf_counter()
        await ours()
        taken[1].append(perf_counter() - start)
        await shop.settle()
    return median(taken[0]), median(taken[1])


def _made(folder: Path) -> _Shop:
    root, scratch = folder / "shop", folder / "scratch"
    scratch.mkdir(parents=True)
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    repository = Repository("shop", root.resolve(), "write")
    workspace = Workspace({"shop": repository}, _Nothing(), scratch, environment, vaults=folder / "vaults")
    shop = _Shop(root, workspace, Random(1), count(FILES))
    for number in range(FILES):
        path = _path(root, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"x = {number}\n" * 20, encoding="utf-8")
    shop.git("init", "-q")
    shop.git("add", "-A")
    shop.git("commit", "-q", "-m", "start")
    return shop


def _path(root: Path, number: int) -> Path:
    return root / f"d{number % 100:02}" / f"s{number % 7}" / f"f{number}.py"
