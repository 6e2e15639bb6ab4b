"""What a box adds to the start of a child."""

from collections.abc import Iterator, Sequence
from os import environ
from pathlib import Path
from statistics import median
from time import perf_counter

import anyio

from benchmarks.figures import Figure, at_most
from tools.boxes.bubblewrap import Bubblewrap
from tools.boxes.sandbox import Policy
from tools.children import run_child

TIMES = 30


def figures(folder: Path) -> Iterator[Figure]:
    places = [folder / name for name in ("boxed/.git", "boxed/.venv", "private")]
    for place in places:
        place.mkdir(parents=True)
    root, environment = folder / "boxed", {"PATH": environ["PATH"]}
    policy = Policy(root, folder / "private", environment, guarded=(root / ".git", root / ".venv"))
    box = Bubblewrap(environment["PATH"], [folder])
    if box.standing().name == "none":
        print(f"no box is measured: {box.standing().says}")
        return
    bare, boxed = anyio.run(_side_by_side, box, policy)
    what = f"start of a box above the bare child's {bare:.0f} ms"
    yield at_most(what, max(0.0, boxed - bare), "ms", 30)


async def _side_by_side(box: Bubblewrap, policy: Policy) -> tuple[float, float]:
    """Return milliseconds, bare and boxed, each the median of runs that took turns; what to show counts as well."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(TIMES):
        for times, wrap in zip(taken, (_bare, box.wrap), strict=True):
            start = perf_counter()
            await run_child(
                wrap(["/bin/true"], policy), cwd=policy.root, env=policy.environment, timeout_s=30, mark="bench"
            )
            times.append(1e3 * (perf_counter() - start))
    return median(taken[0]), median(taken[1])


def _bare(argv: Sequence[str], _policy: Policy) -> list[str]:
    return list(argv)
