"""`kill -9` at every boundary of a fix: whoever goes on finishes it as if nothing had happened."""

import signal
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path
from time import monotonic

import pytest

from tests.chaos.scene import SCENARIOS, Remains, Scene, killed, make_template, open_scene, wait_until_stopped

POINTS = {"one pair, proved": 44, "several files": 36, "on a branch": 36}
"""How many boundaries each run has; a test below says so."""
SWEEP = 200
SAMPLE = (
    ("several files", 16),  # the intent to edit is in the log, nothing is edited
    ("several files", 17),  # edited, and not in the log
    ("on a branch", 29),  # committed, and not in the log
    ("one pair, proved", 17),  # the tests ran, and their result is lost
    ("one pair, proved", 41),  # finished, but still holding the lease
)


def moments() -> Iterator[tuple[str, int, int | None]]:
    """Yield scenario, the point where the first process dies, and where the one that goes on dies too, if it does.

    First every point once; then every point again, with a second death at a point that moves on by a prime each time.
    """
    single = [(scenario, point) for scenario in SCENARIOS for point in range(POINTS[scenario])]
    yield from ((scenario, point, None) for scenario, point in single)
    yield from ((scenario, point, turn * 7 % 31) for turn, (scenario, point) in enumerate(cycle(single)))


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("template") / "shop")


Undisturbed = Callable[[str], tuple[list[str], Remains]]


@pytest.fixture(scope="session")
def undisturbed(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """Return the points and the remains of a run that nothing disturbs, made once per scenario."""
    known: dict[str, tuple[list[str], Remains]] = {}

    def run(scenario: str) -> tuple[list[str], Remains]:
        if scenario not in known:
            scene = open_scene(template, tmp_path_factory.mktemp("undisturbed"))
            points = scene.points(scenario)
            known[scenario] = points, scene.remains()
        return known[scenario]

    return run


def finish(scene: Scene) -> None:
    """Go on with the thread as a person would, in another process."""
    done = scene.shell.run("threads", "resume", "latest", "--json")
    assert done.code in (0, 3), done


@pytest.mark.chaos
@pytest.mark.requirement("R4", "R5", "R6", "F6")
@pytest.mark.parametrize(("scenario", "first", "second"), list(islice(moments(), SWEEP)))
def test_a_killed_fix_ends_as_if_nobody_had_died(
    template: Path, tmp_path: Path, undisturbed: Undisturbed, scenario: str, first: int, second: int | None
) -> None:
    scene = open_scene(template, tmp_path)
    assert killed(scene.run(scenario, first))
    if second is not None:
        after = scene.run(None, second)
        assert killed(after) or after.returncode == 0, after.stderr
    finish(scene)
    assert scene.remains() == undisturbed(scenario)[1]


@pytest.mark.requirement("R4", "R5", "R6", "F6")
@pytest.mark.parametrize(("scenario", "point"), SAMPLE)
def test_a_fix_killed_at_its_worst_moment_ends_as_if_nobody_had_died(
    template: Path, tmp_path: Path, undisturbed: Undisturbed, scenario: str, point: int
) -> None:
    scene = open_scene(template, tmp_path)
    assert killed(scene.run(scenario, point))
    finish(scene)
    assert scene.remains() == undisturbed(scenario)[1]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_sweep_knows_how_many_boundaries_a_run_has(undisturbed: Undisturbed, scenario: str) -> None:
    points, remains = undisturbed(scenario)
    assert len(points) == POINTS[scenario], points
    assert remains.end[0] == "completed"


@pytest.mark.requirement("R6")
@pytest.mark.parametrize(
    ("scenario", "point"),
    [
        ("several files", 16),
        pytest.param("several files", 17, marks=pytest.mark.chaos),
        pytest.param("on a branch", 28, marks=pytest.mark.chaos),
        pytest.param("on a branch", 29, marks=pytest.mark.chaos),
        pytest.param("one pair, proved", 16, marks=pytest.mark.chaos),
    ],
)
def test_a_process_that_slept_through_a_takeover_changes_nothing_when_it_wakes(
    template: Path, tmp_path: Path, undisturbed: Undisturbed, scenario: str, point: int
) -> None:
    scene = open_scene(template, tmp_path, FACTOR12_LEASE_S="1")
    with scene.start(scenario, point, by="SIGSTOP") as late:
        try:
            wait_until_stopped(late)
            take_over(scene)
            before = scene.remains()
            late.send_signal(signal.SIGCONT)
            late.communicate(timeout=30)
        finally:
            late.kill()
    assert scene.remains() == before == undisturbed(scenario)[1]


def take_over(scene: Scene) -> None:
    """Resume until the sleeper's lease has run out; before that its thread counts as running."""
    deadline = monotonic() + 20
    while (done := scene.shell.run("threads", "resume", "latest", "--json")).code not in (0, 3):
        assert monotonic() < deadline, done
